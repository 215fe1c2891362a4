#include "service/config/read_quota.hpp"

#include <algorithm>

#include "service/config/header_value.hpp"
#include "service/config/read_service.hpp"

namespace millrace::config {
namespace {

constexpr std::uint64_t max_uses = 1'000'000'000'000;

void read_uses(Section& section, Quota& quota) {
    if (!section.flag("single_use").value_or(false)) return;
    if (quota.uses && *quota.uses != 1)
        section.fault("single_use", "is the same as uses = 1: leave it out, or uses = " + std::to_string(*quota.uses));
    quota.uses = 1;
}

void read_credit(Section& section, std::optional<std::uint64_t> price_msat, const std::vector<Route>& routes,
                 bool sessions, QuotaTerms& terms) {
    Quota& quota = terms.quota;
    if (auto name = section.text("cost_header")) {
        terms.cost_header = *name;
        if (auto fault = fault_of_header_name(*name))
            section.fault("cost_header", '"' + *name + "\" " + *fault + "; choose a name such as \"X-Cost-Msat\"");
        else if (!section.has("credit_msat") && !sessions)
            section.fault(
                "cost_header",
                "needs credit_msat: the balance that the cost is drawn from (or session, whose deposit is one)");
    }
    if (auto most = section.integer("max_cost_msat", 1, max_price_msat)) {
        terms.max_cost = Msat(*most);
        if (terms.cost_header.empty())
            section.fault("max_cost_msat", "needs cost_header: the field in which the upstream says the cost");
        if (price_msat && *most < *price_msat)
            section.fault("max_cost_msat", "must be at least price_msat, " + std::to_string(*price_msat));
    }
    if (!quota.credit) return;
    if (price_msat && *price_msat > quota.credit->value()) {
        section.fault("credit_msat", "must be at least price_msat, " + std::to_string(*price_msat) +
                                         ": else it pays for no request at all");
    }
    for (const Route& route : routes) {
        if (!route.price || *route.price <= *quota.credit) continue;
        section.fault("credit_msat", "must be at least the price of route \"" + route.name + "\", " +
                                         std::to_string(route.price->value()) + ": else it never pays for it");
    }
}

}  // namespace

void check_alone(Section& section, const Quota& quota) {
    if (!quota.credit || (!quota.uses && !quota.bytes)) return;
    section.fault("credit_msat", "cannot be combined with " + std::string(quota.uses ? "uses" : "bytes") +
                                     ": a balance is drawn down by the price of each request alone");
}

Quota read_amounts(Section& section) {
    Quota quota;
    quota.uses = section.integer("uses", 1, max_uses);
    std::uint64_t bytes = 0;
    section.size("bytes", bytes, 1);
    if (bytes > 0) quota.bytes = bytes;
    if (auto credit = section.integer("credit_msat", 1, max_price_msat)) quota.credit = Msat(*credit);
    return quota;
}

QuotaTerms read_quota(Section& section, std::optional<std::uint64_t> price_msat, const std::vector<Route>& routes,
                      bool sessions) {
    QuotaTerms terms{read_amounts(section), {}, std::nullopt};
    read_uses(section, terms.quota);
    check_alone(section, terms.quota);
    read_credit(section, price_msat, routes, sessions, terms);
    return terms;
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
