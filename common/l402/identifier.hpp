// The L402 identifier, version 0: u16be version || payment_hash[32] || token_id[32]  (66 bytes).
//
// A Millrace token id begins with the key epoch, so that any holder of the epoch keys finds the right one without a
// look-up: token_id := u16be epoch || random[30].
#pragma once

#include <array>

#include "common/ids/ids.hpp"
#include "common/l402/l402_error.hpp"

namespace millrace::l402 {

using KeyEpoch = std::uint16_t;

struct Identifier {
    static constexpr std::size_t length = 66;

    PaymentHash payment_hash;
    TokenId token_id;

    [[nodiscard]] std::array<std::uint8_t, length> encode() const;

    // Errors: bad_identifier where it is not 66 bytes or not version 0.
    static Result<Identifier> decode(ByteView bytes);

    [[nodiscard]] KeyEpoch epoch() const;
};

// `random` fills what follows the epoch.
[[nodiscard]] TokenId make_token_id(KeyEpoch epoch, const std::array<std::uint8_t, 30>& random);

}  // namespace millrace::l402
