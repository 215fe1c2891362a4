// Selling one request by a Payment charge: the challenge, and whether a credential answers one of ours.
//
// Nothing is stored for a challenge. Its id is an HMAC under a key that is derived from the token key of an epoch, so
// that every service with the node's keys verifies it and a retired epoch verifies no more. What it was sold for stands
// in the request (common/payment/binding.hpp), which the id covers, and not in `opaque` or `digest`, which some clients
// do not send back.
//
//   scope := service ["/" route]
//
// A charge opens what it was sold for, at up to the price it was sold at. That it does so once is for a store.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "common/l402/token.hpp"
#include "common/payment/charge_request.hpp"
#include "common/payment/credential.hpp"
#include "common/payment/problem.hpp"

namespace millrace::payment {

struct ChargeTerms {
    std::string_view realm;  // the host name asked for; no "|"
    std::string_view scope;  // no ":"
    Msat price;
    std::string_view description;  // empty: none
    std::string_view invoice;
    PaymentHash payment_hash;
    Network network;
    std::chrono::sys_seconds expires;  // not later than the invoice
};

// Under the current key of the ring. Throws std::invalid_argument where the ring does not hold it.
[[nodiscard]] Challenge charge_challenge(const l402::KeyRing& keys, const ChargeTerms& terms);

enum class ChargeRefusal {
    malformed_credential = 1,  // no preimage of 64 hex digits
    unsupported_method,        // not lightning
    unsupported_intent,        // not charge
    unknown_challenge,         // not issued here, changed, or under a key that is retired
    wrong_realm,               // issued for another host
    wrong_scope,
    too_cheap,
    bad_preimage,
    expired,
};

// What a credential proves, all but its time.
struct ChargeProof {
    PaymentHash payment_hash;
    std::string challenge_id;
    std::chrono::sys_seconds expires;
    Msat price;  // that it was sold at
};

struct ChargeVerdict {
    std::optional<ChargeRefusal> refusal;  // empty: good
    std::optional<ChargeProof> proof;      // there where the credential is good, or would be but for its time
};

struct ChargeFacts {
    const l402::KeyRing& keys;
    std::string_view realm;
    std::string_view scope;
    Msat price;  // of what is asked for now
    std::chrono::system_clock::time_point now;
};

[[nodiscard]] ChargeVerdict verify_charge(const Credential& credential, const ChargeFacts& facts);

[[nodiscard]] std::string_view name(ChargeRefusal refusal);     // "bad_preimage"
[[nodiscard]] std::string_view explain(ChargeRefusal refusal);  // a sentence for the client
[[nodiscard]] Problem problem_of(ChargeRefusal refusal);

}  // namespace millrace::payment
