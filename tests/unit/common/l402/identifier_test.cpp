#include "common/l402/identifier.hpp"

#include "common/crypto/hash.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/common/l402/fixtures.hpp"
#include "tests/unit/common/random.hpp"

namespace millrace::l402 {
namespace {

TEST_CASE("The identifiers of known tokens are read") {
    struct Case {
        const char* macaroon;
        const char* payment_hash;
        const char* token_id;
    };
    const Case cases[] = {
        {fixtures::aperture_macaroon, fixtures::aperture_hash, fixtures::aperture_token_id},
        {fixtures::computed_macaroon, fixtures::computed_hash, fixtures::computed_token_id},
        {fixtures::alby_macaroon, "02946399ae1ec2e7af5873b50c93c99eadf9cc748be2c97af5aac716ed58290a",
         "1365db52e467c25ec794223e9f84d5569a6de243b969a5ae1fe3e7cddac45a4d"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.payment_hash);
        const Bytes bytes = fixtures::decode(c.macaroon).identifier;
        const Result<Identifier> identifier = Identifier::decode(bytes);
        REQUIRE(identifier);
        CHECK(identifier->payment_hash.hex() == c.payment_hash);
        CHECK(identifier->token_id.hex() == c.token_id);
        const auto again = identifier->encode();
        CHECK(to_bytes(again) == bytes);
    }
    CHECK(codec::to_hex(crypto::sha256(fixtures::decode(fixtures::computed_macaroon).identifier)) ==
          fixtures::computed_identifier_sha256);
}

TEST_CASE("An identifier of another length or version is refused") {
    for (const std::size_t length : {0U, 1U, 32U, 34U, 64U, 65U, 67U, 132U}) {
        CAPTURE(length);
        const Result<Identifier> identifier = Identifier::decode(Bytes(length, 0));
        REQUIRE_FALSE(identifier);
        CHECK(is(identifier.error(), Errc::bad_identifier));
    }
    for (const std::size_t byte : {0U, 1U}) {
        Bytes bytes(66, 0);
        CHECK(Identifier::decode(bytes));
        bytes[byte] = 1;
        CHECK(is(Identifier::decode(bytes).error(), Errc::bad_identifier));
    }
}

TEST_CASE("A token id begins with its key epoch") {
    std::array<std::uint8_t, 30> random{};
    random.fill(0x77);
    for (const KeyEpoch epoch : std::initializer_list<KeyEpoch>{0, 1, 255, 256, 0x1234, 65535}) {
        CAPTURE(epoch);
        const Identifier identifier{PaymentHash(), make_token_id(epoch, random)};
        CHECK(identifier.epoch() == epoch);
        CHECK(identifier.token_id.hex().substr(4) == std::string(60, '7'));
    }
    CHECK(make_token_id(0x1234, random).hex().substr(0, 4) == "1234");
}

TEST_CASE("Any identifier is read back as it was written") {
    test::Random random(14);
    for (int i = 0; i < 200; ++i) {
        const Identifier identifier{PaymentHash(random.array<32>()),
                                    make_token_id(static_cast<KeyEpoch>(random.u64()), random.array<30>())};
        const Result<Identifier> read = Identifier::decode(identifier.encode());
        REQUIRE(read);
        CHECK(read->payment_hash == identifier.payment_hash);
        CHECK(read->token_id == identifier.token_id);
    }
}

}  // namespace
}  // namespace millrace::l402
