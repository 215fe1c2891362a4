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
                                     std::to_string(price) +
                                     " msat each, and what they cost beyond the balance is lost. " +
                                     "Set max_cost_msat to the most that one request costs."));
}

// Sessions draw what a request or an event costs; a token without a balance and a charge, sold beside them, pay the
// price alone.
void look_at_what_is_sold_beside_sessions(const Service& service, std::vector<std::string>& out) {
    if (!service.sessions || (service.cost_header.empty() && !service.sessions->event)) return;
    const bool charges = service.schemes.payment && service.sessions->offer != PaymentSessions::Offer::alone;
    const bool tokens = service.schemes.l402 && !service.quota.credit;
    if (!charges && !tokens) return;
    const std::string metered = service.sessions->event ? "events" : "costs";
    std::string also = tokens ? "a token" : "a charge";
    if (tokens && charges) also = "a token or a charge";
    std::string remedy = charges ? "offer = \"alone\" in session" : "";
    if (tokens) remedy += std::string(charges ? " and " : "") + "credit_msat, or schemes = [\"payment\"]";
    out.push_back(about(service, "sessions pay for " + metered + ", and " + also +
                                     ", which are sold beside them, for the price alone. To sell " + metered +
                                     " to nobody else: " + remedy + "."));
}

}  // namespace

std::vector<std::string> warnings(const Config& config) {
    std::vector<std::string> out;
    for (const Service& service : config.services) {
        look_at_tiers(service, out);
        look_at_costs(service, out);
        look_at_what_is_sold_beside_sessions(service, out);
    }
    return out;
}

}  // namespace millrace::config
