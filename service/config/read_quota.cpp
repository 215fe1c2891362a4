#include "service/config/read_quota.hpp"

#include <algorithm>

#include "service/config/header_value.hpp"
#include "service/config/read_keys.hpp"
#include "service/config/read_service.hpp"

namespace millrace::config {
namespace {

// What a balance must pay for.
void check_credit(Section& section, const Service& service) {
    const Quota& quota = service.quota;
    if (!quota.credit) return;
    if (service.price > *quota.credit) {
        section.fault("credit_msat", "must be at least price_msat, " + std::to_string(service.price.value()) +
                                         ": else it pays for no request at all");
    }
    for (const Route& route : service.routes) {
        if (!route.price || *route.price <= *quota.credit) continue;
        section.fault("credit_msat", "must be at least the price of route \"" + route.name + "\", " +
                                         std::to_string(route.price->value()) + ": else it never pays for it");
    }
}

}  // namespace

bool read_single_use(Reading& in, Asked key, Service& out) {
    const auto single = in.section.flag(key.name);
    if (!single.value_or(false)) return single.has_value();
    std::optional<std::uint64_t>& uses = out.quota.uses;
    if (uses && *uses != 1)
        in.section.fault(key.name, "is the same as uses = 1: leave it out, or uses = " + std::to_string(*uses));
    uses = 1;
    return true;
}

bool read_cost_header(Reading& in, Asked key, Service& out) {
    const auto name = in.section.text(key.name);
    if (!name) return false;
    out.cost_header = *name;
    const auto fault = fault_of_header_name(*name);
    const bool balance = in.section.has("credit_msat") || out.sessions;
    if (fault)
        in.section.fault(key.name, '"' + *name + "\" " + *fault + "; choose a name such as \"X-Cost-Msat\"");
    else if (!balance)
        in.section.fault(key.name,
                         "needs credit_msat: the balance that the cost is drawn from (or session, whose deposit is "
                         "one)");
    return !fault && balance;
}

void check_alone(Section& section, const Quota& quota) {
    if (!quota.credit || (!quota.uses && !quota.bytes)) return;
    section.fault("credit_msat", "cannot be combined with " + std::string(quota.uses ? "uses" : "bytes") +
                                     ": a balance is drawn down by the price of each request alone");
}

void check_quota(Section& section, const Service& service) {
    check_alone(section, service.quota);
    if (service.max_cost) {
        if (service.cost_header.empty())
            section.fault("max_cost_msat", "needs cost_header: the field in which the upstream says the cost");
        if (*service.max_cost < service.price)
            section.fault("max_cost_msat", "must be at least price_msat, " + std::to_string(service.price.value()));
    }
    check_credit(section, service);
}

void check_max_cost(const Service& service, Faults& faults) {
    if (!service.max_cost) return;
    auto check = [&](Msat balance, const std::string& what) {
        if (balance >= *service.max_cost) return;
        note(faults, service, "service.max_cost_msat",
             "must be at most " + what + ", " + std::to_string(balance.value()) + ": else that pays for no request");
    };
    if (service.quota.credit) check(*service.quota.credit, "credit_msat");
    if (service.sessions) check(service.sessions->deposit, "the session's deposit_msat");
    for (const Tier& tier : service.tiers) {
        if (tier.quota.credit) check(*tier.quota.credit, "credit_msat of tier \"" + tier.name + '"');
    }
}

void check_quotas(const std::vector<Service>& services, Faults& faults) {
    for (std::size_t i = 0; i < services.size(); ++i) {
        const Service& later = services[i];
        if (!later.realm) continue;
        auto earlier = std::find_if(services.begin(), services.begin() + static_cast<std::ptrdiff_t>(i),
                                    [&](const Service& one) { return one.realm == later.realm; });
        if (earlier == services.begin() + static_cast<std::ptrdiff_t>(i)) continue;
        if (earlier->tiers != later.tiers) {
            note(faults, later, "service.realm",
                 "its tokens are of the realm's tiers: the [[service.tier]] must be as in service \"" +
                     earlier->name.text() + "\" " + place_of(*earlier));
        }
        if (earlier->quota == later.quota) continue;
        note(faults, later, "service.realm",
             "its token has one account for all services of the realm: uses, bytes and credit_msat must be as in "
             "service \"" +
                 earlier->name.text() + "\" " + place_of(*earlier));
    }
}

}  // namespace millrace::config
