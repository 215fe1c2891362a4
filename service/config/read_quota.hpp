// The reader of what a token of a service buys beside time: uses, bytes, or a balance.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "service/config/config.hpp"
#include "service/config/section.hpp"

namespace millrace::config {

// Reads uses, single_use, bytes, credit_msat and cost_header of a service with these prices. `sessions`: it sells those
// of the Payment scheme, whose deposit is a balance too.
struct QuotaTerms {
    Quota quota;
    std::string cost_header;
};
[[nodiscard]] QuotaTerms read_quota(Section& section, std::optional<std::uint64_t> price_msat,
                                    const std::vector<Route>& routes, bool sessions);

// Reads uses, bytes and credit_msat.
[[nodiscard]] Quota read_amounts(Section& section);
// A balance goes with nothing else.
void check_alone(Section& section, const Quota& quota);

// The services of a realm share each token's one account, so that they must agree on what it holds.
void check_quotas(const std::vector<Service>& services, Faults& faults);

}  // namespace millrace::config
