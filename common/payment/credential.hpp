// The credential of the Payment scheme: the challenge as it was received, and the proof of payment.
//
//   Authorization: Payment <base64url of the JSON>
//   {"challenge": {"id", "realm", "method", "intent", "request", "expires"?, ...}, "source"?: "did:...",
//    "payload": {...}}
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "common/ids/ids.hpp"
#include "common/payment/challenge.hpp"

namespace millrace::payment {

constexpr std::size_t max_credential_size = 64 * 1024;  // bytes of the JSON

struct Credential {
    Challenge challenge;
    boost::json::object payload;  // of the method and intent; holds a secret
};

// True where the value of an Authorization field is of this scheme.
[[nodiscard]] bool is_payment_authorization(std::string_view value);

// `value` is that of an Authorization field. Unknown members are ignored. Errors: malformed_credential.
[[nodiscard]] Result<Credential> parse_credential(std::string_view value);

// What a client sends: the challenge and its answer, of strings and objects of such.
[[nodiscard]] std::string authorization_value(const Challenge& challenge, boost::json::object payload);
// What it sends once it has paid the invoice of a charge.
[[nodiscard]] std::string authorization_value(const Challenge& challenge, const Preimage& preimage);

}  // namespace millrace::payment
