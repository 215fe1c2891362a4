#include "service/config/warnings.hpp"

#include <algorithm>

#include "service/config/read_service.hpp"

namespace millrace::config {
namespace {

std::string about(const Service& service, const std::string& what) {
    return "service \"" + service.name.text() + "\" " + place_of(service) + ": " + what;
}

// Tokens of a tier that is sold no more have the terms of the service.
void look_at_tiers(const Service& service, std::vector<std::string>& out) {
    if (service.tiers.empty() || service.timeout || service.quota.any()) return;
    out.push_back(about(service,
                        "a token of a tier that is no longer sold has the service's own terms, and there are none: "
                        "it works for ever. Give the service a timeout, uses, bytes or credit_msat of its own."));
}

// A cost that is told afterwards is drawn as far as the balance goes: what requests under way cost beyond it is lost.
void look_at_costs(const Service& service, std::vector<std::string>& out) {
    if (service.cost_header.empty() || service.max_cost) return;
    std::uint64_t balance = service.quota.credit ? service.quota.credit->value() : 0;
    if (service.sessions) balance = std::max(balance, service.sessions->deposit.value());
    for (const Tier& tier : service.tiers) balance = std::max(balance, tier.quota.credit.value_or(Msat(0)).value());
    const std::uint64_t price = std::max<std::uint64_t>(service.price.value(), 1);
    out.push_back(about(service, "cost_header without max_cost_msat: a balance of " + std::to_string(balance) +
                                     " msat admits " + std::to_string(balance / price) + " requests at a time at " +
                                     std::to_string(price) + " msat each, and what they cost beyond the balance is lost. " +
                                     "Set max_cost_msat to the most that one request costs."));
}

}  // namespace

std::vector<std::string> warnings(const Config& config) {
    std::vector<std::string> out;
    for (const Service& service : config.services) {
        look_at_tiers(service, out);
        look_at_costs(service, out);
    }
    return out;
}

}  // namespace millrace::config
