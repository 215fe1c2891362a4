#include "common/payment/credential.hpp"

#include <boost/json/parse.hpp>

#include "common/codec/base64.hpp"
#include "common/payment/receipt.hpp"
#include "common/payment/timestamp.hpp"
#include "tests/unit/catch.hpp"

namespace millrace::payment {
namespace {

std::string value_of(std::string_view json, std::string_view scheme = "Payment") {
    return std::string(scheme) + " " + codec::to_base64url(as_bytes(json));
}

constexpr std::string_view charge_json =
    R"({"challenge":{"id":"kM9x","realm":"api.example.com","method":"lightning","intent":"charge",)"
    R"("request":"eyJhbW91bnQiOiIxMDAifQ","expires":"2026-03-15T12:05:00Z"},"payload":{"preimage":"a3f1"}})";

TEST_CASE("A Payment credential is read, whatever else it says") {
    struct Case {
        const char* what;
        std::string value;
    };
    const Case cases[] = {
        {"as it is", value_of(charge_json)},
        {"the scheme in lower case", value_of(charge_json, "payment")},
        {"padded",
         value_of(charge_json) + std::string((4 - codec::to_base64url(as_bytes(charge_json)).size() % 4) % 4, '=')},
        {"spaces around", "  Payment   " + codec::to_base64url(as_bytes(charge_json)) + " \t"},
        {"unknown members",
         value_of(R"({"x":[1],"challenge":{"y":{},"id":"kM9x","realm":"api.example.com","method":"lightning",)"
                  R"("intent":"charge","request":"eyJhbW91bnQiOiIxMDAifQ","expires":"2026-03-15T12:05:00Z"},)"
                  R"("source":"did:key:z6Mk","payload":{"preimage":"a3f1","z":0}})")},
        {"another order and white space",
         value_of(R"({ "payload": {"preimage": "a3f1"}, "challenge": {"expires": "2026-03-15T12:05:00Z",)"
                  R"( "request": "eyJhbW91bnQiOiIxMDAifQ", "intent": "charge", "method": "lightning",)"
                  R"( "realm": "api.example.com", "id": "kM9x"} })")},
    };
    for (const Case& one : cases) {
        CAPTURE(one.what);
        const Result<Credential> read = parse_credential(one.value);
        REQUIRE(read);
        CHECK(read->challenge == Challenge{"kM9x", "api.example.com", "lightning", "charge", "eyJhbW91bnQiOiIxMDAifQ",
                                           "2026-03-15T12:05:00Z", "", "", ""});
        CHECK(read->payload.at("preimage").as_string() == "a3f1");
    }
}

TEST_CASE("Everything that a challenge may hold is read from its echo") {
    const Result<Credential> read = parse_credential(
        value_of(R"({"challenge":{"id":"i","realm":"r","method":"m","intent":"session","request":"cQ",)"
                 R"("description":"Q&A endpoint","opaque":"b3A","digest":"sha-256=:X:"},"payload":{}})"));
    REQUIRE(read);
    CHECK(read->challenge == Challenge{"i", "r", "m", "session", "cQ", "", "sha-256=:X:", "Q&A endpoint", "b3A"});
}

TEST_CASE("What is no Payment credential is refused with what would be right") {
    const std::string deep = std::string(200, '[') + std::string(200, ']');
    struct Case {
        const char* what;
        std::string value;
        const char* says;
    };
    const Case cases[] = {
        {"another scheme", "Bearer abc123", "must begin with Payment"},
        {"a scheme that begins like it", "Payments abc123", "must begin with Payment"},
        {"nothing", "", "must begin with Payment"},
        {"the scheme alone", "Payment", "nothing follows"},
        {"an empty token", "Payment ", "nothing follows"},
        {"not base64", "Payment !!!invalid!!", "outside the alphabet"},
        {"the standard alphabet", "Payment a+b/", "URL-safe"},
        {"non-zero trailing bits", "Payment AB", "not zero"},
        {"two tokens", "Payment YWF YWFh", "outside the alphabet"},
        {"not JSON", "Payment e29vcHN9", "not a JSON object"},
        {"an array", value_of("[]"), "not a JSON object"},
        {"too deep", value_of(R"({"challenge":)" + deep + "}"), "not a JSON object"},
        {"no challenge", value_of(R"({"payload":{}})"), "challenge: must be an object"},
        {"no id", value_of(R"({"challenge":{"realm":"r","method":"lightning","intent":"charge"},"payload":{}})"),
         "challenge: id: missing"},
        {"an empty id", value_of(R"({"challenge":{"id":""},"payload":{}})"), "challenge: id: must not be empty"},
        {"an id that is no text", value_of(R"({"challenge":{"id":1},"payload":{}})"), "challenge: id"},
        {"an expiry that is no text", value_of(R"({"challenge":{"id":"i","expires":1},"payload":{}})"),
         "challenge: expires"},
        {"no payload", value_of(R"({"challenge":{"id":"i","realm":"r","method":"lightning","intent":"charge"}})"),
         "payload: must be an object"},
        {"a payload that is text", value_of(R"({"challenge":{"id":"i"},"payload":"a3f1"})"),
         "payload: must be an object"},
        {"too large", "Payment " + std::string(88'000, 'A'), "more than 64 KiB"},
    };
    for (const Case& one : cases) {
        CAPTURE(one.what);
        const Result<Credential> read = parse_credential(one.value);
        REQUIRE_FALSE(read);
        CHECK(is(read.error(), Errc::malformed_credential));
        CHECK(read.error().message.find(one.says) != std::string::npos);
    }
}

TEST_CASE("A credential of 64 KiB is read") {
    const std::string source(60'000, 'x');
    CHECK(parse_credential(value_of(R"({"challenge":{"id":"i"},"payload":{},"source":")" + source + "\"}")));
}

TEST_CASE("A client's credential is read back as the challenge it answers, and its preimage") {
    const Challenge challenge{"i", "a \"b\"", "lightning", "charge", "cQ", "2026-03-15T12:05:00Z", "", "Q&A", ""};
    const Preimage preimage = Preimage::from_hex(std::string(64, 'a')).value();
    const Result<Credential> read = parse_credential(authorization_value(challenge, preimage));
    REQUIRE(read);
    CHECK(read->challenge == challenge);
    CHECK(read->payload == boost::json::object{{"preimage", std::string(64, 'a')}});
}

TEST_CASE("A receipt names the payment and the challenge, never the preimage") {
    const PaymentHash hash = PaymentHash::from_hex(std::string(64, 'b')).value();
    const std::string value = receipt_value({"kM9x", hash, parse_timestamp("2026-03-10T21:00:00Z").value()});
    CHECK(as_text(codec::from_base64url(value).value()) ==
          R"({"challengeId":"kM9x","method":"lightning","reference":")" + hash.hex() +
              R"(","status":"success","timestamp":"2026-03-10T21:00:00Z"})");
}

TEST_CASE("Times are written in UTC and read with any offset") {
    struct Case {
        const char* text;
        const char* utc;  // null: refused
    };
    const Case cases[] = {
        {"2026-03-15T12:05:00Z", "2026-03-15T12:05:00Z"},
        {"2026-03-15t12:05:00z", "2026-03-15T12:05:00Z"},
        {"2026-03-15T12:05:00.999Z", "2026-03-15T12:05:00Z"},
        {"2026-03-15T12:05:00+02:30", "2026-03-15T09:35:00Z"},
        {"2025-12-31T23:30:00-01:00", "2026-01-01T00:30:00Z"},
        {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"},
        {"1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z"},
        {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"},
        {"2025-02-29T00:00:00Z", nullptr},
        {"2026-13-01T00:00:00Z", nullptr},
        {"2026-03-15T24:00:00Z", nullptr},
        {"2026-03-15T12:60:00Z", nullptr},
        {"2026-03-15T12:05:61Z", nullptr},
        {"2026-03-15T12:05:00", nullptr},
        {"2026-03-15T12:05:00.Z", nullptr},
        {"2026-03-15T12:05:00+2:30", nullptr},
        {"2026-03-15T12:05:00+24:00", nullptr},
        {"2026-03-15", nullptr},
        {"26-03-15T12:05:00Z", nullptr},
        {"2026-03-15T12:05:00Z ", nullptr},
        {"1773576300", nullptr},
        {"", nullptr},
    };
    for (const Case& one : cases) {
        CAPTURE(one.text);
        const Result<std::chrono::sys_seconds> read = parse_timestamp(one.text);
        CHECK(read.has_value() == (one.utc != nullptr));
        if (read && one.utc != nullptr) CHECK(write_timestamp(*read) == one.utc);
    }
}

}  // namespace
}  // namespace millrace::payment
