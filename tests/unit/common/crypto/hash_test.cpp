// Vectors: FIPS 180-2 appendix B (SHA-256), RFC 4231 (HMAC), RFC 5869 appendix A (HKDF), RFC 8439 (ChaCha20).
#include "common/crypto/hash.hpp"

#include <array>
#include <set>

#include "common/codec/hex.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/common/random.hpp"

namespace millrace::crypto {
namespace {

Bytes bytes_of(std::string_view hex) {
    return codec::from_hex(hex).value();
}

TEST_CASE("SHA-256 follows the vectors of FIPS 180-2") {
    struct Case {
        std::string message;
        const char* digest;
    };
    const Case cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {std::string(1'000'000, 'a'), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.digest);
        CHECK(codec::to_hex(sha256(as_bytes(c.message))) == c.digest);
    }
}

TEST_CASE("HMAC-SHA256 follows the vectors of RFC 4231") {
    struct Case {
        std::string key;
        std::string data;
        const char* digest;  // of the fifth only the first 16 bytes are published
    };
    const std::string long_key(2 * 131, 'a');
    const Case cases[] = {
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {"0102030405060708090a0b0c0d0e0f10111213141516171819",
         "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
         "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
        {"0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c", "546573742057697468205472756e636174696f6e",
         "a3b6167473100ee06e0c796c2955552b"},
        {long_key,
         "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {long_key,
         "5468697320697320612074657374207573696e672061206c6172676572207468616e20626c6f636b2d73697a65206b657920616e64206"
         "1206c6172"
         "676572207468616e20626c6f636b2d73697a6520646174612e20546865206b6579206e6565647320746f2062652068617368656420626"
         "5666f7265"
         "206265696e6720757365642062792074686520484d414320616c676f726974686d2e",
         "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.digest);
        const Bytes key = bytes_of(c.key);
        const Bytes data = bytes_of(c.data);
        const std::string digest = codec::to_hex(hmac_sha256(key, data));
        CHECK(digest.substr(0, std::string_view(c.digest).size()) == c.digest);
        for (std::size_t cut = 0; cut <= data.size(); ++cut) {
            CHECK(codec::to_hex(hmac_sha256(key, ByteView(data).first(cut), ByteView(data).subspan(cut))) == digest);
        }
    }
}

TEST_CASE("A key of exactly one block, and one byte more, are both used as RFC 2104 says") {
    // A key longer than the block is replaced by its hash, one of the block's length is not.
    const Bytes block(64, 0x5a);
    const Bytes longer(65, 0x5a);
    const Digest hashed = sha256(longer);
    CHECK(hmac_sha256(longer, as_bytes("x")) == hmac_sha256(hashed, as_bytes("x")));
    CHECK(hmac_sha256(block, as_bytes("x")) != hmac_sha256(sha256(block), as_bytes("x")));
    CHECK(hmac_sha256(Bytes{}, as_bytes("x")) == hmac_sha256(Bytes(64, 0), as_bytes("x")));
}

TEST_CASE("HMAC-SHA256 is the HKDF of RFC 5869: extract and expand give its published values") {
    struct Case {
        std::string ikm, salt, info, prk, okm;  // okm: the first block (32 bytes) of the published output
    };
    const Case cases[] = {
        // A.1
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
         "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
         "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"},
        // A.3: no salt, no info
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
         "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
         "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"},
    };
    for (const Case& c : cases) {
        const Digest prk = hmac_sha256(bytes_of(c.salt), bytes_of(c.ikm));
        CHECK(codec::to_hex(prk) == c.prk);
        CHECK(codec::to_hex(hmac_sha256(prk, bytes_of(c.info), Bytes{1})) == c.okm);
    }
}

TEST_CASE("A derived key is HKDF-SHA256 with no salt, the name as info, and one block of output") {
    // Values of a second implementation of RFC 5869 (Python: hmac.new over hashlib.sha256).
    struct Case {
        std::string key;
        const char* info;
        const char* derived;
    };
    const Case cases[] = {
        {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "",
         "37ad29109f43265287804b674e2653d0a513718907f97fca97c95bded8104bbf"},
        {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "payment secret",
         "30ab91126857545a45330ad13c6ce33eaafc4c1b73af278282393a6609d43442"},
        {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "preimage",
         "401d9abb0b0130dc03e782fb3c7fec0b376fd8f0282be45b5537de66e51f0d21"},
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "preimage",
         "670aeb316babff471eaa5157fe14eb47376b8d422f9a6e957be38ffd4849f687"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.info);
        CHECK(derive_key(SecretKey::from_hex(c.key).value(), c.info).reveal_hex() == c.derived);
    }
}

TEST_CASE("ChaCha20 gives the key stream of RFC 8439 from block 0") {
    struct Case {
        std::string key, nonce, stream;
    };
    const Case cases[] = {
        // Appendix A.1, test vector 1 (counter 0)
        {std::string(64, '0'), std::string(24, '0'),
         "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
         "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
         // test vector 2 (counter 1)
         "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed29b721769ce64e43d57133b074d839d531ed1f28510af"
         "b45ace1"
         "0a1f4b794d6f"},
        // test vector 5 (counter 0)
        {std::string(64, '0'), "000000000000000000000002",
         "c2c64d378cd536374ae204b9ef933fcd1a8b2288b3dfa49672ab765b54ee27c78a970e0e955c14f3a88e741b97c286f75f8fc299e8148"
         "362fa198a"
         "39531bed6d"},
    };
    for (const Case& c : cases) {
        std::array<std::uint8_t, 12> nonce{};
        REQUIRE(codec::from_hex(c.nonce, nonce));
        Bytes data(c.stream.size() / 2, 0);
        chacha20_xor(SecretKey::from_hex(c.key).value(), nonce, data);
        CHECK(codec::to_hex(data) == c.stream);
    }
}

TEST_CASE("ChaCha20 follows the example of RFC 8439 section 2.4.2") {
    // The example starts at block 1: 64 bytes go before the text and are thrown away.
    const std::string text =
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would "
        "be it.";
    Bytes data(64, 0);
    data.insert(data.end(), text.begin(), text.end());
    const SecretKey key =
        SecretKey::from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f").value();
    std::array<std::uint8_t, 12> nonce{};
    REQUIRE(codec::from_hex("000000000000004a00000000", nonce));
    chacha20_xor(key, nonce, data);
    CHECK(codec::to_hex(ByteView(data).subspan(64)) ==
          "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dabcd62b3571639d624e651"
          "52ab8f530c"
          "359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab77937365af90bbf74a35be6b40b8eedf2785e4287"
          "4d");
}

TEST_CASE("ChaCha20 undoes itself, and leaves nothing where there is nothing") {
    test::Random random(9);
    for (std::size_t length : {0U, 1U, 25U, 26U, 63U, 64U, 65U, 1000U}) {
        const SecretKey key(random.array<32>());
        const auto nonce = random.array<12>();
        const Bytes plain = random.bytes(length);
        Bytes data = plain;
        chacha20_xor(key, nonce, data);
        if (length > 8) CHECK(data != plain);
        chacha20_xor(key, nonce, data);
        CHECK(data == plain);
    }
}

TEST_CASE("The payment hash is the SHA-256 of the preimage") {
    // The preimage and hash of lsat-js's tests.
    const Preimage preimage =
        Preimage::from_hex("2ca931a1c36b48f54948b898a271a53ed91ff7d0081939a5fa511249e81cba5c").value();
    CHECK(payment_hash(preimage).hex() == "7cef93f2c51aa65208bec1447fc38fc58d9bce1375a532edb0dcd290a2c330ae");
    const Preimage all_aa = Preimage::from_hex(std::string(64, 'a')).value();
    CHECK(payment_hash(all_aa).hex() == "e0e77a507412b120f6ede61f62295b1a7b2ff19d3dcc8f7253e51663470c888e");
}

TEST_CASE("Constant-time comparison tells equal from different, and lengths apart") {
    CHECK(equal_constant_time(Bytes{}, Bytes{}));
    CHECK(equal_constant_time(Bytes{1, 2, 3}, Bytes{1, 2, 3}));
    CHECK_FALSE(equal_constant_time(Bytes{1, 2, 3}, Bytes{1, 2, 4}));
    CHECK_FALSE(equal_constant_time(Bytes{1, 2, 3}, Bytes{0, 2, 3}));
    CHECK_FALSE(equal_constant_time(Bytes{1, 2, 3}, Bytes{1, 2}));
    CHECK_FALSE(equal_constant_time(Bytes{}, Bytes{0}));
}

TEST_CASE("The system's randomness does not repeat itself") {
    std::set<std::array<std::uint8_t, 16>> seen;
    for (int i = 0; i < 1000; ++i) seen.insert(random_bytes<16>());
    CHECK(seen.size() == 1000);
}

}  // namespace
}  // namespace millrace::crypto
