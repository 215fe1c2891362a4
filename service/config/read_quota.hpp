// The reader of what a token of a service buys beside time: uses, bytes, or a balance.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "service/config/config.hpp"
#include "service/config/section.hpp"

namespace millrace::config {

// Reads uses, single_use, bytes, credit_msat, cost_header and max_cost_msat of a service with these prices. `sessions`: it sells those
// of the Payment scheme, whose deposit is a balance too.
struct QuotaTerms {
    Quota quota;
    std::string cost_header;
    std::optional<Msat> max_cost = std::nullopt;
};
[[nodiscard]] QuotaTerms read_quota(Section& section, std::optional<std::uint64_t> price_msat,
                                    const std::vector<Route>& routes, bool sessions);

// Reads uses, bytes and credit_msat.
[[nodiscard]] Quota read_amounts(Section& section);
// What a request may cost at most, every balance that is sold must hold.
void check_max_cost(const Service& service, Faults& faults);
// A balance goes with nothing else.
void check_alone(Section& section, const Quota& quota);

// The services of a realm share each token's one account, so that they must agree on what it holds.
void check_quotas(const std::vector<Service>& services, Faults& faults);

}  // namespace millrace::config
