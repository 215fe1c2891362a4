// What ties a challenge to what it was sold for, and to the key it was made under. It stands in the request, which the
// challenge's id covers:
//
//   externalId := "millrace:" epoch ":" scope ":" price in msat
//   secret     := HMAC-SHA256(epoch key, "millrace/payment/challenge")
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/crypto/hash.hpp"
#include "common/l402/token.hpp"
#include "common/money/msat.hpp"
#include "common/payment/challenge.hpp"

namespace millrace::payment {

struct Binding {
    l402::KeyEpoch epoch = 0;
    std::string_view scope;  // no ":" at the end or the beginning
    Msat price;
};

[[nodiscard]] std::string write_binding(const Binding& binding);
[[nodiscard]] std::optional<Binding> read_binding(std::string_view external_id);

// Completes a challenge whose request is bound to the ring's current epoch: its id. Throws std::invalid_argument where
// the ring does not hold that key.
void sign_challenge(const l402::KeyRing& keys, Challenge& challenge);

// Whether `echo` has the id that this service gave it, under the epoch of `binding`.
[[nodiscard]] bool is_ours(const l402::KeyRing& keys, const Binding& binding, const Challenge& echo);

}  // namespace millrace::payment
