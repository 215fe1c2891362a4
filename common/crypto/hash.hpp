// SHA-256, HMAC-SHA256, HKDF-SHA256 (RFC 5869), ChaCha20 and the system's randomness: OpenSSL behind typed functions.
// All are total: a failure of the library (out of memory, no entropy) throws std::runtime_error.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "common/codec/bytes.hpp"
#include "common/ids/ids.hpp"

namespace millrace::crypto {

using Digest = std::array<std::uint8_t, 32>;

[[nodiscard]] Digest sha256(ByteView data);
[[nodiscard]] Digest hmac_sha256(ByteView key, ByteView data);
// HMAC over the concatenation first || second.
[[nodiscard]] Digest hmac_sha256(ByteView key, ByteView first, ByteView second);

[[nodiscard]] PaymentHash payment_hash(const Preimage& preimage);

// One 32-byte key out of `key`, separated by `info`.
[[nodiscard]] SecretKey derive_key(const SecretKey& key, std::string_view info);

// XORs `data` in place with the ChaCha20 keystream (RFC 8439: 32-bit counter from 0, 96-bit nonce).
void chacha20_xor(const SecretKey& key, const std::array<std::uint8_t, 12>& nonce, std::span<std::uint8_t> data);

void fill_random(std::span<std::uint8_t> out);

template <std::size_t N>
[[nodiscard]] std::array<std::uint8_t, N> random_bytes() {
    std::array<std::uint8_t, N> out;
    fill_random(out);
    return out;
}

// False where the lengths differ; constant time in the contents.
[[nodiscard]] bool equal_constant_time(ByteView left, ByteView right);

}  // namespace millrace::crypto
