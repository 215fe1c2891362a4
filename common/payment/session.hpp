// Selling by a Payment session: the challenge for a deposit, and whether a credential answers one of ours.
//
// As for a charge, nothing is stored for a challenge, and what it was sold for stands in its request
// (common/payment/binding.hpp). A session is known by the payment hash of its first deposit; whoever has that payment's
// preimage owns it:
//
//   open    {"action": "open", "preimage", "returnInvoice"}         the deposit is the challenge's own
//   bearer  {"action": "bearer", "sessionId", "preimage"}           one request, at the price of now
//   topUp   {"action": "topUp", "sessionId", "topUpPreimage"}       a further deposit, the challenge's own
//   close   {"action": "close", "sessionId", "preimage"}
//
// bearer and close pay nothing: any challenge of the same host and scope will do, however old. What a request may cost
// is what its challenge said. Whether there is such a session, and what is left of it, is for a store.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "common/l402/token.hpp"
#include "common/payment/charge_request.hpp"
#include "common/payment/credential.hpp"
#include "common/payment/problem.hpp"
#include "common/payment/session_request.hpp"

namespace millrace::payment {

struct SessionTerms {
    std::string_view realm;        // the host name asked for; no "|"
    std::string_view scope;        // no ":"
    Msat price;                    // of one request
    std::string_view description;  // empty: none
    std::string_view invoice;      // for the deposit
    PaymentHash payment_hash;
    Msat deposit;                      // whole satoshi
    std::chrono::sys_seconds expires;  // not later than the invoice
    std::optional<std::chrono::seconds> idle_timeout;
    std::string_view unit = "request";              // what `amount` is the price of
    std::optional<Msat> unit_price = std::nullopt;  // empty: the request's
};

// Under the current key of the ring. Throws std::invalid_argument where the ring does not hold it.
[[nodiscard]] Challenge session_challenge(const l402::KeyRing& keys, const SessionTerms& terms);

enum class SessionAction { open, bearer, top_up, close };

[[nodiscard]] std::string_view name(SessionAction action);  // "topUp", as in the credential

// Whether it asks for what is sold, too, and pays for that.
[[nodiscard]] bool serves_request(SessionAction action);

// A credential's payload.
struct SessionPayload {
    SessionAction action = SessionAction::bearer;
    PaymentHash session;         // of an open: the preimage's own
    Preimage preimage;           // of the session; of a topUp: of the further deposit
    std::string return_invoice;  // of an open
};

// Unknown members are ignored. Errors: malformed_credential.
[[nodiscard]] Result<SessionPayload> parse_session_payload(const boost::json::object& payload);

enum class SessionRefusal {
    malformed_credential = 1,
    unsupported_method,  // not lightning, or not session
    unknown_challenge,   // not issued here, changed, or under a key that is retired
    wrong_realm,         // issued for another host
    wrong_scope,
    too_cheap,     // the challenge told a lower price than this request has
    bad_preimage,  // not that of the session, or of the deposit
    expired,       // open and topUp
};

// What a credential proves.
struct SessionProof {
    SessionAction action = SessionAction::bearer;
    PaymentHash session;
    PaymentHash deposit;  // of open and topUp: what was paid
    Msat deposit_amount;
    std::string challenge_id;
    std::chrono::sys_seconds expires;
    std::string return_invoice;  // not looked at yet
};

struct SessionVerdict {
    std::optional<SessionRefusal> refusal;  // empty: good
    std::optional<SessionProof> proof;      // there where the credential is good, or would be but for its time
    bool underpriced = false;               // of a good open: its challenge told a lower price than this request has
};

struct SessionFacts {
    const l402::KeyRing& keys;
    std::string_view realm;
    std::string_view scope;
    Msat price;  // of what is asked for now
    std::chrono::system_clock::time_point now;
};

[[nodiscard]] SessionVerdict verify_session(const Credential& credential, const SessionFacts& facts);

[[nodiscard]] std::string_view name(SessionRefusal refusal);     // "bad_preimage"
[[nodiscard]] std::string_view explain(SessionRefusal refusal);  // a sentence for the client
[[nodiscard]] Problem problem_of(SessionRefusal refusal);

}  // namespace millrace::payment
