#include "service/admit/price.hpp"

#include "service/paywall/tiers.hpp"
#include "service/pricing/price.hpp"
#include "service/relay/header_rules.hpp"

namespace millrace::admit {
namespace {

constexpr std::size_t longest_told = 1024;

// JSON is UTF-8, and a field's value may be anything: each byte is told as the character of ISO 8859-1, so that what
// differs is told apart.
std::string plain(std::string_view value) {
    std::string out;
    for (char c : value) {
        auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80)
            out += c;
        else
            out.append(1, static_cast<char>(0xc0U | (byte >> 6U))).append(1, static_cast<char>(0x80U | (byte & 0x3fU)));
    }
    return out;
}

std::string_view query_of(std::string_view target) {
    std::size_t mark = target.find('?');
    return mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
}

std::string header_told(const http::RequestHead* head, std::string_view name) {
    std::string out;
    if (!head) return out;
    for (const http::HeaderLine& line : head->fields) {
        if (relay::same_field_name(line.name, name)) out.append(out.empty() ? "" : ",").append(line.value);
    }
    return plain(out);
}

// Empty: it has no value for this request, and is not told.
std::optional<std::string> fact(std::string_view name, const Described& what, const Quote& quote,
                                const limits::Address& client) {
    // HEAD asks for what GET would bring.
    if (name == "method") return plain(what.method == "HEAD" ? std::string_view("GET") : what.method);
    if (name == "host") return plain(what.host);
    if (name == "path") return paywall::encode_path(what.path);
    if (name == "query") return plain(query_of(what.target));
    if (name == "content_length" && quote.body_size) return std::to_string(*quote.body_size);
    if (name == "units" && quote.units) return plain(*quote.units);
    if (name == "client") return limits::prefix_text(client);
    return std::nullopt;
}

std::optional<http::Problem> price_by_rules(RequestFacts& request, unsigned tier) {
    const config::Service& sold = request.service();
    const config::Route* route = request.route_sold();
    Quote& quote = request.quote;
    pricing::PriceFacts facts{quote.body_size, std::nullopt};
    if (quote.units) facts.units = *quote.units;
    auto price = pricing::price_of(sold, route, facts, tier);
    if (const Msat* asked = std::get_if<Msat>(&price)) {
        quote.tier = tier;
        quote.price = quote.local_price = *asked;
        quote.priced = !quote.question;
        if (quote.question) {
            const config::Tier* named = sold.tier(tier);
            quote.question->tier = tier;
            quote.question->tier_name = named ? named->name : std::string();
            quote.question->local = quote.local_price;
            quote.question->thing = quote.thing = pricing::thing_of(*quote.question);
        }
        return std::nullopt;
    }
    switch (std::get<pricing::PriceFault>(price)) {
        case pricing::PriceFault::length_required:
            return http::Problem{411, "This is priced by size: send the body with a Content-Length."};
        case pricing::PriceFault::bad_units:
            return http::Problem{400, route->unit_header + " must be a whole number from 1 to " +
                                          std::to_string(route->max_units) + '.'};
        case pricing::PriceFault::too_much:
            break;
    }
    return http::Problem{400, "This costs more than one invoice can ask for: split the request."};
}

// A tier that is not sold (any more) has the service's own price.
unsigned tier_priced(const RequestFacts& request, unsigned tier) {
    return request.service().tier(tier) ? tier : 0;
}

}  // namespace

std::optional<http::Problem> find_price(RequestFacts& request) {
    const config::Service& sold = request.service();
    request.quote = Quote::of_rules(sold.price);
    if (request.match.access == paywall::Access::free) return std::nullopt;
    const http::RequestHead& head = *request.head;
    if (auto fault = request.deciding->fault_of(head, request.front_question.has_value()))
        return http::Problem{400, std::move(*fault)};
    const paywall::RequestTarget& target = *request.target;
    std::string_view path = request.path_compared.empty() ? target.path : request.path_compared;
    Described what{head.method, request.host, path, target.forward, std::nullopt, std::nullopt, &head};
    if (head.framing == http::Framing::none && request.body_told) what.body_size = 0;
    if (head.has_content_length) what.body_size = head.content_length;
    const config::Route* route = request.route_sold();
    std::string_view wished;
    for (const http::HeaderLine& line : head.fields) {
        if (route && !route->unit_header.empty() && relay::same_field_name(line.name, route->unit_header))
            what.units = line.value;
        if (!sold.tiers.empty() && relay::same_field_name(line.name, "X-L402-Tier")) wished = line.value;
    }
    const config::Tier* wish = wished.empty() ? nullptr : paywall::find_tier(sold, wished);
    if (!wished.empty() && !wish) {
        std::string known;
        for (const config::Tier& tier : sold.tiers) known.append(known.empty() ? "" : ", ").append(tier.name);
        return http::Problem{400, "X-L402-Tier names no tier of this service, which sells: " + known + '.'};
    }
    return price_offer(request, what, wish);
}

std::optional<http::Problem> price_offer(RequestFacts& request, const Described& what, const config::Tier* wish) {
    const config::Service& sold = request.service();
    Quote& quote = request.quote;
    quote.body_size = what.body_size;
    if (what.units) quote.units = std::string(*what.units);
    quote.offer_tier = request.token_tier = paywall::tier_to_sell(sold, request.route_sold(), wish);
    // Where nothing is sold, there is nothing to be asked.
    if (sold.pricer && request.match.access == paywall::Access::sold) {
        pricing::Question question;
        question.service = sold.name.text();
        if (const config::Route* route = request.route_sold()) question.route = route->name;
        for (const std::string& name : sold.pricer->facts) {
            auto value = fact(name, what, quote, request.client);
            if (value) question.facts.emplace_back(name, std::move(*value));
        }
        for (const std::string& name : sold.pricer->headers)
            question.headers.emplace_back(name, header_told(what.head, name));
        // What is cut off would be asked of the upstream, and not priced.
        for (const auto* told : {&question.facts, &question.headers}) {
            for (const auto& [name, value] : *told) {
                if (value.size() <= longest_told) continue;
                return http::Problem{400, "The price depends on " + name + ", which may have " +
                                              std::to_string(longest_told) + " bytes: make it shorter."};
            }
        }
        quote.question = std::move(question);
    }
    return price_by_rules(request, quote.offer_tier);
}

bool about_tier(RequestFacts& request, unsigned tier) {
    tier = tier_priced(request, tier);
    return tier == request.quote.tier || !price_by_rules(request, tier);
}

std::optional<http::Problem> price_in_tier(RequestFacts& request, unsigned tier) {
    tier = tier_priced(request, tier);
    if (tier == request.quote.tier) return std::nullopt;
    return price_by_rules(request, tier);
}

}  // namespace millrace::admit
