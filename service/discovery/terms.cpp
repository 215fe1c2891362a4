#include "service/discovery/terms.hpp"

#include <algorithm>
#include <boost/json/array.hpp>

#include "common/codec/ascii.hpp"
#include "service/config/description.hpp"
#include "service/paywall/tiers.hpp"
#include "service/pricing/price.hpp"

namespace millrace::discovery {
namespace {

namespace bj = boost::json;
using Access = Resource::Access;

constexpr std::uint64_t bytes_per_kib = 1024;
constexpr std::string_view body_size = "body_bytes";

std::string lower_case(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), codec::to_lower);
    return out;
}

// `itself`: of a list of paths, where "/a" stands for itself alone.
std::vector<std::string> patterns_of(const config::PathPattern& path, bool itself) {
    const std::string& text = path.text();
    if (path.glob()) return {text};
    if (text.back() == '/') return {text + "**"};
    if (itself) return {text};
    return {text, text + "/**"};
}

const config::Methods& narrower(const config::Methods& own, const config::Methods& of_service) {
    return own.names.empty() ? of_service : own;
}

}  // namespace

std::vector<Resource> resources_of(const config::Service& service) {
    std::vector<Resource> out;
    auto add = [&out](const config::PathPattern& path, bool itself, const config::Methods& methods, Access access,
                      const config::Route* route) {
        for (std::string& pattern : patterns_of(path, itself))
            out.push_back({std::move(pattern), methods, access, route});
    };
    for (const config::PathPattern& path : service.free) add(path, true, service.methods, Access::free, nullptr);
    for (const config::PathPattern& path : service.auth_only)
        add(path, true, service.methods, Access::auth_only, nullptr);
    for (const config::Route& route : service.routes)
        add(route.path, false, narrower(route.methods, service.methods), Access::sold, &route);
    if (!service.refuses_unmatched) add(service.path, false, service.methods, Access::sold, nullptr);
    return out;
}

std::optional<Msat> fixed_price(const config::Service& service, const Resource& resource, unsigned tier) {
    if (resource.access == Resource::Access::free) return Msat(0);
    const config::Route* route = resource.route;
    if (service.pricer || (route && (route->per_kib || route->per_unit))) return std::nullopt;
    return pricing::base_price(service, route, tier);
}

unsigned tier_for(const config::Service& service, const Resource& resource) {
    return paywall::lowest_tier(service, resource.route).value_or(0);
}

bj::object tier_of(const config::Tier& tier) {
    bj::array capabilities;
    for (const std::string& one : tier.capabilities) capabilities.emplace_back(one);
    return {{"tier", tier.number}, {"name", tier.name}, {"capabilities", std::move(capabilities)}};
}

bj::object pricing_of(const config::Service& service, const Resource& resource, unsigned tier) {
    if (auto price = fixed_price(service, resource, tier)) return {{"model", "fixed"}, {"price_msat", price->value()}};
    Msat base = pricing::base_price(service, resource.route, tier);
    if (service.pricer) {
        return {{"model", "dynamic"},
                {"base_msat", base.value()},
                {"min_msat", service.pricer->min.value()},
                {"max_msat", service.pricer->max.value()}};
    }
    const config::Route& route = *resource.route;
    bj::array components;
    auto add = [&components](std::string_view constraint, Msat price, std::uint64_t unit) {
        components.push_back(
            bj::object{{"constraint", constraint}, {"price_msat_per_unit", price.value()}, {"unit", unit}});
    };
    if (route.per_kib) add(body_size, *route.per_kib, bytes_per_kib);
    if (route.per_unit) add(lower_case(route.unit_header), *route.per_unit, 1);
    return {{"model", "formula"}, {"base_msat", base.value()}, {"components", std::move(components)}};
}

bj::object constraints_of(const Resource& resource) {
    bj::object out;
    const config::Route* route = resource.route;
    if (!route) return out;
    if (route->per_kib) out[body_size] = bj::object{{"type", "integer"}, {"min", 0}};
    if (route->per_unit)
        out[lower_case(route->unit_header)] = bj::object{{"type", "integer"}, {"min", 1}, {"max", route->max_units}};
    return out;
}

bj::object terms_of(const config::Service& service, const config::Route* route, unsigned tier) {
    bj::object out;
    if (route && route->own_tokens) {
        out["scope"] = "route";
        out["route"] = route->name;
    } else if (service.realm) {
        out["scope"] = "realm";
        out["realm"] = service.realm->text();
    } else {
        out["scope"] = "service";
    }
    if (auto timeout = service.timeout_of(tier)) out["seconds"] = timeout->count();
    if (pricing::varies(service, tier)) out["up_to_price_paid"] = true;
    if (service.free_allowance)
        out["free_allowance"] = bj::object{{"requests", service.free_allowance->requests},
                                           {"seconds", service.free_allowance->per.count()},
                                           {"max_price_msat", service.free_price().value()}};
    return out;
}

std::string description_of(const config::Service& service) {
    if (!service.description) return "L402: " + service.name.text();
    // The template's service is known here, the rest is the request's.
    config::DescriptionFacts facts{service.name.text(), {}, {}, {}, service.price};
    return config::describe(*service.description, facts);
}

}  // namespace millrace::discovery
