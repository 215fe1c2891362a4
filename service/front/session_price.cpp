// What the request costs: by the service's own rules, and by whoever prices it beyond them. A price is that of a tier:
// of the one that is for sale, or of the token that came with the request.
#include "service/front/session.hpp"
#include "service/http/await_callback.hpp"
#include "service/pages/pay_cookie.hpp"
#include "service/paywall/tiers.hpp"
#include "service/paywall/token_claim.hpp"
#include "service/pricing/price.hpp"
#include "service/relay/header_rules.hpp"

namespace millrace::front {
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
std::optional<std::string> fact(std::string_view name, std::string_view method, std::string_view host,
                                std::string_view path, std::string_view target,
                                const std::optional<std::uint64_t>& body_size, const std::optional<std::string>& units,
                                const limits::Address& client) {
    // HEAD asks for what GET would bring.
    if (name == "method") return plain(method == "HEAD" ? std::string_view("GET") : method);
    if (name == "host") return plain(host);
    if (name == "path") return paywall::encode_path(path);
    if (name == "query") return plain(query_of(target));
    if (name == "content_length" && body_size) return std::to_string(*body_size);
    if (name == "units" && units) return plain(*units);
    if (name == "client") return limits::prefix_text(client);
    return std::nullopt;
}

}  // namespace

std::optional<http::Problem> Session::find_price() {
    request_->quote.price = request_->quote.local_price = service().price;
    request_->quote.priced = true;
    request_->quote.tier = request_->quote.offer_tier = request_->token_tier = 0;
    request_->quote.question.reset();
    request_->quote.thing.clear();
    if (request_->match.access == paywall::Access::free) return std::nullopt;
    const Exchange& x = *exchange_;
    const http::RequestHead& head = x.request.head();
    if (auto fault =
            request_->site->deciding[request_->match.service].fault_of(head, request_->front_question.has_value()))
        return http::Problem{400, std::move(*fault)};
    std::string_view path = request_->path_compared.empty() ? x.target.path : request_->path_compared;
    Described what{head.method, x.host, path, x.target.forward, std::nullopt, std::nullopt, &head};
    if (head.framing == http::Framing::none && request_->body_told) what.body_size = 0;
    if (head.has_content_length) what.body_size = head.content_length;
    const config::Route* route = route_sold();
    std::string_view wished;
    for (const http::HeaderLine& line : head.fields) {
        if (route && !route->unit_header.empty() && relay::same_field_name(line.name, route->unit_header))
            what.units = line.value;
        if (!service().tiers.empty() && relay::same_field_name(line.name, "X-L402-Tier")) wished = line.value;
    }
    const config::Tier* wish = wished.empty() ? nullptr : paywall::find_tier(service(), wished);
    if (!wished.empty() && !wish) {
        std::string known;
        for (const config::Tier& tier : service().tiers) known.append(known.empty() ? "" : ", ").append(tier.name);
        return http::Problem{400, "X-L402-Tier names no tier of this service, which sells: " + known + '.'};
    }
    return price_offer(what, wish);
}

// By the rules, in the tier that is for sale; what else is to be known for the price is kept: a quote has no head.
std::optional<http::Problem> Session::price_offer(const Described& what, const config::Tier* wish) {
    const config::Service& sold = service();
    request_->quote.body_size = what.body_size;
    request_->quote.units.reset();
    if (what.units) request_->quote.units = std::string(*what.units);
    request_->quote.offer_tier = request_->token_tier = paywall::tier_to_sell(sold, route_sold(), wish);
    request_->quote.question.reset();
    request_->quote.thing.clear();
    // Where nothing is sold, there is nothing to be asked.
    if (sold.pricer && request_->match.access == paywall::Access::sold) {
        pricing::Question question;
        question.service = sold.name.text();
        if (const config::Route* route = route_sold()) question.route = route->name;
        for (const std::string& name : sold.pricer->facts) {
            auto value = fact(name, what.method, what.host, what.path, what.target, request_->quote.body_size,
                              request_->quote.units, request_->client);
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
        request_->quote.question = std::move(question);
    }
    return price_by_rules(request_->quote.offer_tier);
}

std::optional<http::Problem> Session::price_by_rules(unsigned tier) {
    const config::Route* route = route_sold();
    pricing::PriceFacts facts{request_->quote.body_size, std::nullopt};
    if (request_->quote.units) facts.units = *request_->quote.units;
    auto price = pricing::price_of(service(), route, facts, tier);
    if (const Msat* sold = std::get_if<Msat>(&price)) {
        request_->quote.tier = tier;
        request_->quote.price = request_->quote.local_price = *sold;
        request_->quote.priced = !request_->quote.question;
        if (request_->quote.question) {
            const config::Tier* named = service().tier(tier);
            request_->quote.question->tier = tier;
            request_->quote.question->tier_name = named ? named->name : std::string();
            request_->quote.question->local = request_->quote.local_price;
            request_->quote.question->thing = request_->quote.thing = pricing::thing_of(*request_->quote.question);
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
unsigned Session::tier_priced(unsigned tier) const {
    return service().tier(tier) ? tier : 0;
}

// False where the rules have no price in that tier, and everything stays as it was.
bool Session::about_tier(unsigned tier) {
    tier = tier_priced(tier);
    return tier == request_->quote.tier || !price_by_rules(tier);
}

// The price that is asked for in this tier; a problem where there is none at the moment.
http::Awaitable<std::optional<http::Problem>> Session::price_in(unsigned tier) {
    tier = tier_priced(tier);
    if (tier != request_->quote.tier) {
        if (auto problem = price_by_rules(tier)) co_return problem;
    }
    if (request_->quote.priced) co_return std::nullopt;
    pricing::PriceSource& source = *request_->site->prices[request_->match.service];
    const pricing::Question& question = *request_->quote.question;
    std::optional<pricing::Quoted> quoted = source.known(question);
    if (!quoted) {
        auto start = [&source, &question](auto done) { source.ask(question, std::move(done)); };
        quoted = co_await http::await_callback<pricing::Quoted>(worker_.context().get_executor(), start);
    }
    if (!quoted->price) {
        http::Problem problem{503,
                              "The price is not available. Nothing was charged: repeat the request "
                              "later."};
        problem.retry_after = 1;
        co_return problem;
    }
    request_->quote.price = *quoted->price;
    request_->quote.priced = true;
    co_return std::nullopt;
}

// Before a token is decided about: the price in the tier that was minted, where that matters. What it says of itself is
// not believed, only looked up; without a price, the decision is that none can be made.
http::Awaitable<> Session::learn_price(const macaroon::Macaroon& token) {
    const paywall::TokenClaim said(token, service());
    const unsigned tier = said.claim.tier();
    if (!about_tier(tier) || request_->quote.priced) co_return;
    const l402::Grant grant = said.claim.grant({});
    if (paywall::depends_on_price(grant, service(), request_->match, asked())) (void)co_await price_in(tier);
}

// A pricer that may ask for nothing is asked before anything else: what costs nothing is free.
http::Awaitable<> Session::look_for_gift() {
    collect_credential_fields();
    if (service().sessions && offers_payment_credential()) co_return;  // which may ask for more than what is behind
    auto problem = co_await price_in(request_->quote.offer_tier);
    request_->gift = !problem && request_->quote.price == Msat(0);
    if (request_->gift) request_->match.access = paywall::Access::free;
}

// Of an answer that sells something: which tier.
std::vector<std::string> Session::tier_fields() const {
    const config::Tier* sold = service().tier(request_->quote.offer_tier);
    if (!sold) return {};
    return {"X-L402-Tier: " + sold->name};
}

}  // namespace millrace::front
