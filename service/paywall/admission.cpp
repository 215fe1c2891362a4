#include "service/paywall/admission.hpp"

#include <algorithm>
#include <utility>

#include "service/paywall/tiers.hpp"
#include "service/pricing/price.hpp"

namespace millrace::paywall {

std::string_view name(Reason reason) {
    switch (reason) {
        case Reason::no_credential:
            return "no_credential";
        case Reason::malformed:
            return "malformed";
        case Reason::unknown_key:
            return "unknown_key";
        case Reason::bad_signature:
            return "bad_signature";
        case Reason::bad_preimage:
            return "bad_preimage";
        case Reason::third_party:
            return "third_party";
        case Reason::wrong_scope:
            return "wrong_scope";
        case Reason::widened:
            return "widened";
        case Reason::expired:
            return "expired";
        case Reason::underpaid:
            return "underpaid";
        case Reason::spent:
            return "spent";
        case Reason::quota_exhausted:
            return "quota_exhausted";
        case Reason::balance_too_low:
            return "balance_too_low";
        case Reason::revoked:
            return "revoked";
        case Reason::tier_too_low:
            return "tier_too_low";
        case Reason::missing_capability:
            return "missing_capability";
        case Reason::work_refused:
            return "work_refused";
    }
    return "unknown";
}

std::string_view explain(Reason reason) {
    switch (reason) {
        case Reason::no_credential:
            return "This resource is sold. Pay the invoice and repeat the request with the token and the preimage.";
        case Reason::malformed:
            return "The credential is not a base64 macaroon, a colon and 64 hex digits of preimage.";
        case Reason::unknown_key:
            return l402::explain(l402::Refusal::unknown_key);
        case Reason::bad_signature:
            return l402::explain(l402::Refusal::bad_signature);
        case Reason::bad_preimage:
            return l402::explain(l402::Refusal::bad_preimage);
        case Reason::third_party:
            return l402::explain(l402::Refusal::third_party);
        case Reason::wrong_scope:
            return l402::explain(l402::Refusal::wrong_scope);
        case Reason::widened:
            return l402::explain(l402::Refusal::widened);
        case Reason::expired:
            return l402::explain(l402::Refusal::expired);
        case Reason::underpaid:
            return "The token was bought at a lower price than this request has.";
        case Reason::spent:
            return "what the payment bought was used up as a charge of the Payment scheme";
        case Reason::quota_exhausted:
            return "What the token bought is used up, or less of it is left than this answer takes.";
        case Reason::balance_too_low:
            return "Less is left of the token's balance than this request costs.";
        case Reason::revoked:
            return "The token was revoked by whoever sells this.";
        case Reason::tier_too_low:
            return "The token is of a lower tier than this takes.";
        case Reason::missing_capability:
            return "The token lacks the capability that this takes.";
        case Reason::work_refused:
            return "The work was not done, or not for this, or it came too late, or it was used before.";
    }
    return "";
}

Reason reason_of(l402::Refusal refusal) {
    switch (refusal) {
        case l402::Refusal::unknown_key:
            return Reason::unknown_key;
        case l402::Refusal::bad_signature:
            return Reason::bad_signature;
        case l402::Refusal::bad_preimage:
            return Reason::bad_preimage;
        case l402::Refusal::third_party:
            return Reason::third_party;
        case l402::Refusal::wrong_scope:
            return Reason::wrong_scope;
        case l402::Refusal::widened:
            return Reason::widened;
        case l402::Refusal::expired:
            return Reason::expired;
    }
    return Reason::bad_signature;
}

l402::Grant grant_sold(const config::Service& service, const RouteMatch& match, const Asked& asked, unsigned tier) {
    l402::Grant grant;
    if (match.route && service.routes[*match.route].own_tokens) grant.route = service.routes[*match.route].name;
    if (const config::Tier* sold = service.tier(tier)) {
        grant.tier = sold->number;
        grant.capabilities = sold->capabilities;
    }
    const config::Quota& quota = service.quota_of(tier);
    if (quota.credit) {
        grant.credit = quota.credit;
    } else if (pricing::varies(service, tier)) {
        grant.max_price = asked.price;
        if (!asked.thing.empty()) grant.quote = asked.thing;
    }
    return grant;
}

bool depends_on_price(const l402::Grant& grant, const config::Service& service, const RouteMatch& match,
                      const Asked& asked) {
    if (service.quota_of(grant.tier).credit) return true;
    bool of_pricer = service.pricer.has_value();
    // Where nothing is sold there is no price, but that of the rules.
    if (of_pricer && match.access == Access::auth_only) return false;
    if (grant.max_price && !(grant.quote && *grant.quote == asked.thing)) return true;
    return !of_pricer;
}

std::optional<Reason> exceeds(const l402::Grant& grant, const config::Service& service, const RouteMatch& match,
                              const Asked& asked) {
    const config::Route* route = match.route ? &service.routes[*match.route] : nullptr;
    if (grant.route && (!route || route->name != *grant.route)) return Reason::wrong_scope;
    if (!(grant.route && grant.minted_for_route) && route && route->own_tokens) return Reason::wrong_scope;
    if (auto lack = lacks(service, route, grant))
        return *lack == Lack::tier ? Reason::tier_too_low : Reason::missing_capability;
    bool compared = asked.known && depends_on_price(grant, service, match, asked);
    if (compared && grant.max_price && asked.price > *grant.max_price) return Reason::underpaid;
    // A token of a time when the service had one price, which the rules gave.
    bool of_balance = service.quota_of(grant.tier).credit.has_value();  // which is the limit then
    if (grant.max_price || of_balance || !pricing::varies(service, grant.tier)) return std::nullopt;
    if (asked.local > pricing::base_price(service, nullptr, grant.tier)) return Reason::underpaid;
    return std::nullopt;
}

config::Quota quota_bought(const config::Service& service, const l402::Grant& grant,
                           const std::optional<std::uint64_t>& uses_granted) {
    config::Quota quota = service.quota_of(grant.tier);
    Msat price = pricing::base_price(service, nullptr, grant.tier);
    if (uses_granted) quota.uses = uses_granted;
    if (quota.credit) quota.credit = std::min(*quota.credit, grant.credit.value_or(price));
    return quota;
}

std::optional<Time> end_of_time_bought(const config::Service& service, unsigned tier, const PaymentFacts& facts) {
    if (facts.granted && facts.granted->ends_at) return facts.granted->ends_at;
    const std::optional<std::chrono::seconds> timeout = service.timeout_of(tier);
    if (!timeout) return std::nullopt;
    std::optional<std::chrono::sys_seconds> start = facts.settled_at ? facts.settled_at : facts.first_used_at;
    if (!start) return std::nullopt;
    return *start + *timeout;
}

Decision decide(const AdmissionInput& input) {
    if (input.match.access == Access::free) return Admit{};
    if (!input.credential) {
        if (is(input.credential.error(), l402::Errc::conflicting_credentials)) {
            return BadRequest{"The request carries two different credentials; send one."};
        }
        return DemandPayment{Reason::malformed};
    }
    if (!input.credential->has_value()) return DemandPayment{Reason::no_credential};
    if (!input.keys)
        return Unavailable{
            "The node has not answered yet, so that no token can be checked. Nothing is lost: repeat the request "
            "later."};
    const l402::Credential& credential = **input.credential;
    bool settlement = input.proof == Proof::settlement;
    auto verify = settlement ? l402::verify_settled : l402::verify;
    l402::Grant grant;
    auto refusal = verify(credential, *input.keys, input.service.seller().text(), input.now, &grant);
    // What was bought before the service joined its realm stays good for it.
    if (refusal == l402::Refusal::wrong_scope && input.service.realm)
        refusal = verify(credential, *input.keys, input.service.name.text(), input.now, &grant);
    if (refusal) return DemandPayment{reason_of(*refusal)};
    if (input.facts.revoked) return DemandPayment{Reason::revoked};
    if (auto reason = exceeds(grant, input.service, input.match, input.asked)) return DemandPayment{*reason};
    if (settlement && !input.facts.settled_at) return DemandPayment{Reason::no_credential};
    if (input.facts.charged) return DemandPayment{Reason::spent};
    if (!input.asked.known && depends_on_price(grant, input.service, input.match, input.asked))
        return Unavailable{"What this costs cannot be told at the moment. Nothing is lost: repeat the request later."};

    unsigned tier = grant.tier;
    Admit admit{credential.identifier, std::move(grant), FirstUse::known,
                end_of_time_bought(input.service, tier, input.facts)};
    if (input.facts.granted) admit.uses_granted = input.facts.granted->uses;
    if (admit.until && input.now >= *admit.until) return DemandPayment{Reason::expired};
    if (!input.facts.first_used_at) {
        bool clock_starts = input.service.timeout_of(tier) && !input.facts.settled_at;
        // Where the payment might be used as a charge as well, that it was used as a token must not be lost.
        bool either_or = input.service.schemes.payment || input.service.realm;
        admit.first_use = clock_starts || either_or ? FirstUse::must_record : FirstUse::note;
    }
    return admit;
}

}  // namespace millrace::paywall
