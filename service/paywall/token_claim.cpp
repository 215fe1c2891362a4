#include "service/paywall/token_claim.hpp"

#include <algorithm>
#include <optional>

#include "service/pricing/price.hpp"

namespace millrace::paywall {
namespace {

bool sold_as(const config::Service& service, std::string_view name) {
    return service.seller().text() == name;
}

// What the service where the token was bought asks for a request, as far as the token tells which that was: of a
// realm's services, where they differ, it is the cheapest.
Msat base_price(const TokenClaim& token, std::span<const config::Service> services) {
    std::optional<Msat> lowest;
    std::optional<Msat> own;  // of the service of this name, which has joined a realm since
    for (const config::Service& service : services) {
        const Msat price = pricing::base_price(service, nullptr, token.claim.tier());
        if (service.name.text() == token.name) own = price;
        if (!sold_as(service, token.name)) continue;
        if (token.claim.price_of() && service.name.text() != *token.claim.price_of()) continue;
        lowest = std::min(lowest.value_or(price), price);
    }
    if (lowest) return *lowest;
    return token.claim.price_of() && *token.claim.price_of() != token.name ? Msat(0) : own.value_or(Msat(0));
}

}  // namespace

TokenClaim::TokenClaim(const macaroon::Macaroon& token, const config::Service& service)
    : name(service.seller().text()), claim(token, name) {
    if (claim.names_service() || !service.realm) return;
    l402::Claim own(token, service.name.text());
    if (!own.names_service()) return;
    name = service.name.text();
    claim = std::move(own);
}

l402::Payment payment_of(const TokenClaim& token, std::span<const config::Service> services,
                         const PaymentFacts& facts) {
    return {base_price(token, services), facts.amount, facts.granted.has_value()};
}

}  // namespace millrace::paywall
