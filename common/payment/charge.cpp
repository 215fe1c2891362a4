#include "common/payment/charge.hpp"

#include "common/crypto/hash.hpp"
#include "common/payment/binding.hpp"
#include "common/payment/timestamp.hpp"

namespace millrace::payment {
namespace {

std::optional<Preimage> preimage_of(const boost::json::object& payload) {
    const boost::json::value* member = payload.if_contains("preimage");
    if (member == nullptr || !member->is_string()) return std::nullopt;
    const Result<Preimage> preimage = Preimage::from_hex(member->get_string());
    if (!preimage) return std::nullopt;
    return *preimage;
}

ChargeVerdict refuse(ChargeRefusal refusal) {
    return {refusal, std::nullopt};
}

}  // namespace

Challenge charge_challenge(const l402::KeyRing& keys, const ChargeTerms& terms) {
    ChargeRequest request;
    request.amount_sat = to_sat(terms.price);
    request.description = terms.description;
    request.external_id = write_binding({keys.current, terms.scope, terms.price});
    request.invoice = terms.invoice;
    request.payment_hash = terms.payment_hash;
    request.network = std::string(name(terms.network));

    Challenge out;
    out.realm = terms.realm;
    out.method = lightning;
    out.intent = charge;
    out.request = encode(request);
    out.expires = write_timestamp(terms.expires);
    sign_challenge(keys, out);
    return out;
}

ChargeVerdict verify_charge(const Credential& credential, const ChargeFacts& facts) {
    const Challenge& echo = credential.challenge;
    if (echo.method != lightning) return refuse(ChargeRefusal::unsupported_method);
    if (echo.intent != charge) return refuse(ChargeRefusal::unsupported_intent);
    const std::optional<Preimage> preimage = preimage_of(credential.payload);
    if (!preimage) return refuse(ChargeRefusal::malformed_credential);

    // Nothing of the request is believed before the id is found to cover it.
    const Result<ChargeRequest> request = decode_charge_request(echo.request);
    if (!request || !request->payment_hash) return refuse(ChargeRefusal::unknown_challenge);
    const std::optional<Binding> binding = read_binding(request->external_id);
    if (!binding || !is_ours(facts.keys, *binding, echo)) return refuse(ChargeRefusal::unknown_challenge);
    const Result<std::chrono::sys_seconds> expires = parse_timestamp(echo.expires);
    if (!expires) return refuse(ChargeRefusal::unknown_challenge);

    if (echo.realm != facts.realm) return refuse(ChargeRefusal::wrong_realm);
    if (binding->scope != facts.scope) return refuse(ChargeRefusal::wrong_scope);
    if (binding->price < facts.price) return refuse(ChargeRefusal::too_cheap);
    if (crypto::payment_hash(*preimage) != *request->payment_hash) return refuse(ChargeRefusal::bad_preimage);
    ChargeVerdict out;
    out.proof = ChargeProof{*request->payment_hash, echo.id, *expires, binding->price};
    if (facts.now >= *expires) out.refusal = ChargeRefusal::expired;
    return out;
}

std::string_view name(ChargeRefusal refusal) {
    switch (refusal) {
        case ChargeRefusal::malformed_credential:
            return "malformed";
        case ChargeRefusal::unsupported_method:
            return "unsupported_method";
        case ChargeRefusal::unsupported_intent:
            return "unsupported_intent";
        case ChargeRefusal::unknown_challenge:
            return "unknown_challenge";
        case ChargeRefusal::wrong_realm:
            return "wrong_realm";
        case ChargeRefusal::wrong_scope:
            return "wrong_scope";
        case ChargeRefusal::too_cheap:
            return "too_cheap";
        case ChargeRefusal::bad_preimage:
            return "bad_preimage";
        case ChargeRefusal::expired:
            return "expired";
    }
    return "unknown";
}

std::string_view explain(ChargeRefusal refusal) {
    switch (refusal) {
        case ChargeRefusal::malformed_credential:
            return "The payload of a charge must hold its preimage as 64 hex digits.";
        case ChargeRefusal::unsupported_method:
            return "This service takes the payment method lightning.";
        case ChargeRefusal::unsupported_intent:
            return "This service takes the intent charge.";
        case ChargeRefusal::unknown_challenge:
            return "This server did not issue the challenge, or somebody changed it.";
        case ChargeRefusal::wrong_realm:
            return "The challenge is for another host name.";
        case ChargeRefusal::wrong_scope:
            return "The challenge is for another service, or for another part of this one.";
        case ChargeRefusal::too_cheap:
            return "The charge paid less than this request costs.";
        case ChargeRefusal::bad_preimage:
            return "The preimage is not that of the challenge's invoice.";
        case ChargeRefusal::expired:
            return "The challenge has expired.";
    }
    return "The credential is not accepted.";
}

Problem problem_of(ChargeRefusal refusal) {
    switch (refusal) {
        case ChargeRefusal::malformed_credential:
            return Problem::malformed_credential;
        case ChargeRefusal::unsupported_method:
        case ChargeRefusal::unsupported_intent:
            return Problem::method_unsupported;
        case ChargeRefusal::unknown_challenge:
        case ChargeRefusal::wrong_realm:
        case ChargeRefusal::wrong_scope:
            return Problem::invalid_challenge;
        case ChargeRefusal::too_cheap:
            return Problem::payment_insufficient;
        case ChargeRefusal::bad_preimage:
            return Problem::invalid_preimage;
        case ChargeRefusal::expired:
            return Problem::payment_expired;
    }
    return Problem::invalid_challenge;
}

}  // namespace millrace::payment
