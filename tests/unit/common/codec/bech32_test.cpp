// Vectors: BIP 173 "Test vectors", https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki
#include "common/codec/bech32.hpp"

#include "common/codec/hex.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/common/random.hpp"

namespace millrace::codec {
namespace {

std::string lower_case(std::string text) {
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return text;
}

TEST_CASE("The valid Bech32 strings of BIP 173 are read and written back in lower case") {
    const char* const cases[] = {
        "A12UEL5L",
        "a12uel5l",
        "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
        "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
        "11qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqc8247j",
        "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
        "?1ezyfcl",
    };
    for (const char* text : cases) {
        CAPTURE(text);
        const Result<Bech32> read = decode_bech32(text);
        REQUIRE(read);
        CHECK(encode_bech32(read->hrp, read->words) == lower_case(text));
    }
}

TEST_CASE("The parts of a Bech32 string are its human readable part and its words") {
    const Result<Bech32> read = decode_bech32("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw");
    REQUIRE(read);
    CHECK(read->hrp == "abcdef");
    REQUIRE(read->words.size() == 32);
    for (std::uint8_t i = 0; i < 32; ++i) CHECK(read->words[i] == i);
    const Result<Bech32> ones =
        decode_bech32("11qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqc8247j");
    REQUIRE(ones);
    CHECK(ones->hrp == "1");
}

TEST_CASE("The invalid Bech32 strings of BIP 173 are refused") {
    struct Case {
        std::string_view text;
        Errc errc;
    };
    const Case cases[] = {
        {"\x20"
         "1nwldj5",
         Errc::not_bech32},  // human readable part character out of range
        {"\x7f"
         "1axkwrx",
         Errc::not_bech32},
        {"\x80"
         "1eym55h",
         Errc::not_bech32},
        {"pzry9x0s0muk", Errc::not_bech32},   // no separator
        {"1pzry9x0s0muk", Errc::not_bech32},  // empty human readable part
        {"x1b4n0q5v", Errc::not_bech32},      // invalid data character
        {"li1dgmt3", Errc::not_bech32},       // too short checksum
        {"de1lg7wt\xff", Errc::not_bech32},   // invalid character in checksum
        {"A1G7SGD8", Errc::bad_checksum},     // checksum calculated with upper case form of the human readable part
        {"10a06t8", Errc::not_bech32},        // empty human readable part
        {"1qzzfhee", Errc::not_bech32},       // empty human readable part
        {"", Errc::not_bech32},
        {"1", Errc::not_bech32},
        {"A12uEL5L", Errc::not_bech32},  // mixed case
        {"a12uel5m", Errc::bad_checksum},
    };
    for (const Case& c : cases) {
        CAPTURE(std::string(c.text));
        const Result<Bech32> read = decode_bech32(c.text);
        REQUIRE_FALSE(read);
        CHECK(is(read.error(), c.errc));
    }
}

TEST_CASE("Longer strings than BIP 173's 90 characters are read, as BOLT 11 needs") {
    const std::string text = encode_bech32("lnbc", Bytes(7000, 7));
    const Result<Bech32> read = decode_bech32(text);
    REQUIRE(read);
    CHECK(read->words == Bytes(7000, 7));
}

TEST_CASE("The witness programs of BIP 173's addresses come out of their words") {
    struct Case {
        const char* address;
        std::uint8_t version;
        const char* program;
    };
    const Case cases[] = {
        {"BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", 0, "751e76e8199196d454941c45d1b3a323f1433bd6"},
        {"tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7", 0,
         "1863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262"},
        {"BC1SW50QA3JX3S", 16, "751e"},
        {"bc1zw508d6qejxtdg4y5r3zarvaryvg6kdaj", 2, "751e76e8199196d454941c45d1b3a323"},
        {"tb1qqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesrxh6hy", 0,
         "000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.address);
        const Result<Bech32> read = decode_bech32(c.address);
        REQUIRE(read);
        REQUIRE_FALSE(read->words.empty());
        CHECK(read->words.front() == c.version);
        const Bytes words(read->words.begin() + 1, read->words.end());
        const Result<Bytes> program = from_words(words);
        REQUIRE(program);
        CHECK(to_hex(*program) == c.program);
        CHECK(to_words(*program) == words);
    }
}

TEST_CASE("Words that leave a whole group or set bits over are refused") {
    const Bytes cases[] = {
        {0, 0, 0},                    // BIP 173: "zero padding of more than 4 bits"
        {0},                          // 5 bits of nothing
        {0, 1},                       // BIP 173: "non-zero padding in 8-to-5 conversion"
        {31, 31},                     // 10 bits, 2 of padding, set
        {0, 0, 0, 0, 0, 0, 0, 1, 0},  // 40 bits and a whole group
    };
    for (const Bytes& words : cases) {
        const Result<Bytes> read = from_words(words);
        REQUIRE_FALSE(read);
        CHECK(is(read.error(), Errc::trailing_bytes));
    }
    CHECK(from_words(Bytes{}).value().empty());
    CHECK(from_words(Bytes{0, 0}).value() == Bytes{0});
}

TEST_CASE("Any one wrong character breaks the checksum") {
    const std::string good = encode_bech32("lnbcrt", to_words(as_bytes("a short payload")));
    const std::string alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    for (std::size_t i = good.rfind('1') + 1; i < good.size(); ++i) {
        for (const char c : alphabet) {
            if (c == good[i]) continue;
            std::string bad = good;
            bad[i] = c;
            const Result<Bech32> read = decode_bech32(bad);
            REQUIRE_FALSE(read);
            CHECK(is(read.error(), Errc::bad_checksum));
        }
    }
}

TEST_CASE("Bytes written in Bech32 are read back as they were") {
    test::Random random(5);
    for (std::size_t length = 0; length < 200; ++length) {
        const Bytes bytes = random.bytes(length);
        const std::string hrp = random.text(1 + static_cast<std::size_t>(random.below(10)), "abcxyz0123456789!~");
        const Result<Bech32> read = decode_bech32(encode_bech32(hrp, to_words(bytes)));
        REQUIRE(read);
        CHECK(read->hrp == hrp);
        const Result<Bytes> back = from_words(read->words);
        REQUIRE(back);
        CHECK(*back == bytes);
    }
}

}  // namespace
}  // namespace millrace::codec
