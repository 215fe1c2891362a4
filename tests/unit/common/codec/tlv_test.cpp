// Vectors: BOLT 1 appendices A (BigSize) and B (TLV), https://github.com/lightning/bolts/blob/master/01-messaging.md
#include "common/codec/tlv.hpp"

#include <algorithm>
#include <iterator>

#include "common/codec/hex.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/common/random.hpp"

namespace millrace::codec {
namespace {

Bytes bytes_of(std::string_view hex) {
    return from_hex(hex).value();
}

TEST_CASE("BigSize follows the vectors of BOLT 1 in both directions") {
    struct Case {
        std::uint64_t value;
        const char* bytes;
    };
    const Case cases[] = {
        {0, "00"},
        {252, "fc"},
        {253, "fd00fd"},
        {65535, "fdffff"},
        {65536, "fe00010000"},
        {4294967295, "feffffffff"},
        {4294967296, "ff0000000100000000"},
        {18446744073709551615ULL, "ffffffffffffffffff"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.value);
        Bytes written;
        append_bigsize(written, c.value);
        CHECK(to_hex(written) == c.bytes);
        const Bytes bytes = bytes_of(std::string(c.bytes) + "aa");
        ByteView in = bytes;
        const Result<std::uint64_t> read = read_bigsize(in);
        REQUIRE(read);
        CHECK(*read == c.value);
        CHECK(to_hex(in) == "aa");  // what follows is left in place
    }
}

TEST_CASE("A BigSize that is cut off or not in its shortest form is refused") {
    struct Case {
        const char* bytes;
        Errc errc;
    };
    const Case cases[] = {
        {"fd00fc", Errc::not_minimal},
        {"fe0000ffff", Errc::not_minimal},
        {"ff00000000ffffffff", Errc::not_minimal},
        {"fd00", Errc::truncated},
        {"feffff", Errc::truncated},
        {"ffffffffff", Errc::truncated},
        {"", Errc::truncated},
        {"fd", Errc::truncated},
        {"fe", Errc::truncated},
        {"ff", Errc::truncated},
        {"fd0000", Errc::not_minimal},
        {"fe00000000", Errc::not_minimal},
        {"ff0000000000000000", Errc::not_minimal},
    };
    for (const Case& c : cases) {
        CAPTURE(c.bytes);
        const Bytes bytes = bytes_of(c.bytes);
        ByteView in = bytes;
        const Result<std::uint64_t> read = read_bigsize(in);
        REQUIRE_FALSE(read);
        CHECK(is(read.error(), c.errc));
    }
}

TEST_CASE("The TLV streams that fail in any namespace of BOLT 1 are refused") {
    struct Case {
        std::string bytes;
        Errc errc;
    };
    const Case cases[] = {
        {"fd", Errc::truncated},                                      // type truncated
        {"fd01", Errc::truncated},                                    // type truncated
        {"fd000100", Errc::not_minimal},                              // not minimally encoded type
        {"fd0101", Errc::truncated},                                  // missing length
        {"0ffd", Errc::truncated},                                    // length truncated
        {"0ffd26", Errc::truncated},                                  // length truncated
        {"0ffd2602", Errc::truncated},                                // missing value
        {"0ffd000100", Errc::not_minimal},                            // not minimally encoded length
        {"0ffd0201" + std::string(2 * 0x200, '0'), Errc::truncated},  // value truncated
        // Namespace n1: the order is wrong.
        {"0208000000000000022601012a", Errc::not_ascending},
        {"0208000000000000023102080000000000000451", Errc::not_ascending},  // duplicate TLV type
        {"1f000f012a", Errc::not_ascending},
        {"1f001f012a", Errc::not_ascending},  // duplicate TLV type (ignored)
        // Namespace n2.
        {"ffffffffffffffffff000000", Errc::not_ascending},
        // A length that no memory holds is a truncated value, not an allocation.
        {"01ffffffffffffffffff", Errc::truncated},
        {"01fe7fffffff00", Errc::truncated},
    };
    for (const Case& c : cases) {
        CAPTURE(c.bytes);
        const Result<TlvStream> read = decode_tlv(bytes_of(c.bytes));
        REQUIRE_FALSE(read);
        CHECK(is(read.error(), c.errc));
    }
}

TEST_CASE("The valid TLV streams of BOLT 1 are read and written back byte for byte") {
    struct Case {
        const char* bytes;
        std::uint64_t type;
        const char* value;
    };
    const Case cases[] = {
        {"2100", 0x21, ""},
        {"fd020100", 0x201, ""},
        {"fd00fd00", 0xfd, ""},
        {"fd00ff00", 0xff, ""},
        {"fe0200000100", 0x02000001, ""},
        {"ff020000000000000100", 0x0200000000000001, ""},
        {"0100", 1, ""},
        {"010101", 1, "01"},
        {"01020100", 1, "0100"},
        {"0103010000", 1, "010000"},
        {"010401000000", 1, "01000000"},
        {"01050100000000", 1, "0100000000"},
        {"0106010000000000", 1, "010000000000"},
        {"010701000000000000", 1, "01000000000000"},
        {"01080100000000000000", 1, "0100000000000000"},
        {"02080000000000000226", 2, "0000000000000226"},
        {"0331023da092f6980e58d2c037173180e9a465476026ee50f96695963e8efe436f54eb00000000000000010000000000000002", 3,
         "023da092f6980e58d2c037173180e9a465476026ee50f96695963e8efe436f54eb00000000000000010000000000000002"},
        {"fd00fe020226", 0xfe, "0226"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.bytes);
        const Result<TlvStream> read = decode_tlv(bytes_of(c.bytes));
        REQUIRE(read);
        REQUIRE(read->size() == 1);
        CHECK(read->front().type == c.type);
        CHECK(to_hex(read->front().value) == c.value);
        CHECK(to_hex(encode_tlv(*read)) == c.bytes);
    }
    CHECK(decode_tlv(Bytes{}).value().empty());
}

TEST_CASE("Valid streams joined in ascending order are one valid stream") {
    const Result<TlvStream> read =
        decode_tlv(bytes_of("010101"
                            "02080000000000000226"
                            "2100"
                            "fd00fe020226"
                            "fd020100"));
    REQUIRE(read);
    CHECK(read->size() == 5);
}

TEST_CASE("An invalid stream behind a valid one spoils it") {
    for (const char* tail : {"fd", "fd01", "fd000100", "0ffd", "0ffd2602", "0ffd000100"}) {
        CAPTURE(tail);
        CHECK_FALSE(decode_tlv(bytes_of(std::string("010101") + tail)));
    }
}

TEST_CASE("Truncated integers follow the vectors of BOLT 1") {
    struct Case {
        const char* bytes;
        std::uint64_t value;
    };
    const Case cases[] = {
        {"", 0},
        {"01", 1},
        {"0100", 256},
        {"010000", 65536},
        {"01000000", 16777216},
        {"0100000000", 4294967296},
        {"010000000000", 1099511627776},
        {"01000000000000", 281474976710656},
        {"0100000000000000", 72057594037927936},
        {"ffffffffffffffff", UINT64_MAX},
    };
    for (const Case& c : cases) {
        CAPTURE(c.bytes);
        const Result<std::uint64_t> read = decode_truncated_uint(bytes_of(c.bytes));
        REQUIRE(read);
        CHECK(*read == c.value);
        CHECK(to_hex(encode_truncated_uint(c.value)) == c.bytes);
    }
    const Result<std::uint64_t> too_long = decode_truncated_uint(bytes_of("ffffffffffffffffff"));
    REQUIRE_FALSE(too_long);
    CHECK(is(too_long.error(), Errc::wrong_length));
    for (const char* bytes :
         {"00", "0001", "000100", "00010000", "0001000000", "000100000000", "00010000000000", "0001000000000000"}) {
        CAPTURE(bytes);
        const Result<std::uint64_t> read = decode_truncated_uint(bytes_of(bytes));
        REQUIRE_FALSE(read);
        CHECK(is(read.error(), Errc::not_minimal));
    }
}

TEST_CASE("Any ascending TLV stream is read back as it was written") {
    test::Random random(6);
    for (int i = 0; i < 300; ++i) {
        TlvStream stream;
        std::uint64_t type = 0;
        const std::uint64_t records = random.below(8);
        for (std::uint64_t r = 0; r < records; ++r) {
            type += 1 + random.any_magnitude() / 16;
            stream.push_back({type, random.bytes(static_cast<std::size_t>(random.below(600)))});
        }
        const Result<TlvStream> read = decode_tlv(encode_tlv(stream));
        REQUIRE(read);
        REQUIRE(read->size() == stream.size());
        for (std::size_t r = 0; r < stream.size(); ++r) {
            CHECK((*read)[r].type == stream[r].type);
            CHECK((*read)[r].value == stream[r].value);
        }
        const std::uint64_t number = random.any_magnitude();
        CHECK(decode_truncated_uint(encode_truncated_uint(number)).value() == number);
    }
}

TEST_CASE("A TLV stream that is cut short anywhere inside a record is refused") {
    const Bytes whole = bytes_of(
        "010101"
        "fd00fe020226"
        "fd020103616263");
    const std::size_t ends[] = {3, 9, 16};
    REQUIRE(whole.size() == 16);
    for (std::size_t length = 1; length < whole.size(); ++length) {
        CAPTURE(length);
        const bool at_an_end = std::find(std::begin(ends), std::end(ends), length) != std::end(ends);
        CHECK(decode_tlv(ByteView(whole).first(length)).has_value() == at_an_end);
    }
}

}  // namespace
}  // namespace millrace::codec
