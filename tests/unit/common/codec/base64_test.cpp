#include "common/codec/base64.hpp"

#include "tests/unit/catch.hpp"
#include "tests/unit/common/random.hpp"

namespace millrace::codec {
namespace {

void require_refused(std::string_view text) {
    CAPTURE(std::string(text));
    const Result<Bytes> read = from_base64(text);
    REQUIRE_FALSE(read);
    CHECK(is(read.error(), Errc::not_base64));
}

TEST_CASE("Base 64 follows the vectors of RFC 4648 section 10") {
    struct Case {
        const char* bytes;
        const char* padded;
        const char* unpadded;
    };
    const Case cases[] = {
        {"", "", ""},
        {"f", "Zg==", "Zg"},
        {"fo", "Zm8=", "Zm8"},
        {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg==", "Zm9vYg"},
        {"fooba", "Zm9vYmE=", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.bytes);
        CHECK(to_base64(as_bytes(c.bytes)) == c.padded);
        CHECK(to_base64url(as_bytes(c.bytes)) == c.unpadded);
        for (const char* text : {c.padded, c.unpadded}) {
            const Result<Bytes> read = from_base64(text);
            REQUIRE(read);
            CHECK(as_text(*read) == c.bytes);
        }
    }
}

TEST_CASE("Either alphabet is read, padded or not, as clients in the wild send all four") {
    const Bytes bytes = {0xfb, 0xff, 0xbf, 0xfe};
    CHECK(to_base64(bytes) == "+/+//g==");
    CHECK(to_base64url(bytes) == "-_-__g");
    for (const char* text : {"+/+//g==", "+/+//g", "-_-__g==", "-_-__g"}) {
        CAPTURE(text);
        const Result<Bytes> read = from_base64(text);
        REQUIRE(read);
        CHECK(*read == bytes);
    }
}

TEST_CASE("The two alphabets in one text are refused") {
    require_refused("+/-_");
    require_refused("+_==");
    require_refused("AA-AAA+A");
}

TEST_CASE("Text with non-zero trailing bits is refused") {
    // Every second digit of "Zg" but the right one leaves bits behind.
    for (const char* text : {"Zh", "Zn", "Z_", "Zh==", "Zv==", "Zm9", "Zm9=", "Zm-", "Zm9vYh==", "Zm9vYmF"})
        require_refused(text);
}

TEST_CASE("Line breaks, blanks and other foreign characters are refused") {
    for (const char* text : {"Zm9v\n", "Zm9v\r\n", "\nZm9v", "Zm\n9v", "Zm 9v", " Zm9v", "Zm9v ", "Zm9*", "Zm9.",
                             "Zm9\x80", "Zm,v", "Zm9v:"}) {
        require_refused(text);
    }
    require_refused(std::string_view("Zm9\0", 4));
}

TEST_CASE("Padding that is inside, too long, too short or misplaced is refused") {
    for (const char* text : {"=", "==", "===", "====", "Z===", "Zg=", "Zg===", "Zg====", "Zm8==", "Zm9v=", "Zm9v==",
                             "Zm9v====", "Z=g=", "Zg==Zg==", "=Zg=", "Zm=9"}) {
        require_refused(text);
    }
}

TEST_CASE("A dangling digit is refused") {
    for (const char* text : {"Z", "Zm9vY", "A", "-", "Zm9vYmFyZ"}) require_refused(text);
}

TEST_CASE("Bytes written in base 64 are read back as they were, from both alphabets") {
    test::Random random(3);
    for (std::size_t length = 0; length < 400; ++length) {
        const Bytes bytes = random.bytes(length);
        std::string padded = to_base64(bytes);
        CHECK(padded.size() % 4 == 0);
        for (const std::string& text : {padded, to_base64url(bytes)}) {
            const Result<Bytes> read = from_base64(text);
            REQUIRE(read);
            CHECK(*read == bytes);
        }
        while (!padded.empty() && padded.back() == '=') padded.pop_back();
        const Result<Bytes> read = from_base64(padded);
        REQUIRE(read);
        CHECK(*read == bytes);
    }
}

TEST_CASE("What base 64 reads, it writes back without change: there is one text for each value") {
    test::Random random(4);
    int read_count = 0;
    for (int i = 0; i < 20'000; ++i) {
        const std::string text = random.text(static_cast<std::size_t>(random.below(9)), "AQgwZz09+/=");
        const Result<Bytes> read = from_base64(text);
        if (!read) continue;
        ++read_count;
        std::string unpadded = text;
        while (!unpadded.empty() && unpadded.back() == '=') unpadded.pop_back();
        std::string again = to_base64(*read);
        while (!again.empty() && again.back() == '=') again.pop_back();
        CHECK(again == unpadded);
    }
    CHECK(read_count > 1000);
}

}  // namespace
}  // namespace millrace::codec
