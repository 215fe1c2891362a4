#include "service/config/warnings.hpp"

#include <algorithm>

namespace millrace::config {
namespace {

// A cost that is told afterwards is drawn as far as the balance goes: what requests under way cost beyond it is lost.
void warn_of_costs(const Service& service, std::vector<std::string>& out) {
    if (service.cost_header.empty() || service.max_cost) return;
    std::uint64_t balance = service.quota.credit ? service.quota.credit->value() : 0;
    if (service.sessions) balance = std::max(balance, service.sessions->deposit.value());
    for (const Tier& tier : service.tiers) balance = std::max(balance, tier.quota.credit.value_or(Msat(0)).value());
    const std::uint64_t price = std::max<std::uint64_t>(service.price.value(), 1);
    out.push_back("service \"" + service.name.text() + "\": cost_header without max_cost_msat: a balance of " +
                  std::to_string(balance) + " msat admits " + std::to_string(balance / price) +
                  " requests at a time at " + std::to_string(price) +
                  " msat each, and what they cost beyond the balance is lost; set max_cost_msat to the most that one "
                  "request costs");
}

}  // namespace

std::vector<std::string> warnings(const Config& config) {
    std::vector<std::string> out;
    for (const Service& service : config.services) warn_of_costs(service, out);
    return out;
}

}  // namespace millrace::config
