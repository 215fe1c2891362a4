#include "service/paywall/admission.hpp"

#include <algorithm>
#include <utility>

#include "service/paywall/price.hpp"

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

l402::Grant grant_sold(const config::Service& service, const RouteMatch& match, Msat price) {
    l402::Grant grant;
    if (match.route && service.routes[*match.route].own_tokens) grant.route = service.routes[*match.route].name;
    if (service.quota.credit)
        grant.credit = service.quota.credit;
    else if (varies(service))
        grant.max_price = price;
    return grant;
}

std::optional<Reason> exceeds(const l402::Grant& grant, const config::Service& service, const RouteMatch& match,
                              Msat price) {
    const config::Route* route = match.route ? &service.routes[*match.route] : nullptr;
    if (grant.route && (!route || route->name != *grant.route)) return Reason::wrong_scope;
    if (!grant.route && route && route->own_tokens) return Reason::wrong_scope;
    if (grant.max_price && price > *grant.max_price) return Reason::underpaid;
    // A token of a time when the service had one price.
    bool of_balance = service.quota.credit.has_value();  // which is the limit then
    if (!grant.max_price && !of_balance && varies(service) && price > service.price) return Reason::underpaid;
    return std::nullopt;
}

config::Quota quota_bought(const config::Service& service, const l402::Grant& grant) {
    config::Quota quota = service.quota;
    if (quota.credit) quota.credit = std::min(*quota.credit, grant.credit.value_or(service.price));
    return quota;
}

std::optional<Time> end_of_time_bought(const config::Service& service, const PaymentFacts& facts) {
    if (!service.timeout) return std::nullopt;
    std::optional<std::chrono::sys_seconds> start = facts.settled_at ? facts.settled_at : facts.first_used_at;
    if (!start) return std::nullopt;
    return *start + *service.timeout;
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
    if (auto reason = exceeds(grant, input.service, input.match, input.price)) return DemandPayment{*reason};
    if (settlement && !input.facts.settled_at) return DemandPayment{Reason::no_credential};
    if (input.facts.charged) return DemandPayment{Reason::spent};

    Admit admit{credential.identifier, std::move(grant), FirstUse::known,
                end_of_time_bought(input.service, input.facts)};
    if (admit.until && input.now >= *admit.until) return DemandPayment{Reason::expired};
    if (!input.facts.first_used_at) {
        bool clock_starts = input.service.timeout && !input.facts.settled_at;
        admit.first_use = clock_starts ? FirstUse::must_record : FirstUse::note;
    }
    return admit;
}

}  // namespace millrace::paywall
