#include "common/ids/ids.hpp"

#include <algorithm>
#include <array>
#include <type_traits>
#include <unordered_set>

#include "tests/unit/catch.hpp"
#include "tests/unit/common/random.hpp"

namespace millrace {
namespace {

// A secret must not find its way into a log or a comparison in variable time by accident.
template <class T>
concept Printable = requires(const T& value) {
    value.hex();
};
template <class T>
concept Comparable = requires(const T& left, const T& right) {
    left == right;
};
static_assert(Printable<PaymentHash> && Comparable<PaymentHash>);
static_assert(!Printable<Preimage> && !Comparable<Preimage>);
static_assert(!Printable<SecretKey> && !Comparable<SecretKey>);
static_assert(!std::is_convertible_v<PaymentHash, TokenId> && !std::is_constructible_v<PaymentHash, TokenId>);

TEST_CASE("An identifier of fixed length is read from exactly as many hex digits") {
    const std::string digits = "30a47a6e9b0b3ab9f4280f08932cd7207b440f508580d3eb5563eb4a3d8009ff";
    const Result<PaymentHash> hash = PaymentHash::from_hex(digits);
    REQUIRE(hash);
    CHECK(hash->hex() == digits);
    CHECK(PaymentHash::from_bytes(hash->view()).value() == *hash);
    CHECK(is(PaymentHash::from_hex(digits.substr(2)).error(), codec::Errc::wrong_length));
    CHECK(is(PaymentHash::from_hex(digits + "00").error(), codec::Errc::wrong_length));
    CHECK(is(PaymentHash::from_hex("").error(), codec::Errc::wrong_length));
    CHECK(is(PaymentHash::from_hex("zz" + digits.substr(2)).error(), codec::Errc::not_hex));
    CHECK(is(PaymentHash::from_bytes(Bytes(31)).error(), codec::Errc::wrong_length));
    CHECK(is(PaymentHash::from_bytes(Bytes(33)).error(), codec::Errc::wrong_length));
    CHECK(NodeId::from_hex("02" + digits));
    CHECK_FALSE(NodeId::from_hex(digits));
}

TEST_CASE("A secret compares by value and is revealed only on request") {
    const std::string digits(64, 'a');
    const Preimage one = Preimage::from_hex(digits).value();
    const Preimage same = Preimage::from_bytes(one.reveal()).value();
    CHECK(one.equals(same));
    for (std::size_t i = 0; i < Preimage::length; ++i) {
        std::array<std::uint8_t, Preimage::length> bytes{};
        std::copy(one.reveal().begin(), one.reveal().end(), bytes.begin());
        bytes[i] ^= 0x80;
        CHECK_FALSE(one.equals(Preimage(bytes)));
    }
    CHECK(one.reveal_hex() == digits);
    CHECK_FALSE(Preimage::from_hex(std::string(96, 'a')));  // a 48-byte preimage, as one wallet returns
    CHECK_FALSE(Preimage::from_hex(digits.substr(1)));
}

TEST_CASE("A refused secret is not repeated in the message") {
    const std::string digits = "6b6579206d6174657269616c20746861742069732074616c6c7921";
    CHECK(SecretKey::from_hex(digits).error().message.find("6b6579") == std::string::npos);
    CHECK(SecretKey::from_hex(std::string(62, '7') + "zz").error().message.find("77") == std::string::npos);
}

TEST_CASE("A short channel id is read as BOLT 7 writes it") {
    struct Case {
        const char* text;
        std::uint64_t value;
    };
    const Case cases[] = {
        {"0x0x0", 0},
        {"0x0x1", 1},
        {"0x1x0", 0x10000},
        {"1x0x0", 0x10000000000},
        {"539268x845x1", 592931436542885889},
        {"103x1x0", 103ULL << 40U | 1ULL << 16U},
        {"0x0x550", 0x226},
        {"66051x263430x1800", 0x0102030405060708},
        {"16777215x16777215x65535", UINT64_MAX},
    };
    for (const Case& c : cases) {
        CAPTURE(c.text);
        const Result<ShortChannelId> read = ShortChannelId::parse(c.text);
        REQUIRE(read);
        CHECK(read->value() == c.value);
        CHECK(read->text() == c.text);
        CHECK(ShortChannelId(c.value).text() == c.text);
    }
    CHECK(ShortChannelId(539268, 845, 1).value() == 592931436542885889);
}

TEST_CASE("What is not a short channel id is refused") {
    const char* const cases[] = {"",
                                 "1",
                                 "1x1",
                                 "1x1x",
                                 "x1x1",
                                 "1xx1",
                                 "1x1x1x1",
                                 "1x1x1x",
                                 "1:1:1",
                                 "1X1X1",
                                 " 1x1x1",
                                 "1x1x1 ",
                                 "-1x1x1",
                                 "1x-1x1",
                                 "1x1x-1",
                                 "+1x1x1",
                                 "1x 1x1",
                                 "0x10x0x10",
                                 "16777216x0x0",
                                 "0x16777216x0",
                                 "0x0x65536",
                                 "99999999999999999999x0x0",
                                 "0x0x18446744073709551616"};
    for (const char* text : cases) {
        CAPTURE(text);
        CHECK_FALSE(ShortChannelId::parse(text));
    }
}

TEST_CASE("Any short channel id is read back as it was written") {
    test::Random random(7);
    for (int i = 0; i < 2000; ++i) {
        const ShortChannelId id(random.any_magnitude());
        CHECK(ShortChannelId::parse(id.text()).value() == id);
    }
}

TEST_CASE("A service name is 1 to 21 of the letters that a caveat and an invoice can carry") {
    for (const char* text : {"a", "weather", "my_api", "a.b-c_9", "0", "-", "abcdefghijklmnopqrstu"}) {
        CAPTURE(text);
        const Result<ServiceName> read = ServiceName::parse(text);
        REQUIRE(read);
        CHECK(read->text() == text);
    }
    for (const char* text : {"", "abcdefghijklmnopqrstuv", "Weather", "a b", "a:0", "a,b", "a=b", "a/b", "a%2fb",
                             "\xc3\xa9", "a\n", "x:0,svc"}) {
        CAPTURE(text);
        const Result<ServiceName> read = ServiceName::parse(text);
        REQUIRE_FALSE(read);
        CHECK(is(read.error(), codec::Errc::wrong_length));
    }
    CHECK_FALSE(ServiceName::parse(std::string_view("a\0b", 3)));
}

TEST_CASE("Identifiers serve as keys of hash tables") {
    test::Random random(8);
    std::unordered_set<PaymentHash> hashes;
    std::unordered_set<ShortChannelId> channels;
    for (int i = 0; i < 500; ++i) {
        hashes.insert(PaymentHash(random.array<32>()));
        channels.insert(ShortChannelId(random.u64()));
    }
    CHECK(hashes.size() == 500);
    CHECK(channels.size() == 500);
    CHECK(hashes.count(*hashes.begin()) == 1);
}

}  // namespace
}  // namespace millrace
