#include "common/crypto/secp256k1.hpp"

#include "common/codec/hex.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/common/random.hpp"

namespace millrace::crypto {
namespace {

SecretKey key_of(std::string_view hex) {
    return SecretKey::from_hex(hex).value();
}

constexpr const char* group_order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

Bytes order_bytes() {
    return codec::from_hex(group_order).value();
}

// order - s, big endian: the other S that verifies in plain ECDSA.
void flip_s(RecoverableSignature& signature) {
    const Bytes order = order_bytes();
    int borrow = 0;
    for (std::size_t i = 32; i-- > 0;) {
        const int difference = int{order[i]} - int{signature.compact[32 + i]} - borrow;
        borrow = difference < 0 ? 1 : 0;
        signature.compact[32 + i] = static_cast<std::uint8_t>(difference + 256 * borrow);
    }
    signature.recovery_id ^= 1;
}

TEST_CASE("Public keys are those of the published secret keys") {
    struct Case {
        const char* secret;
        const char* key;
    };
    const Case cases[] = {
        // The generator, and the group's last key (SEC 2).
        {"0000000000000000000000000000000000000000000000000000000000000001",
         "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"},
        {"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140",
         "0379be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"},
        // BOLT 11's signing key.
        {"e126f68f7eafcc8b74f54d269fe206be715000f94dac067d1c04a8ca3b2db734",
         "03e7156ae33b0a208d0744199163177e909e80176e55d97a2f221ede0f934dd9ad"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.secret);
        const std::optional<NodeId> key = public_key(key_of(c.secret));
        REQUIRE(key);
        CHECK(key->hex() == c.key);
    }
}

TEST_CASE("Zero and numbers not below the group order are no secret keys") {
    CHECK_FALSE(public_key(key_of(std::string(64, '0'))));
    CHECK_FALSE(public_key(key_of(group_order)));
    CHECK_FALSE(public_key(key_of(std::string(64, 'f'))));
    CHECK_THROWS(sign_recoverable(key_of(std::string(64, '0')), sha256(as_bytes("x"))));
}

TEST_CASE("Signing gives BOLT 11's published signature") {
    const SecretKey key = key_of("e126f68f7eafcc8b74f54d269fe206be715000f94dac067d1c04a8ca3b2db734");
    Digest digest;
    REQUIRE(codec::from_hex("6daf4d488be41ce7cbb487cab1ef2975e5efcea879b20d421f0ef86b07cbb987", digest));
    const RecoverableSignature signature = sign_recoverable(key, digest);
    CHECK(codec::to_hex(signature.compact) ==
          "8d3ce9e28357337f62da0162d9454df827f83cfe499aeb1c1db349d4d81127425e434ca29929406c23bba1ae8ac6ca32880b38d4bf6f"
          "f874024cac34b"
          "a9625f1");
    CHECK(signature.recovery_id == 1);
    CHECK(recover(signature, digest) == public_key(key));
    CHECK(verify(*public_key(key), signature, digest));
}

TEST_CASE("Any signature verifies against its own key and digest, and against no other") {
    test::Random random(10);
    for (int i = 0; i < 50; ++i) {
        const SecretKey key(random.array<32>());
        const std::optional<NodeId> node = public_key(key);
        REQUIRE(node);
        const Digest digest = random.array<32>();
        const RecoverableSignature signature = sign_recoverable(key, digest);
        CHECK(signature.recovery_id <= 3);
        CHECK(recover(signature, digest) == node);
        CHECK(verify(*node, signature, digest));

        Digest other = digest;
        other[static_cast<std::size_t>(i) % 32] ^= 1;
        CHECK_FALSE(verify(*node, signature, other));
        CHECK(recover(signature, other) != node);
        CHECK_FALSE(verify(*public_key(SecretKey(random.array<32>())), signature, digest));
        RecoverableSignature changed = signature;
        changed.compact[static_cast<std::size_t>(random.below(64))] ^= 4;
        CHECK_FALSE(verify(*node, changed, digest));
    }
}

TEST_CASE("A high-S signature recovers its key but does not verify") {
    test::Random random(11);
    for (int i = 0; i < 10; ++i) {
        const SecretKey key(random.array<32>());
        const Digest digest = random.array<32>();
        RecoverableSignature signature = sign_recoverable(key, digest);
        flip_s(signature);
        CHECK(recover(signature, digest) == public_key(key));
        CHECK_FALSE(verify(*public_key(key), signature, digest));
    }
}

TEST_CASE("Signatures that no key can have made recover nothing") {
    const Digest digest = sha256(as_bytes("x"));
    RecoverableSignature signature{};
    CHECK_FALSE(recover(signature, digest));  // r = s = 0
    signature.compact.fill(0xff);             // beyond the order
    CHECK_FALSE(recover(signature, digest));
    signature = sign_recoverable(key_of(std::string(63, '0') + "1"), digest);
    signature.recovery_id = 4;
    CHECK_FALSE(recover(signature, digest));
    signature.recovery_id = 255;
    CHECK_FALSE(recover(signature, digest));
}

TEST_CASE("A key that is no point on the curve verifies nothing") {
    const Digest digest = sha256(as_bytes("x"));
    const RecoverableSignature signature = sign_recoverable(key_of(std::string(63, '0') + "1"), digest);
    CHECK_FALSE(verify(NodeId{}, signature, digest));
    // BOLT 1: "not a valid point".
    CHECK_FALSE(verify(NodeId::from_hex("043da092f6980e58d2c037173180e9a465476026ee50f96695963e8efe436f54eb").value(),
                       signature, digest));
}

}  // namespace
}  // namespace millrace::crypto
