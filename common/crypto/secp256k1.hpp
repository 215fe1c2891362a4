// ECDSA over secp256k1 as BOLT 11 needs it: 64-byte compact signatures with a recovery id.
#pragma once

#include <array>
#include <optional>

#include "common/crypto/hash.hpp"
#include "common/ids/ids.hpp"

namespace millrace::crypto {

struct RecoverableSignature {
    std::array<std::uint8_t, 64> compact;  // r || s, big endian
    std::uint8_t recovery_id;              // 0..3
    bool operator==(const RecoverableSignature&) const = default;
};

// Empty where `key` is zero or not below the group order.
[[nodiscard]] std::optional<NodeId> public_key(const SecretKey& key);

// Deterministic (RFC 6979), low-S. `key` must be a valid secret key.
[[nodiscard]] RecoverableSignature sign_recoverable(const SecretKey& key, const Digest& digest);

// Empty where no key fits the signature.
[[nodiscard]] std::optional<NodeId> recover(const RecoverableSignature& signature, const Digest& digest);

// Verifies against a known key. High-S signatures are refused (BOLT 11: with an `n` field a reader must check low-S).
[[nodiscard]] bool verify(const NodeId& key, const RecoverableSignature& signature, const Digest& digest);

}  // namespace millrace::crypto
