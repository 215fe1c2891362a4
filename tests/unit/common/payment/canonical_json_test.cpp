#include "common/payment/canonical_json.hpp"

#include <boost/json/parse.hpp>
#include <stdexcept>

#include "common/codec/base64.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/common/random.hpp"

namespace millrace::payment {
namespace {

std::string canonical(std::string_view json) {
    return canonical_json(boost::json::parse({json.data(), json.size()}).as_object());
}

TEST_CASE("Canonical JSON has one order of members and one spelling of each character") {
    // From the vectors of Aperture's mpp package, and RFC 8785 §3.2.3.
    struct Case {
        const char* what;
        std::string_view input;
        std::string_view output;
    };
    using namespace std::string_view_literals;
    const Case cases[] = {
        {"empty", "{}", "{}"},
        {"white space goes", " { \"a\" : \"b\" } ", R"({"a":"b"})"},
        {"order by code unit", R"({"z":"1","m":"2","a":"3","A":"4","10":"5","2":"6"})",
         R"({"10":"5","2":"6","A":"4","a":"3","m":"2","z":"1"})"},
        {"order across the surrogates", R"({"\ue000":"1","\ud800\udc00":"2","\uffff":"3","\ud7ff":"4"})",
         "{\"\xed\x9f\xbf\":\"4\",\"\xf0\x90\x80\x80\":\"2\",\"\xee\x80\x80\":\"1\",\"\xef\xbf\xbf\":\"3\"}"},
        {"the order of two beyond the surrogates", R"({"\ud83d\ude02":"b","\ud83d\ude00":"a","\u00f6":"c"})",
         "{\"\xc3\xb6\":\"c\",\"\xf0\x9f\x98\x80\":\"a\",\"\xf0\x9f\x98\x82\":\"b\"}"},
        {"a name before its extension", R"({"ab":"2","a":"1"})", R"({"a":"1","ab":"2"})"},
        {"nested", R"({"b":{"d":"1","c":"2"},"a":{}})", R"({"a":{},"b":{"c":"2","d":"1"}})"},
        {"no escapes for HTML", R"({"description":"Q&A <b> a/b"})", R"({"description":"Q&A <b> a/b"})"},
        {"no escapes for JavaScript", R"({"s":"x\u2028y\u2029z"})", "{\"s\":\"x\xe2\x80\xa8y\xe2\x80\xa9z\"}"},
        {"short escapes", R"({"s":"\b\f\n\r\t"})", R"({"s":"\b\f\n\r\t"})"},
        {"long escapes", R"({"s":"\u0000\u0001\u000b\u001f"})", R"({"s":"\u0000\u0001\u000b\u001f"})"},
        {"delete and solidus stay", R"({"s":"a\/b\u007f"})", "{\"s\":\"a/b\x7f\"}"},
        {"quote and backslash", R"({"s":"he said \"go\" \\ home"})", R"({"s":"he said \"go\" \\ home"})"},
        {"UTF-8 stays", R"({"s":"café あ 😀"})", R"({"s":"café あ 😀"})"},
        {"a charge request",
         R"({"amount":"100","currency":"sat","description":"Weather report","methodDetails":{"invoice":"lnbc1u1p","paymentHash":"bc230847","network":"mainnet"}})",
         R"({"amount":"100","currency":"sat","description":"Weather report","methodDetails":{"invoice":"lnbc1u1p","network":"mainnet","paymentHash":"bc230847"}})"},
        {"a session request",
         R"({"amount":"3","currency":"sat","unitType":"token","depositInvoice":"lnbc500n1p","paymentHash":"aa11bb22","depositAmount":"5000","idleTimeout":"900"})",
         R"({"amount":"3","currency":"sat","depositAmount":"5000","depositInvoice":"lnbc500n1p","idleTimeout":"900","paymentHash":"aa11bb22","unitType":"token"})"},
    };
    for (const Case& one : cases) {
        CAPTURE(one.what);
        CHECK(canonical(one.input) == one.output);
        CHECK(canonical(one.output) == one.output);
    }
}

TEST_CASE("Whole numbers, which receipts have, are written as their digits") {
    CHECK(canonical(R"({"b":0,"a":9007199254740992})") == R"({"a":9007199254740992,"b":0})");
}

TEST_CASE("Canonical JSON refuses what a header of this scheme does not have") {
    for (const char* json : {R"({"a":-1})", R"({"a":9007199254740993})", R"({"a":1.0})", R"({"a":[]})", R"({"a":null})",
                             R"({"a":true})", R"({"a":{"b":1.5}})"})
        CHECK_THROWS_AS(canonical(json), std::invalid_argument);
}

TEST_CASE("Canonical JSON says the same as what it was made of") {
    test::Random random(21);
    for (int i = 0; i < 500; ++i) {
        boost::json::object object;
        for (std::uint64_t member = random.below(8); member > 0; --member) {
            const std::string name = random.text(static_cast<std::size_t>(random.below(4)), "ab\"\\\n\x01/");
            object[name] = random.text(static_cast<std::size_t>(random.below(9)), "xyz\"\\\t\x1f<&");
        }
        CHECK(boost::json::parse(canonical_json(object)) == boost::json::value(object));
    }
}

TEST_CASE("Base64url has one text for each value") {
    struct Case {
        const char* what;
        std::string_view text;
        bool good;
    };
    const Case cases[] = {
        {"empty", "", true},
        {"one byte", "AA", true},
        {"two bytes", "__4", true},
        {"three bytes", "__79", true},
        {"letters", "aGVsbG8", true},
        {"both special digits", "-_-_A-__", true},
        {"padding is tolerated", "aGVsbG8=", true},
        {"non-zero trailing bits", "AB", false},
        {"a line feed", "aGVs\nbG8", false},
        {"a carriage return", "aGVs\rbG8", false},
        {"the standard alphabet", "a+b/", false},
        {"padding inside", "aGV=bG8", false},
        {"too much padding", "aGVsbG8===", false},
        {"padding to another length", "aGVsbG=", false},
        {"a digit left over", "aGVsb", false},
        {"not base64", "!!!invalid!!!", false},
    };
    for (const Case& one : cases) {
        CAPTURE(one.what);
        const Result<Bytes> read = codec::from_base64url(one.text);
        CHECK(read.has_value() == one.good);
        if (read) {
            std::string_view unpadded = one.text;
            while (unpadded.ends_with('=')) unpadded.remove_suffix(1);
            CHECK(codec::to_base64url(*read) == unpadded);
        }
    }
}

}  // namespace
}  // namespace millrace::payment
