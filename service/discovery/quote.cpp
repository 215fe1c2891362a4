#include "service/discovery/quote.hpp"

#include <algorithm>
#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/predicate.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <map>

#include "common/json/fields.hpp"
#include "service/discovery/terms.hpp"
#include "service/paywall/tiers.hpp"
#include "service/pricing/price.hpp"

namespace millrace::discovery {
namespace {

namespace bj = boost::json;

// "quote: service: missing" -> "service"
std::string_view member_of(const Error& error) {
    for (std::string_view name :
         {"service", "path", "method", "max_price_msat", "mint", "constraints", "tier", "capabilities"}) {
        if (error.message.find(": " + std::string(name) + ": ") != std::string::npos) return name;
    }
    return {};
}

bool is_method_character(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

QuoteError malformed(std::string message, std::string_view field = {}) {
    return {400, "malformed_request", std::move(message), field};
}

// What the request that is asked about would be like.
struct Wish {
    std::string service;
    std::optional<std::string> path;
    std::string method;
    std::optional<std::uint64_t> budget;
    bool mint = false;
    std::map<std::string, std::uint64_t> constraints;  // names in lower case
    std::string tier;                                  // name or number; empty: whichever does
    std::vector<std::string> capabilities;
};

std::variant<Wish, QuoteError> read_wish(const bj::value& value) {
    json::Fields in(value, "quote");
    Wish out;
    out.service = in.string("service");
    out.path = in.optional_string("path");
    out.method = in.optional_string("method").value_or("GET");
    out.budget = in.optional_u64("max_price_msat");
    out.mint = in.optional_boolean("mint").value_or(false);
    if (const bj::value* tier = value.is_object() ? value.as_object().if_contains("tier") : nullptr) {
        // A number, as a token has it, or a name.
        if (tier->is_string())
            out.tier = in.string("tier");
        else if (!tier->is_null())
            out.tier = std::to_string(in.u64("tier", config::Tier::max_number));
    }
    if (in.has("capabilities")) out.capabilities = in.strings("capabilities");
    bool constrained = in.has("constraints");
    const bj::object* constraints = constrained ? &in.object("constraints") : nullptr;
    if (in.fault()) return malformed(in.fault()->message, member_of(*in.fault()));
    // It stands in the invoice's description.
    const bool method =
        !out.method.empty() && out.method.size() <= 32 && boost::algorithm::all(out.method, is_method_character);
    if (!method) return malformed("The method must be one of HTTP's, such as \"GET\".", "method");
    if (!constraints) return out;
    for (const auto& [name, number] : *constraints) {
        boost::system::error_code not_whole;
        auto whole = number.to_number<std::uint64_t>(not_whole);
        if (not_whole) return malformed("A constraint is a whole number.", "constraints");
        out.constraints.emplace(boost::algorithm::to_lower_copy(std::string(name)), whole);
    }
    return out;
}

// By the rules, in the quote's tier.
std::optional<QuoteError> find_price(const Wish& wish, const config::Service& service, Quote& quote) {
    const config::Route* route = quote.match.route ? &service.routes[*quote.match.route] : nullptr;
    auto size = wish.constraints.find("body_bytes");
    quote.body_size = size == wish.constraints.end() ? 0 : size->second;
    if (route && !route->unit_header.empty()) {
        auto wanted = wish.constraints.find(boost::algorithm::to_lower_copy(route->unit_header));
        if (wanted != wish.constraints.end()) quote.units = std::to_string(wanted->second);
    }
    pricing::PriceFacts facts{quote.body_size, std::nullopt};
    if (!quote.units.empty()) facts.units = quote.units;
    auto price = pricing::price_of(service, route, facts, quote.tier);
    if (auto* sold = std::get_if<Msat>(&price)) {
        quote.price = *sold;
        return std::nullopt;
    }
    bool units_at_fault = std::get<pricing::PriceFault>(price) == pricing::PriceFault::bad_units;
    return malformed(units_at_fault ? "More or fewer units than are sold at a time." : "More than one invoice takes.",
                     "constraints");
}

bool has_all(const config::Tier& tier, const std::vector<std::string>& wanted) {
    return std::all_of(wanted.begin(), wanted.end(), [&tier](const std::string& one) {
        return std::binary_search(tier.capabilities.begin(), tier.capabilities.end(), one);
    });
}

// The tier that was asked for; otherwise the lowest that has what was, and opens the thing.
std::optional<QuoteError> find_tier(const Wish& wish, const config::Service& service, Quote& quote) {
    const config::Route* route = quote.match.route ? &service.routes[*quote.match.route] : nullptr;
    if (service.tiers.empty()) {
        if (wish.capabilities.empty()) return std::nullopt;
        return QuoteError{400, "unsatisfiable", "This service sells no capabilities.", "capabilities"};
    }
    if (!wish.tier.empty()) {
        const config::Tier* named = paywall::find_tier(service, wish.tier);
        if (!named) return QuoteError{400, "unknown_tier", "The service has no such tier.", "tier"};
        if (!has_all(*named, wish.capabilities))
            return QuoteError{400, "unsatisfiable", "This tier has not all of these.", "capabilities"};
        if (route && !named->opens(*route))
            return QuoteError{400, "unsatisfiable", "This tier does not open the path.", "tier"};
        quote.tier = named->number;
        return std::nullopt;
    }
    for (const config::Tier& tier : service.tiers) {
        if (!has_all(tier, wish.capabilities) || (route && !tier.opens(*route))) continue;
        quote.tier = tier.number;
        return std::nullopt;
    }
    return QuoteError{400, "unsatisfiable", "No tier has all of these.", "capabilities"};
}

}  // namespace

std::variant<Quote, QuoteError> read_quote_request(std::string_view body, const QuoteScope& scope) {
    boost::system::error_code not_json;
    bj::value value = bj::parse({body.data(), body.size()}, not_json);
    if (not_json) return malformed("The request must be a JSON object such as {\"service\": \"weather\"}.");
    auto read = read_wish(value);
    if (auto* error = std::get_if<QuoteError>(&read)) return *error;
    const Wish& wish = std::get<Wish>(read);

    std::vector<std::size_t> here = scope.routes.at_host(scope.host);
    auto named = std::find_if(here.begin(), here.end(), [&](std::size_t index) {
        const config::Service& candidate = scope.config.services[index];
        return candidate.name.text() == wish.service && !candidate.hidden;
    });
    if (named == here.end())
        return QuoteError{400, "unknown_service", "No service of this name is offered here.", "service"};
    const config::Service& service = scope.config.services[*named];
    Quote quote{paywall::RouteMatch{*named}, service.price};
    quote.method = wish.method;
    if (!wish.path && service.refuses_unmatched)
        return malformed("This service sells its routes alone: say which path it is about.", "path");
    if (!wish.path && paywall::parse_target(service.path.root(), quote.target)) quote.target = {};
    if (wish.path) {
        if (const char* fault = paywall::parse_target(*wish.path, quote.target))
            return malformed(std::string("The path has ") + fault + '.', "path");
        paywall::Lookup found = scope.routes.find(scope.host, wish.method, quote.target);
        const bool by_path = found.match && found.match->access == paywall::Access::sold && service.pricer &&
                             service.pricer->tells("path");
        const std::string_view unclear = by_path && found.ambiguous.empty() ? found.varies : found.ambiguous;
        if (!unclear.empty()) return malformed(std::string(unclear), "path");
        if (found.other_methods)
            return QuoteError{400, "unknown_resource", "The path does not take this method.", "method"};
        if (!found.match || found.match->service != *named)
            return QuoteError{400, "unknown_resource", "This path does not belong to the service.", "path"};
        if (found.match->access == paywall::Access::auth_only)
            return QuoteError{400, "unknown_resource", "This path takes tokens, and none is sold for it.", "path"};
        quote.match = *found.match;
        quote.path = std::move(found.path);
    }
    if (quote.match.access == paywall::Access::free) {
        quote.price = Msat(0);
    } else {
        if (auto error = find_tier(wish, service, quote)) return *error;
        if (auto error = find_price(wish, service, quote)) return *error;
    }
    quote.mint = wish.mint && quote.price > Msat(0);
    if (quote.mint && !service.schemes.l402)
        return QuoteError{400, "unsupported_scheme",
                          "This service is sold by the Payment scheme alone: ask for the resource.", "mint"};
    quote.budget = wish.budget;
    if (service.pricer && quote.match.access != paywall::Access::free) return quote;
    if (auto error = over_budget(quote)) return *error;
    return quote;
}

std::optional<QuoteError> over_budget(const Quote& quote) {
    if (!quote.budget || quote.price.value() <= *quote.budget) return std::nullopt;
    return QuoteError{409, "unsatisfiable_budget", "It costs " + std::to_string(quote.price.value()) + " msat.",
                      "max_price_msat"};
}

bj::object write_quote(const Quote& quote, const config::Service& service, std::chrono::sys_seconds expires_at) {
    const config::Route* route = quote.match.route ? &service.routes[*quote.match.route] : nullptr;
    bool free = quote.match.access == paywall::Access::free;
    Resource resource{{}, {}, free ? Resource::Access::free : Resource::Access::sold, route};
    bj::object out{{"service", service.name.text()},
                   {"price_msat", quote.price.value()},
                   {"pricing", pricing_of(service, resource, quote.tier)},
                   {"terms", terms_of(service, route, quote.tier)},
                   {"quote_expiry", expires_at.time_since_epoch().count()},
                   {"alternatives", bj::array{}}};
    if (const config::Tier* tier = service.tier(quote.tier); tier && !free) out["tier"] = tier_of(*tier);
    return out;
}

bj::object write_error(const QuoteError& error) {
    bj::object inner{{"code", error.code}, {"message", error.message}};
    if (!error.field.empty()) inner["field"] = error.field;
    return {{"error", std::move(inner)}};
}

}  // namespace millrace::discovery
