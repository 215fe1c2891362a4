#include "service/admin/grant.hpp"

#include "common/codec/base64.hpp"
#include "common/crypto/hash.hpp"
#include "common/macaroon/macaroon.hpp"
#include "service/paywall/tiers.hpp"

namespace millrace::admin {
namespace {

// The services that tokens of this name open: one, or those of a realm.
std::vector<const config::Service*> sold_as(const config::Config& config, const std::string& name) {
    std::vector<const config::Service*> out;
    for (const config::Service& service : config.services) {
        if (service.name.text() == name || (service.realm && service.realm->text() == name)) out.push_back(&service);
    }
    return out;
}

const config::Route* find_route(const std::vector<const config::Service*>& services, const std::string& name) {
    for (const config::Service* service : services) {
        for (const config::Route& route : service->routes) {
            if (route.name == name) return &route;
        }
    }
    return nullptr;
}

}  // namespace

std::variant<Granted, Refusal> make_grant(const GrantWish& wish, const config::Config& config,
                                          const l402::KeyRing* keys, const GrantSeed& seed,
                                          std::chrono::sys_seconds now) {
    auto services = sold_as(config, wish.service);
    if (services.empty()) return Refusal{404, "There is no service and no realm \"" + wish.service + "\"."};
    const config::Service& first = *services.front();
    if (!first.schemes.l402)
        return Refusal{409, "\"" + wish.service + "\" takes no L402 tokens: add \"l402\" to its schemes."};
    const SecretKey* key = keys ? keys->find(keys->current) : nullptr;
    if (!key)
        return Refusal{503, "The token keys are not known: the plugin has not answered yet. Nothing was granted."};
    l402::Sale sale;
    const config::Route* route = nullptr;
    if (!wish.route.empty()) {
        route = find_route(services, wish.route);
        if (!route) return Refusal{404, "\"" + wish.service + "\" has no route \"" + wish.route + "\"."};
        if (!route->own_tokens)
            return Refusal{409, "Route \"" + wish.route +
                                    "\" has no tokens of its own (scope = \"route\"): grant one "
                                    "for the service."};
        sale.route = wish.route;
    }
    const config::Tier* tier = wish.tier.empty() ? nullptr : paywall::find_tier(first, wish.tier);
    if (!wish.tier.empty() && !tier)
        return Refusal{404, "\"" + wish.service + "\" sells no tier \"" + wish.tier + "\"."};
    if (tier && route && !tier->opens(*route))
        return Refusal{409, "Tier \"" + wish.tier + "\" does not open route \"" + wish.route + "\"."};
    if (const config::Tier* sold = first.tier(paywall::tier_to_sell(first, route, tier))) {
        sale.tier = sold->number;
        sale.capabilities = sold->capabilities;
    }
    sale.credit = first.quota_of(sale.tier).credit;
    // A balance is a limit; without one, a gift opens requests of any price unless it says up to which.
    if (wish.max_price || !sale.credit) sale.price = wish.max_price.value_or(Msat(config::max_price_msat));
    if (wish.expires_in) sale.until = now + *wish.expires_in;

    Granted out;
    out.preimage = Preimage::from_bytes(seed.preimage).value();
    out.record.hash = crypto::payment_hash(out.preimage);
    out.record.token_id = l402::make_token_id(keys->current, seed.token);
    out.record.service = first.seller().text();
    out.record.route = wish.route;
    out.record.reason = wish.reason;
    out.record.granted_at = now;
    out.record.terms.uses = wish.uses;
    out.record.terms.ends_at = sale.until;
    const macaroon::Macaroon token = l402::mint(*key, {out.record.hash, out.record.token_id}, first.seller(), sale);
    out.token_base64 = codec::to_base64(macaroon::encode_v2(token));
    return out;
}

}  // namespace millrace::admin
