#include "service/paywall/admission.hpp"

#include <algorithm>
#include <utility>

#include "service/paywall/tiers.hpp"
#include "service/paywall/token_claim.hpp"
#include "service/pricing/price.hpp"

namespace millrace::paywall {

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

l402::Sale sale_of(const config::Service& service, const RouteMatch& match, const Asked& asked, unsigned tier) {
    l402::Sale sale;
    if (match.route && service.routes[*match.route].own_tokens) sale.route = service.routes[*match.route].name;
    if (const config::Tier* sold = service.tier(tier)) {
        sale.tier = sold->number;
        sale.capabilities = sold->capabilities;
    }
    sale.credit = service.quota_of(tier).credit;
    if (sale.credit) return sale;
    sale.price = asked.price;
    if (!asked.thing.empty()) sale.quote = asked.thing;
    if (!pricing::varies(service, tier)) sale.price_of = service.name.text();
    return sale;
}

namespace {

bool was_bought_for(const l402::Grant& grant, const Asked& asked) {
    return grant.quote && *grant.quote == asked.thing;
}

// What requests may cost at most. What was paid is no limit where the token was bought for this very thing, nor where
// requests draw from a balance, which is one.
const l402::AtMost<Msat>& price_limit(const l402::Grant& grant, const config::Service& service, const Asked& asked) {
    const bool of_balance = service.quota_of(grant.tier).credit.has_value();
    return of_balance || was_bought_for(grant, asked) ? grant.holders_price : grant.limits.price();
}

// A caveat that makes a token one of another tier is kept where that tier is sold. What another one would open, nobody
// knows.
bool narrowed_to_unsold_tier(const config::Service& service, const l402::Grant& grant) {
    const l402::Tiers& tiers = grant.limits.tiers();
    for (unsigned number = 0; number < grant.tier; ++number) {
        if (tiers.test(number) && !service.tier(number)) return true;
    }
    return false;
}

}  // namespace

bool depends_on_price(const l402::Grant& grant, const config::Service& service, const RouteMatch& match,
                      const Asked& asked) {
    if (service.quota_of(grant.tier).credit) return true;
    // Where nothing is sold there is no price, but that of the rules.
    if (service.pricer && match.access == Access::auth_only) return false;
    return price_limit(grant, service, asked).most().has_value();
}

std::optional<Reason> exceeds(const l402::Grant& grant, const config::Service& service, const RouteMatch& match,
                              const Asked& asked) {
    const config::Route* route = match.route ? &service.routes[*match.route] : nullptr;
    const std::optional<std::string>& only = grant.limits.route();
    if (only && (!route || route->name != *only)) return Reason::wrong_scope;
    if (route && route->own_tokens && !(only && grant.minted_for_route)) return Reason::wrong_scope;
    if (narrowed_to_unsold_tier(service, grant)) return Reason::tier_too_low;
    if (auto lack = lacks(service, route, grant))
        return *lack == Lack::tier ? Reason::tier_too_low : Reason::missing_capability;
    if (!asked.known || !depends_on_price(grant, service, match, asked)) return std::nullopt;
    if (!price_limit(grant, service, asked).allows(asked.price)) return Reason::underpaid;
    return std::nullopt;
}

config::Quota quota_bought(const config::Service& service, const l402::Grant& grant,
                           const std::optional<std::uint64_t>& uses_granted) {
    config::Quota quota = service.quota_of(grant.tier);
    if (uses_granted) quota.uses = uses_granted;
    if (quota.credit) {
        l402::AtMost<Msat> credit(*quota.credit);
        credit.no_more_than(grant.limits.credit());
        quota.credit = credit.most();
    }
    return quota;
}

namespace {

std::optional<std::chrono::sys_seconds> end_of_time_bought(const config::Service& service, unsigned tier,
                                                           const PaymentFacts& facts) {
    if (facts.granted && facts.granted->ends_at) return facts.granted->ends_at;
    const std::optional<std::chrono::seconds> timeout = service.timeout_of(tier);
    if (!timeout) return std::nullopt;
    std::optional<std::chrono::sys_seconds> start = facts.settled_at ? facts.settled_at : facts.first_used_at;
    if (!start) return std::nullopt;
    return *start + *timeout;
}

}  // namespace

std::optional<Time> end_of_token(const config::Service& service, const l402::Grant& grant, const PaymentFacts& facts) {
    l402::AtMost<std::chrono::sys_seconds> end = grant.limits.until();
    if (const auto bought = end_of_time_bought(service, grant.tier, facts)) end.no_more_than(*bought);
    return end.most();
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
            "The node has not answered yet, so this service cannot check tokens. Nothing is lost: repeat the request "
            "later."};
    const l402::Credential& credential = **input.credential;
    if (auto refusal = l402::verify(credential, *input.keys, input.proof)) return DemandPayment{reason_of(*refusal)};
    const TokenClaim token(credential.macaroon, input.service);
    if (auto refusal = token.claim.refusal(input.now)) return DemandPayment{reason_of(*refusal)};
    if (input.facts.revoked) return DemandPayment{Reason::revoked};
    l402::Grant grant = token.claim.grant(payment_of(token, input.services, input.facts));
    if (auto reason = exceeds(grant, input.service, input.match, input.asked)) return DemandPayment{*reason};
    if (input.proof == Proof::settlement && !input.facts.settled_at) return DemandPayment{Reason::no_credential};
    if (input.facts.charged) return DemandPayment{Reason::spent};
    if (!input.asked.known && depends_on_price(grant, input.service, input.match, input.asked))
        return Unavailable{"The price is not available at the moment. Nothing is lost: repeat the request later."};

    const auto start = input.facts.settled_at ? input.facts.settled_at : input.facts.first_used_at;
    const bool forgotten = start && *start < input.facts.ended_before && !input.facts.granted;
    if (forgotten) return DemandPayment{Reason::expired};
    unsigned tier = grant.tier;
    const bool payment_known = token.claim.says_what_was_paid() || input.facts.amount || input.facts.granted;
    const std::optional<Time> until = end_of_token(input.service, grant, input.facts);
    Admit admit{credential.identifier, std::move(grant), payment_known, FirstUse::known, until};
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
