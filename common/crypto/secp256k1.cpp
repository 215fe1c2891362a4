#include "common/crypto/secp256k1.hpp"

#include <secp256k1.h>
#include <secp256k1_recovery.h>

#include <stdexcept>

namespace millrace::crypto {
namespace {

// One context for the process, blinded against side channels at first use; secp256k1's functions take it as const.
const secp256k1_context* context() {
    static const secp256k1_context* const shared = [] {
        secp256k1_context* made = secp256k1_context_create(SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY);
        const auto seed = random_bytes<32>();
        if (made == nullptr || secp256k1_context_randomize(made, seed.data()) != 1)
            throw std::runtime_error("libsecp256k1 does not start");
        return made;
    }();
    return shared;
}

NodeId serialise(const secp256k1_pubkey& key) {
    std::array<std::uint8_t, NodeId::length> out;
    std::size_t length = out.size();
    secp256k1_ec_pubkey_serialize(context(), out.data(), &length, &key, SECP256K1_EC_COMPRESSED);
    return NodeId(out);
}

}  // namespace

std::optional<NodeId> public_key(const SecretKey& key) {
    secp256k1_pubkey made;
    if (secp256k1_ec_pubkey_create(context(), &made, key.reveal().data()) != 1) return std::nullopt;
    return serialise(made);
}

RecoverableSignature sign_recoverable(const SecretKey& key, const Digest& digest) {
    secp256k1_ecdsa_recoverable_signature signature;
    if (secp256k1_ecdsa_sign_recoverable(context(), &signature, digest.data(), key.reveal().data(), nullptr, nullptr) !=
        1) {
        throw std::invalid_argument("not a secp256k1 secret key");
    }
    RecoverableSignature out{};
    int recovery_id = 0;
    secp256k1_ecdsa_recoverable_signature_serialize_compact(context(), out.compact.data(), &recovery_id, &signature);
    out.recovery_id = static_cast<std::uint8_t>(recovery_id);
    return out;
}

std::optional<NodeId> recover(const RecoverableSignature& signature, const Digest& digest) {
    if (signature.recovery_id > 3) return std::nullopt;
    secp256k1_ecdsa_recoverable_signature parsed;
    secp256k1_pubkey key;
    if (secp256k1_ecdsa_recoverable_signature_parse_compact(context(), &parsed, signature.compact.data(),
                                                            signature.recovery_id) != 1 ||
        secp256k1_ecdsa_recover(context(), &key, &parsed, digest.data()) != 1) {
        return std::nullopt;
    }
    return serialise(key);
}

bool verify(const NodeId& key, const RecoverableSignature& signature, const Digest& digest) {
    secp256k1_pubkey parsed_key;
    secp256k1_ecdsa_signature parsed;
    return secp256k1_ec_pubkey_parse(context(), &parsed_key, key.view().data(), key.view().size()) == 1 &&
           secp256k1_ecdsa_signature_parse_compact(context(), &parsed, signature.compact.data()) == 1 &&
           secp256k1_ecdsa_verify(context(), &parsed, digest.data(), &parsed_key) == 1;
}

}  // namespace millrace::crypto
