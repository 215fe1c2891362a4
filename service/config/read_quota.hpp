// What a token of a service buys beside time, uses, bytes or a balance, beside what the service costs.
#pragma once

#include <vector>

#include "service/config/config.hpp"
#include "service/config/section.hpp"

namespace millrace::config {

// A balance goes with nothing else.
void check_alone(Section& section, const Quota& quota);
// The keys of a service's quota beside each other, its price, and its routes'.
void check_quota(Section& section, const Service& service);
// What a request may cost at most, every balance that is sold must hold.
void check_max_cost(const Service& service, Faults& faults);

// The services of a realm share each token's one account, so that they must agree on what it holds.
void check_quotas(const std::vector<Service>& services, Faults& faults);

}  // namespace millrace::config
