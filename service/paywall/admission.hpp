// Whether a request is let through: a pure function of the request's credential, the keys, what is known of the
// payment, and the clock.
//
//   free path                                -> Admit
//   two different credentials                -> BadRequest
//   a credential, but the keys never came    -> Unavailable       (never refuse what may have been paid)
//   no credential, or one that is refused    -> Demand payment, with the reason
//   good, within the time bought             -> Admit
//
// A credential comes with a proof of payment: its preimage, or (Proof::settlement, the cookie of a pay page) that the
// store knows the settlement. Everything else is asked of both alike.
//
// The time bought counts from settlement; where that has not been heard of yet, from the first valid use, which the
// store must have on disk before the response (Admit::first_use). A settlement heard of later becomes the truth.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "common/l402/credential.hpp"
#include "common/l402/token.hpp"
#include "service/config/config.hpp"
#include "service/paywall/payment_facts.hpp"
#include "service/paywall/route.hpp"

namespace millrace::paywall {

using Time = std::chrono::system_clock::time_point;

// Why payment is demanded.
enum class Reason {
    no_credential = 1,
    malformed,    // a credential header that does not parse
    unknown_key,  // l402::Refusal, one by one
    bad_signature,
    bad_preimage,
    third_party,
    wrong_scope,
    widened,
    expired,
    underpaid,        // bought at a lower price than this request has
    spent,            // what the payment bought was used up as a charge of the Payment scheme
    quota_exhausted,  // no use, or not enough bytes, is left
    balance_too_low,  // less than the price of this request is left
    revoked,          // by the operator
    tier_too_low,
    missing_capability,
    work_refused,  // a proof of work that is not one, came too late, or was used before
};

[[nodiscard]] std::string_view name(Reason reason);     // "bad_signature"
[[nodiscard]] std::string_view explain(Reason reason);  // a sentence for the client
[[nodiscard]] Reason reason_of(l402::Refusal refusal);

enum class FirstUse {
    known,       // nothing to record
    note,        // worth recording, but the decision does not stand on it
    must_record  // on disk before the response: the time bought starts now, or a charge must not be used after it
};

// What a request asks for, as far as prices go.
//
// Where another program prices the service, a price moves while its tokens live. A token opens the thing that it was
// bought for (`thing`, its `quote`) as long as it lasts, whatever that costs now; everything else only where it costs
// no more now than was paid, whoever says the price. So nothing that was paid for is worth less because a price rose,
// and what is cheap does not open what is dear.
struct Asked {
    Msat price;                   // of this request, in the token's tier
    bool known = true;            // false: `price` could not be learned
    std::string_view thing = {};  // empty: the service's own rules alone price it

    Asked(Msat by_rules) : price(by_rules) {}  // NOLINT: a price of the rules is one to ask for
    Asked(Msat now, bool is_known, std::string_view what) : price(now), known(is_known), thing(what) {}
};

struct Admit {
    std::optional<l402::Identifier> token;  // empty: a free path
    l402::Grant grant;
    bool payment_known = false;  // false: the grant may be another one once the settlement is heard of
    FirstUse first_use = FirstUse::known;
    std::optional<Time>
        until;  // when the time bought ends; empty: never, or not known before the first use is recorded
    std::optional<std::uint64_t> uses_granted = {};  // of a token that was given away
};
struct DemandPayment {
    Reason reason;
};
struct BadRequest {
    std::string_view detail;
};
struct Unavailable {
    std::string_view detail;
};
using Decision = std::variant<Admit, DemandPayment, BadRequest, Unavailable>;

using FoundCredential = Result<std::optional<l402::Credential>>;

// Proof::settlement stands on PaymentFacts::settled_at.
using Proof = l402::Proof;

struct AdmissionInput {
    const config::Service& service;  // one of `services`
    std::span<const config::Service> services;
    RouteMatch match;
    Asked asked;
    const FoundCredential& credential;  // of l402::find_credential
    const l402::KeyRing* keys;          // null: the gateway has never answered
    PaymentFacts facts;                 // of the credential's payment hash
    Time now;
    Proof proof = Proof::preimage;
};

[[nodiscard]] Decision decide(const AdmissionInput& input);

// What a token of a tier that is sold for this request is minted for, beside its service.
[[nodiscard]] l402::Sale sale_of(const config::Service& service, const RouteMatch& match, const Asked& asked,
                                 unsigned tier = 0);

// Why a token is not good for this request though it is good for the service; empty where it is. A price that is not
// known is not compared.
[[nodiscard]] std::optional<Reason> exceeds(const l402::Grant& grant, const config::Service& service,
                                            const RouteMatch& match, const Asked& asked);

// Whether it takes the price of today to tell whether a token is good for this request, or what it draws from it.
[[nodiscard]] bool depends_on_price(const l402::Grant& grant, const config::Service& service, const RouteMatch& match,
                                    const Asked& asked);

// What the token buys of the service beside time, by the tier that was minted. A balance is the least of what the token
// grants and what the service sells now. One that was given away has the uses that it was given.
[[nodiscard]] config::Quota quota_bought(const config::Service& service, const l402::Grant& grant,
                                         const std::optional<std::uint64_t>& uses_granted = {});

// When the token ends: the time bought, by the tier that was minted, or earlier where a caveat says so. Empty where
// neither has a limit, or nothing started the clock yet.
[[nodiscard]] std::optional<Time> end_of_token(const config::Service& service, const l402::Grant& grant,
                                               const PaymentFacts& facts);

}  // namespace millrace::paywall
