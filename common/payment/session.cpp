#include "common/payment/session.hpp"

#include "common/crypto/hash.hpp"
#include "common/json/fields.hpp"
#include "common/payment/binding.hpp"
#include "common/payment/timestamp.hpp"

namespace millrace::payment {
namespace {

constexpr std::size_t max_invoice = 4096;  // characters

struct ActionName {
    SessionAction action;
    std::string_view text;
};
constexpr ActionName actions[] = {
    {SessionAction::open, "open"},
    {SessionAction::bearer, "bearer"},
    {SessionAction::top_up, "topUp"},
    {SessionAction::close, "close"},
};

SessionVerdict refuse(SessionRefusal refusal) {
    return {refusal, std::nullopt};
}

bool deposits(SessionAction action) {
    return action == SessionAction::open || action == SessionAction::top_up;
}

}  // namespace

std::string_view name(SessionAction action) {
    for (const ActionName& entry : actions) {
        if (entry.action == action) return entry.text;
    }
    return "unknown";
}

bool serves_request(SessionAction action) {
    return action == SessionAction::open || action == SessionAction::bearer;
}

Challenge session_challenge(const l402::KeyRing& keys, const SessionTerms& terms) {
    SessionRequest request;
    request.amount_sat = to_sat(terms.unit_price.value_or(terms.price));
    request.description = terms.description;
    request.unit_type = terms.unit;
    request.external_id = write_binding({keys.current, terms.scope, terms.price});
    request.deposit_invoice = terms.invoice;
    request.payment_hash = terms.payment_hash;
    request.deposit_sat = to_sat(terms.deposit);
    request.idle_timeout = terms.idle_timeout;

    Challenge out;
    out.realm = terms.realm;
    out.method = lightning;
    out.intent = session;
    out.request = encode(request);
    out.expires = write_timestamp(terms.expires);
    sign_challenge(keys, out);
    return out;
}

Result<SessionPayload> parse_session_payload(const boost::json::object& payload) {
    const boost::json::value document(payload);
    json::Fields in(document, "payload");
    SessionPayload out;
    const std::string action = in.string("action");
    bool known = false;
    for (const ActionName& entry : actions) {
        if (entry.text != action) continue;
        out.action = entry.action;
        known = true;
    }
    if (!known) in.note(json::Errc::out_of_range, "action", "must be open, bearer, topUp or close");
    out.preimage = in.hex<Preimage>(out.action == SessionAction::top_up ? "topUpPreimage" : "preimage");
    if (out.action == SessionAction::open) {
        out.session = crypto::payment_hash(out.preimage);
        out.return_invoice = in.string("returnInvoice");
        if (out.return_invoice.size() > max_invoice)
            in.note(json::Errc::out_of_range, "returnInvoice", "must be at most 4096 characters");
    } else {
        out.session = in.hex<PaymentHash>("sessionId");
    }
    if (in.fault()) return fail(Errc::malformed_credential, in.fault()->message);
    return out;
}

SessionVerdict verify_session(const Credential& credential, const SessionFacts& facts) {
    const Challenge& echo = credential.challenge;
    if (echo.method != lightning || echo.intent != session) return refuse(SessionRefusal::unsupported_method);
    const Result<SessionPayload> payload = parse_session_payload(credential.payload);
    if (!payload) return refuse(SessionRefusal::malformed_credential);

    // Nothing of the request is believed before the id is found to cover it.
    const Result<SessionRequest> request = decode_session_request(echo.request);
    if (!request || !request->deposit_sat) return refuse(SessionRefusal::unknown_challenge);
    const std::optional<Binding> binding = read_binding(request->external_id);
    if (!binding || !is_ours(facts.keys, *binding, echo)) return refuse(SessionRefusal::unknown_challenge);
    const Result<std::chrono::sys_seconds> expires = parse_timestamp(echo.expires);
    if (!expires) return refuse(SessionRefusal::unknown_challenge);

    if (echo.realm != facts.realm) return refuse(SessionRefusal::wrong_realm);
    if (binding->scope != facts.scope) return refuse(SessionRefusal::wrong_scope);
    const bool underpriced = serves_request(payload->action) && binding->price < facts.price;
    // The deposit of an open is paid: it opens its session, whatever becomes of the request.
    if (underpriced && !deposits(payload->action)) return refuse(SessionRefusal::too_cheap);
    const PaymentHash paid = crypto::payment_hash(payload->preimage);
    const PaymentHash& wanted = deposits(payload->action) ? request->payment_hash : payload->session;
    if (paid != wanted) return refuse(SessionRefusal::bad_preimage);

    SessionVerdict out;
    out.proof = SessionProof{payload->action,
                             payload->session,
                             deposits(payload->action) ? paid : PaymentHash{},
                             deposits(payload->action) ? Msat(*request->deposit_sat * 1000) : Msat(),
                             echo.id,
                             *expires,
                             payload->return_invoice};
    out.underpriced = underpriced;
    if (deposits(payload->action) && facts.now >= *expires) out.refusal = SessionRefusal::expired;
    return out;
}

std::string_view name(SessionRefusal refusal) {
    switch (refusal) {
        case SessionRefusal::malformed_credential:
            return "malformed";
        case SessionRefusal::unsupported_method:
            return "unsupported_method";
        case SessionRefusal::unknown_challenge:
            return "unknown_challenge";
        case SessionRefusal::wrong_realm:
            return "wrong_realm";
        case SessionRefusal::wrong_scope:
            return "wrong_scope";
        case SessionRefusal::too_cheap:
            return "too_cheap";
        case SessionRefusal::bad_preimage:
            return "bad_preimage";
        case SessionRefusal::expired:
            return "expired";
    }
    return "unknown";
}

std::string_view explain(SessionRefusal refusal) {
    switch (refusal) {
        case SessionRefusal::malformed_credential:
            return "The payload of a session is an action (open, bearer, topUp or close) with what belongs to it.";
        case SessionRefusal::unsupported_method:
            return "This service takes the payment method lightning.";
        case SessionRefusal::unknown_challenge:
            return "This server did not issue the challenge, or somebody changed it.";
        case SessionRefusal::wrong_realm:
            return "The challenge is for another host name.";
        case SessionRefusal::wrong_scope:
            return "The challenge is for another service, or for another part of this one.";
        case SessionRefusal::too_cheap:
            return "This request costs more than the challenge said. Repeat it with the one that comes with this "
                   "answer.";
        case SessionRefusal::bad_preimage:
            return "The preimage is not that of the deposit.";
        case SessionRefusal::expired:
            return "The challenge has expired, and no payment of its invoice in time is known.";
    }
    return "The credential is not accepted.";
}

Problem problem_of(SessionRefusal refusal) {
    switch (refusal) {
        case SessionRefusal::malformed_credential:
            return Problem::malformed_session_credential;
        case SessionRefusal::unsupported_method:
            return Problem::method_unsupported;
        case SessionRefusal::unknown_challenge:
        case SessionRefusal::wrong_realm:
        case SessionRefusal::wrong_scope:
            return Problem::unknown_challenge;
        case SessionRefusal::too_cheap:
            return Problem::payment_insufficient;
        case SessionRefusal::bad_preimage:
            return Problem::invalid_preimage;
        case SessionRefusal::expired:
            return Problem::challenge_expired;
    }
    return Problem::unknown_challenge;
}

}  // namespace millrace::payment
