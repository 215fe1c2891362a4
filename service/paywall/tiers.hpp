// What tokens of a service's tiers open: pure functions of the configuration and of what a token grants.
//
// A route may ask for a tier of at least some number, and for a capability. A token has the capabilities that its tier
// has by the configuration, less what its own caveats leave out, and less what the lower tiers lack that its holders
// made it one of. So a token that was sold before there were tiers, of tier 0 and without a word on capabilities, opens
// what tier 0 opens, and nobody gets more by adding a caveat.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/l402/grant.hpp"
#include "service/config/config.hpp"

namespace millrace::paywall {

[[nodiscard]] std::vector<std::string> capabilities_of(const config::Service& service, const l402::Grant& grant);

enum class Lack { tier, capability };
// Why a token does not open a route, as far as tiers go; empty where it does. `route` is null where none fits.
[[nodiscard]] std::optional<Lack> lacks(const config::Service& service, const config::Route* route,
                                        const l402::Grant& grant);

// The number of the lowest tier that is sold and opens the route; empty where none does. 0 for a service without tiers.
[[nodiscard]] std::optional<unsigned> lowest_tier(const config::Service& service, const config::Route* route);

// What a buyer's word for a tier stands for: a name or a number of the configuration; empty where it is neither.
[[nodiscard]] const config::Tier* find_tier(const config::Service& service, std::string_view word);

// The tier to sell for a route: the one wished for where that opens it, otherwise the lowest that does.
[[nodiscard]] unsigned tier_to_sell(const config::Service& service, const config::Route* route,
                                    const config::Tier* wish);

}  // namespace millrace::paywall
