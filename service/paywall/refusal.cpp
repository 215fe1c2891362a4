#include "service/paywall/refusal.hpp"

#include <algorithm>
#include <array>

#include "common/l402/token.hpp"

namespace millrace::paywall {
namespace {

using payment::Problem;

template <class Key, class Value = Refusal>
struct Row {
    Key key;
    Value value;
};

// The row of `key`; the last one stands for what has none.
template <class Key, class Value, std::size_t N>
const Value& find(const std::array<Row<Key, Value>, N>& rows, Key key) {
    const auto found = std::find_if(rows.begin(), rows.end(), [key](const auto& row) { return row.key == key; });
    return found == rows.end() ? rows.back().value : found->value;
}

// clang-format off
const std::array<Row<Reason>, 17> reasons{{
    {Reason::no_credential, {"no_credential", std::nullopt,
        "This resource is sold. Pay the invoice and repeat the request with the token and the preimage."}},
    {Reason::malformed, {"malformed", AuthResult::malformed,
        "The credential is not a base64 macaroon, a colon and 64 hex digits of preimage."}},
    {Reason::unknown_key, {"unknown_key", AuthResult::revoked, l402::explain(l402::Refusal::unknown_key)}},
    {Reason::bad_signature, {"bad_signature", AuthResult::bad_signature, l402::explain(l402::Refusal::bad_signature)}},
    {Reason::bad_preimage, {"bad_preimage", AuthResult::bad_preimage, l402::explain(l402::Refusal::bad_preimage)}},
    {Reason::third_party, {"third_party", AuthResult::malformed, l402::explain(l402::Refusal::third_party)}},
    {Reason::wrong_scope, {"wrong_scope", AuthResult::wrong_scope, l402::explain(l402::Refusal::wrong_scope)}},
    {Reason::widened, {"widened", AuthResult::wrong_scope, l402::explain(l402::Refusal::widened)}},
    {Reason::expired, {"expired", AuthResult::expired, l402::explain(l402::Refusal::expired)}},
    {Reason::underpaid, {"underpaid", AuthResult::underpaid,
        "The token was bought for less than this request costs."}},
    {Reason::spent, {"spent", AuthResult::spent,
        "The payment was used as a charge of the Payment scheme, which buys one request."}},
    {Reason::quota_exhausted, {"quota_exhausted", AuthResult::exhausted,
        "The token is used up, or less is left of it than this answer takes."}},
    {Reason::balance_too_low, {"balance_too_low", AuthResult::exhausted,
        "The token's balance is lower than the price of this request."}},
    {Reason::revoked, {"revoked", AuthResult::revoked, "The seller has revoked the token."}},
    {Reason::tier_too_low, {"tier_too_low", AuthResult::wrong_scope,
        "The token's tier is lower than this request needs."}},
    {Reason::missing_capability, {"missing_capability", AuthResult::wrong_scope,
        "The token lacks a capability that this request needs."}},
    {Reason::work_refused, {"work_refused", AuthResult::bad_signature,
        "The proof of work is not valid: it is incomplete, for something else, too late, or used before."}},
}};

const std::array<Row<ChargeAdmission>, 7> charges{{
    {ChargeAdmission::first, {"first", AuthResult::ok, "The charge is good."}},
    {ChargeAdmission::replay, {"replay", AuthResult::ok, "The charge is good."}},
    {ChargeAdmission::expired, {"expired", AuthResult::expired,
        "The challenge has expired.", Problem::payment_expired}},
    {ChargeAdmission::other_request, {"other_request", AuthResult::spent,
        "The charge was used already, for another request: it buys one.", Problem::invalid_challenge}},
    {ChargeAdmission::not_repeatable, {"not_repeatable", AuthResult::spent,
        "The charge was used already, for this request. It was acted on and is not repeated: only a request "
        "of an idempotent method without a body may come again.", Problem::invalid_challenge}},
    {ChargeAdmission::worn_out, {"worn_out", AuthResult::spent,
        "The charge was used already, for this request, and repeated as often or as long as it may be.",
        Problem::invalid_challenge}},
    {ChargeAdmission::token_used, {"token_used", AuthResult::spent,
        "What the payment bought was used already, as an L402 token.", Problem::invalid_challenge}},
}};

// What these are called and say stands with the protocol: common/payment.
using payment::ChargeRefusal;
const std::array<Row<ChargeRefusal, AuthResult>, 9> charge_results{{
    {ChargeRefusal::malformed_credential, AuthResult::malformed},
    {ChargeRefusal::unsupported_method, AuthResult::malformed},
    {ChargeRefusal::unsupported_intent, AuthResult::malformed},
    {ChargeRefusal::unknown_challenge, AuthResult::bad_signature},
    {ChargeRefusal::wrong_realm, AuthResult::wrong_scope},
    {ChargeRefusal::wrong_scope, AuthResult::wrong_scope},
    {ChargeRefusal::too_cheap, AuthResult::underpaid},
    {ChargeRefusal::bad_preimage, AuthResult::bad_preimage},
    {ChargeRefusal::expired, AuthResult::expired},
}};

using payment::SessionRefusal;
const std::array<Row<SessionRefusal, AuthResult>, 8> session_results{{
    {SessionRefusal::malformed_credential, AuthResult::malformed},
    {SessionRefusal::unsupported_method, AuthResult::malformed},
    {SessionRefusal::unknown_challenge, AuthResult::bad_signature},
    {SessionRefusal::wrong_realm, AuthResult::wrong_scope},
    {SessionRefusal::wrong_scope, AuthResult::wrong_scope},
    {SessionRefusal::too_cheap, AuthResult::underpaid},
    {SessionRefusal::bad_preimage, AuthResult::bad_preimage},
    {SessionRefusal::expired, AuthResult::expired},
}};

const Refusal session_not_found{"session_not_found", AuthResult::malformed,
    "There is no such session here. Open one with a deposit.", Problem::session_not_found};
const Refusal session_of_another{"wrong_scope", AuthResult::wrong_scope,
    "The session is of another service, or of another part of this one.", Problem::session_not_found};
const Refusal session_closed{"session_closed", AuthResult::spent,
    "The session is closed. Open another one with a deposit.", Problem::session_closed};

const std::array<Row<SessionStep>, 6> session_steps{{
    {SessionStep::not_found, session_not_found},
    {SessionStep::wrong_scope, session_of_another},
    {SessionStep::deposit_used, {"deposit_used", AuthResult::spent,
        "This deposit was used already.", Problem::unknown_challenge}},
    {SessionStep::too_many_deposits, {"too_many_deposits", AuthResult::exhausted,
        "A session takes a hundred deposits. Open another one with this.", Problem::verification_failed}},
    {SessionStep::expired, {"expired", AuthResult::expired,
        "The challenge has expired, and this service knows of no payment of its invoice in time.",
        Problem::challenge_expired}},
    {SessionStep::closed, session_closed},
}};
// clang-format on

}  // namespace

// clang-format off
const Refusal payment_malformed{"malformed", AuthResult::malformed,
    "The Payment credential cannot be read.", Problem::malformed_credential};
const Refusal bad_return_invoice{"invalid_return_invoice", AuthResult::malformed,
    "What is left could not be paid to the return invoice.", Problem::invalid_return_invoice};
const Refusal charge_revoked{"revoked", AuthResult::revoked,
    "The seller has revoked the token.", Problem::invalid_challenge};
const Refusal session_revoked{"revoked", AuthResult::revoked,
    "The session was ended by the operator.", Problem::session_closed};
const Refusal price_risen{"too_cheap", AuthResult::underpaid,
    "The session is open with its deposit. This request costs more than its challenge said: send it "
    "as bearer of the session, with the challenge that comes with this answer.", Problem::payment_insufficient};
const Refusal session_exhausted{"insufficient_balance", AuthResult::exhausted,
    "What is left of the session is less than this costs. Pay the deposit and send it as a topUp.",
    Problem::insufficient_balance};
const Refusal not_sold_by_payment{"scheme_not_accepted", std::nullopt,
    "This resource is not sold by the Payment scheme. Buy it as it is offered.", Problem::payment_required};
const Refusal not_sold_by_l402{"scheme_not_accepted", std::nullopt,
    "This resource is not sold for L402 tokens. Pay the invoice and send a Payment credential."};
const Refusal sold_by_payment{"no_credential", std::nullopt,
    "This resource is sold. Pay the invoice and repeat the request with a Payment credential."};
// clang-format on

const Refusal& refusal_of(Reason reason) {
    return find(reasons, reason);
}

const Refusal& refusal_of(ChargeAdmission admission) {
    return find(charges, admission);
}

const Refusal& refusal_of(SessionStep step) {
    return find(session_steps, step);
}

const Refusal& refusal_of(SessionBook::Refusal refusal) {
    switch (refusal) {
        case SessionBook::Refusal::not_found:
            return session_not_found;
        case SessionBook::Refusal::wrong_scope:
            return session_of_another;
        case SessionBook::Refusal::closed:
            break;
    }
    return session_closed;
}

Refusal refusal_of(payment::ChargeRefusal refusal) {
    return {payment::name(refusal), find(charge_results, refusal), payment::explain(refusal),
            payment::problem_of(refusal)};
}

Refusal refusal_of(payment::SessionRefusal refusal) {
    return {payment::name(refusal), find(session_results, refusal), payment::explain(refusal),
            payment::problem_of(refusal)};
}

std::string_view name(Reason reason) {
    return refusal_of(reason).reason;
}

std::string_view explain(Reason reason) {
    return refusal_of(reason).detail;
}

std::string_view name(ChargeAdmission admission) {
    return refusal_of(admission).reason;
}

std::string_view explain(ChargeAdmission admission) {
    return refusal_of(admission).detail;
}

}  // namespace millrace::paywall
