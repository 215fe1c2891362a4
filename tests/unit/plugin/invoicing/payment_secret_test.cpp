#include "plugin/invoicing/payment_secret.hpp"

#include <numeric>

#include "common/crypto/hash.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/common/random.hpp"

namespace millrace::invoicing {
namespace {

SecretKey counting_key() {
    std::array<std::uint8_t, 32> bytes{};
    std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
    return SecretKey(bytes);
}

Terms terms(std::uint64_t amount, std::int64_t expires_at, std::uint32_t cltv, l402::KeyEpoch epoch,
            std::string_view service) {
    return Terms{Msat(amount),
                 std::chrono::sys_seconds(std::chrono::seconds(expires_at)),
                 cltv,
                 epoch,
                 ServiceName::parse(service).value(),
                 Kind::sale};
}

PaymentHash hash_of(const InvoiceKeys& keys, const PaymentSecret& secret) {
    return crypto::payment_hash(keys.preimage(secret, Kind::sale));
}

// Made by a second implementation of the format (Python, with its own HKDF and ChaCha20) from root key 00 01 .. 1f.
TEST_CASE("a payment secret has the documented layout, byte for byte") {
    const InvoiceKeys keys(counting_key());
    const SecretNonce nonce{0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6};
    const auto secret = keys.seal(terms(1234567890, 1795172759, 21, 3, "weather.v2_eu-1"), nonce);
    REQUIRE(secret);
    CHECK(secret->hex() == "a1b2c3d4e5f6b1e8271c00818ca963ef4182d802d0fbcbcfa5052aa427164f9c");
    CHECK(keys.preimage(*secret, Kind::sale).reveal_hex() ==
          "6bc76f057addef2fb59ea4ec4b606c08eb3dce06026cfdcbfcb6dc439ce28041");
    CHECK(hash_of(keys, *secret).hex() == "76275d1cc2b00c383a571059e512527511dad24b4e878f30e321bab395b34350");
}

TEST_CASE("whatever terms are sealed come back as they were") {
    const InvoiceKeys keys(counting_key());
    test::Random random(20261120);
    for (int i = 0; i < 2000; ++i) {
        const std::string service =
            random.text(1 + static_cast<std::size_t>(random.below(21)), "abcdefghijklmnopqrstuvwxyz0123456789._-");
        const Terms sealed = terms(
            random.u64() & Terms::max_amount_msat, static_cast<std::int64_t>(random.u64() >> 32U),
            static_cast<std::uint32_t>(random.below(4096)), static_cast<l402::KeyEpoch>(random.below(4096)), service);
        const auto secret = keys.seal(sealed, random.array<6>());
        REQUIRE(secret);
        const auto opened = keys.open(*secret, hash_of(keys, *secret));
        REQUIRE(opened);
        CHECK(*opened == sealed);
    }
}

TEST_CASE("the greatest and the least terms fit, one more does not") {
    const InvoiceKeys keys(counting_key());
    const SecretNonce nonce{};
    const std::string longest(ServiceName::max_length, '-');
    for (const Terms& fitting :
         {terms(0, 0, 0, 0, "a"), terms(Terms::max_amount_msat, UINT32_MAX, 4095, 4095, longest)}) {
        const auto secret = keys.seal(fitting, nonce);
        REQUIRE(secret);
        CHECK(keys.open(*secret, hash_of(keys, *secret)) == fitting);
    }
    CHECK_FALSE(keys.seal(terms(Terms::max_amount_msat + 1, 0, 0, 0, "a"), nonce));
    CHECK_FALSE(keys.seal(terms(0, std::int64_t{UINT32_MAX} + 1, 0, 0, "a"), nonce));
    CHECK_FALSE(keys.seal(terms(0, -1, 0, 0, "a"), nonce));
    CHECK_FALSE(keys.seal(terms(0, 0, 4096, 0, "a"), nonce));
    CHECK_FALSE(keys.seal(terms(0, 0, 0, 4096, "a"), nonce));
}

TEST_CASE("a deposit is told from a sale by its hash alone, and neither passes for the other") {
    const InvoiceKeys keys(counting_key());
    const SecretNonce nonce{0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6};
    Terms deposit = terms(1234567890, 1795172759, 21, 3, "weather.v2_eu-1");
    deposit.kind = Kind::deposit;
    const PaymentSecret secret = keys.seal(deposit, nonce).value();
    CHECK(keys.preimage(secret, Kind::deposit).reveal_hex() ==
          "e313dbaeab4b1e29456b52aef904bfe982887956e6ec0e48f81f78140af8f237");
    const PaymentHash hash = crypto::payment_hash(keys.preimage(secret, Kind::deposit));
    CHECK(hash.hex() == "5b9c4e1af3c1b3dbe6f879da6d9c3d00af57348ce5b516f9f9ca6fcfa10b86fc");
    CHECK(keys.open(secret, hash) == deposit);
    CHECK(keys.open(secret, hash_of(keys, secret))->kind == Kind::sale);
    for (std::size_t bit = 0; bit < 256; ++bit) {
        auto bytes = secret.array();
        bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1U << (bit % 8)));
        CHECK_FALSE(keys.open(PaymentSecret(bytes), hash));
    }
}

TEST_CASE("a secret with any bit changed is nobody's") {
    const InvoiceKeys keys(counting_key());
    const auto secret = keys.seal(terms(1000, 1795172759, 21, 1, "weather"), {1, 2, 3, 4, 5, 6}).value();
    const PaymentHash hash = hash_of(keys, secret);
    REQUIRE(keys.open(secret, hash));
    for (std::size_t bit = 0; bit < 256; ++bit) {
        auto bytes = secret.array();
        bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1U << (bit % 8)));
        CHECK_FALSE(keys.open(PaymentSecret(bytes), hash));
    }
}

TEST_CASE("another node's keys do not open a secret") {
    const InvoiceKeys keys(counting_key());
    const InvoiceKeys others(crypto::derive_key(counting_key(), "another node"));
    const auto secret = keys.seal(terms(1000, 1795172759, 21, 1, "weather"), {}).value();
    CHECK_FALSE(others.open(secret, hash_of(keys, secret)));
}

// A secret that hashes right but whose info says nothing sensible: only possible for a holder of the keys of another version.
TEST_CASE("a service that is no name is not read") {
    const InvoiceKeys keys(counting_key());
    test::Random random(7);
    int unreadable = 0;
    for (int i = 0; i < 200; ++i) {
        const PaymentSecret secret(random.array<32>());
        const auto opened = keys.open(secret, hash_of(keys, secret));
        if (!opened) {
            ++unreadable;
        } else {
            CHECK(ServiceName::parse(opened->service.text()));
        }
    }
    CHECK(unreadable > 50);
}

}  // namespace
}  // namespace millrace::invoicing
