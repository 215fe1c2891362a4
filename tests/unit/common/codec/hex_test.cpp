#include "common/codec/hex.hpp"

#include <array>

#include "tests/unit/catch.hpp"
#include "tests/unit/common/random.hpp"

namespace millrace::codec {
namespace {

TEST_CASE("Hex follows the vectors of RFC 4648 section 10") {
    struct Case {
        const char* bytes;
        const char* upper;
        const char* lower;
    };
    const Case cases[] = {
        {"", "", ""},
        {"f", "66", "66"},
        {"fo", "666F", "666f"},
        {"foo", "666F6F", "666f6f"},
        {"foob", "666F6F62", "666f6f62"},
        {"fooba", "666F6F6261", "666f6f6261"},
        {"foobar", "666F6F626172", "666f6f626172"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.bytes);
        CHECK(to_hex(as_bytes(c.bytes)) == c.lower);
        const Result<Bytes> upper = from_hex(c.upper);
        REQUIRE(upper);
        CHECK(as_text(*upper) == c.bytes);
        const Result<Bytes> lower = from_hex(c.lower);
        REQUIRE(lower);
        CHECK(*lower == *upper);
    }
}

TEST_CASE("Text that is not hex is refused") {
    const char* const cases[] = {"0",   "abc",  "0g", "g0", "zz",       " 00",  "00 ",
                                 "0 0", "0x00", "-1", "+1", "\xff\xff", "00\n0"};
    for (const char* text : cases) {
        CAPTURE(text);
        const Result<Bytes> read = from_hex(text);
        REQUIRE_FALSE(read);
        CHECK(is(read.error(), Errc::not_hex));
    }
    const std::string with_nul("0\0", 2);
    CHECK_FALSE(from_hex(with_nul));
}

TEST_CASE("Hex for a fixed length must have exactly that length") {
    std::array<std::uint8_t, 4> out{};
    CHECK(from_hex("deadBEEF", out));
    CHECK(out == std::array<std::uint8_t, 4>{0xde, 0xad, 0xbe, 0xef});
    for (const char* text : {"", "de", "deadbe", "deadbee", "deadbeef0", "deadbeef00"}) {
        CAPTURE(text);
        const Result<void> read = from_hex(text, out);
        REQUIRE_FALSE(read);
        CHECK(is(read.error(), Errc::wrong_length));
    }
    const Result<void> read = from_hex("deadbeeg", out);
    REQUIRE_FALSE(read);
    CHECK(is(read.error(), Errc::not_hex));
}

TEST_CASE("Bytes written as hex are read back as they were") {
    test::Random random(2);
    for (std::size_t length = 0; length < 300; ++length) {
        const Bytes bytes = random.bytes(length);
        const Result<Bytes> read = from_hex(to_hex(bytes));
        REQUIRE(read);
        CHECK(*read == bytes);
    }
}

}  // namespace
}  // namespace millrace::codec
