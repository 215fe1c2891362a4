#include "service/paywall/tiers.hpp"

#include <algorithm>

namespace millrace::paywall {

std::vector<std::string> capabilities_of(const config::Service& service, const l402::Grant& grant) {
    l402::Limits held;
    held.capabilities(service.tier(grant.tier) ? service.tier(grant.tier)->capabilities : std::vector<std::string>{});
    for (unsigned number = 0; number < grant.tier; ++number) {
        if (!grant.limits.tiers().test(number)) continue;
        if (const config::Tier* tier = service.tier(number)) held.capabilities(tier->capabilities);
    }
    if (grant.limits.capabilities()) held.capabilities(*grant.limits.capabilities());
    return *held.capabilities();
}

std::optional<Lack> lacks(const config::Service& service, const config::Route* route, const l402::Grant& grant) {
    if (!route) return std::nullopt;
    if (grant.limits.lowest_tier() < route->min_tier) return Lack::tier;
    if (route->capability.empty()) return std::nullopt;
    const std::vector<std::string> held = capabilities_of(service, grant);
    if (std::binary_search(held.begin(), held.end(), route->capability)) return std::nullopt;
    return Lack::capability;
}

std::optional<unsigned> lowest_tier(const config::Service& service, const config::Route* route) {
    if (service.tiers.empty()) return 0;
    for (const config::Tier& tier : service.tiers) {
        if (!route || tier.opens(*route)) return tier.number;
    }
    return std::nullopt;
}

const config::Tier* find_tier(const config::Service& service, std::string_view word) {
    auto named = std::find_if(service.tiers.begin(), service.tiers.end(), [word](const config::Tier& tier) {
        return tier.name == word || std::to_string(tier.number) == word;
    });
    return named == service.tiers.end() ? nullptr : &*named;
}

unsigned tier_to_sell(const config::Service& service, const config::Route* route, const config::Tier* wish) {
    if (wish && (!route || wish->opens(*route))) return wish->number;
    return lowest_tier(service, route).value_or(0);
}

}  // namespace millrace::paywall
