#include "common/l402/identifier.hpp"

#include <algorithm>

namespace millrace {

const char* ErrcText<l402::Errc>::text(l402::Errc errc) {
    switch (errc) {
        case l402::Errc::malformed_credential:
            return "malformed L402 credential";
        case l402::Errc::conflicting_credentials:
            return "two different L402 credentials in one request";
        case l402::Errc::bad_identifier:
            return "the macaroon is not an L402 token of version 0";
        case l402::Errc::malformed_challenge:
            return "malformed L402 challenge";
    }
    return "unknown L402 error";
}

}  // namespace millrace

namespace millrace::l402 {

std::array<std::uint8_t, Identifier::length> Identifier::encode() const {
    std::array<std::uint8_t, length> out{};  // begins with version 0
    std::copy(payment_hash.view().begin(), payment_hash.view().end(), out.begin() + 2);
    std::copy(token_id.view().begin(), token_id.view().end(), out.begin() + 34);
    return out;
}

Result<Identifier> Identifier::decode(ByteView bytes) {
    if (bytes.size() != length)
        return fail(Errc::bad_identifier, "its identifier has " + std::to_string(bytes.size()) + " bytes, not 66");
    if (bytes[0] != 0 || bytes[1] != 0) return fail(Errc::bad_identifier, "its identifier is of another version");
    return Identifier{*PaymentHash::from_bytes(bytes.subspan(2, 32)), *TokenId::from_bytes(bytes.subspan(34, 32))};
}

KeyEpoch Identifier::epoch() const {
    const ByteView id = token_id.view();
    return static_cast<KeyEpoch>(id[0] << 8U | id[1]);
}

TokenId make_token_id(KeyEpoch epoch, const std::array<std::uint8_t, 30>& random) {
    std::array<std::uint8_t, TokenId::length> out{};
    out[0] = static_cast<std::uint8_t>(epoch >> 8U);
    out[1] = static_cast<std::uint8_t>(epoch);
    std::copy(random.begin(), random.end(), out.begin() + 2);
    return TokenId(out);
}

}  // namespace millrace::l402
