#include "common/payment/challenge.hpp"

#include "tests/unit/catch.hpp"

namespace millrace::payment {
namespace {

using Lines = std::vector<std::string>;

Challenge challenge(std::string id, std::string realm, std::string intent, std::string request) {
    return {std::move(id), std::move(realm), "lightning", std::move(intent), std::move(request), "", "", "", ""};
}

TEST_CASE("The id of a challenge is the HMAC of its parameters") {
    // The vectors of Aperture's mpp package; the last two share an id, since "|" is not escaped.
    const ByteView secret = as_bytes("mpp-test-vector-secret");
    struct Case {
        Challenge challenge;
        const char* id;
    };
    const Case cases[] = {
        {challenge("", "api.example.com", "charge", "eyJhbW91bnQiOiIxMDAifQ"),
         "_9D0WlPoPRltxAd6AdpQd6auVOOeQGJ_J8BkGeBE_bU"},
        {{"", "api.example.com", "lightning", "session", "eyJhbW91bnQiOiIzIn0", "2026-03-15T12:05:00Z",
          "sha-256=:X48E9q:", "not covered", "eyJvcmRlcklkIjoiMTIzIn0"},
         "Wb8N5-PD4XjMfYGzuuY2bdpsrCQZzkQUX-A_ByIetHw"},
        {challenge("", "a|b", "charge", "cQ"), "hE7mzL8ATHSnNdtPSJsxCRkpoUjIlf1sQErzg-VsbAA"},
        {{"", "a", "b|lightning", "charge", "cQ", "", "", "", ""}, "hE7mzL8ATHSnNdtPSJsxCRkpoUjIlf1sQErzg-VsbAA"},
    };
    for (const Case& one : cases) CHECK(challenge_id(secret, one.challenge) == one.id);
}

TEST_CASE("A challenge's line quotes every parameter and is read back as it was") {
    const std::string request = "eyJhbW91bnQiOiIxMDAifQ";
    struct Case {
        const char* what;
        Challenge challenge;
        std::string line;
    };
    const Case cases[] = {
        {"the least", challenge("x7Tg", "api.example.com", "charge", request),
         R"(Payment id="x7Tg", realm="api.example.com", method="lightning", intent="charge", request=")" + request +
             '"'},
        {"everything",
         {"kM9x", "api.example.com", "lightning", "session", request, "2026-03-15T12:05:00Z",
          "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:", "Inference session", "eyJvcmRlcklkIjoiMTIzIn0"},
         R"(Payment id="kM9x", realm="api.example.com", method="lightning", intent="session", request=")" + request +
             R"(", expires="2026-03-15T12:05:00Z", digest="sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:")"
             R"(, description="Inference session", opaque="eyJvcmRlcklkIjoiMTIzIn0")"},
        {"quotes", challenge("q", R"(api "quoted" example)", "charge", request),
         R"(Payment id="q", realm="api \"quoted\" example", method="lightning", intent="charge", request=")" + request +
             '"'},
        {"backslashes", challenge("b", R"(a\b\\c)", "charge", request),
         R"(Payment id="b", realm="a\\b\\\\c", method="lightning", intent="charge", request=")" + request + '"'},
        {"separators",
         {"s", "one, two=three", "lightning", "charge", request, "", "", R"(Payment id="spoofed")", ""},
         R"(Payment id="s", realm="one, two=three", method="lightning", intent="charge", request=")" + request +
             R"(", description="Payment id=\"spoofed\"")"},
        {"a tab and letters beyond ASCII",
         {"t", "tab\there", "lightning", "charge", request, "", "", "café über", ""},
         "Payment id=\"t\", realm=\"tab\there\", method=\"lightning\", intent=\"charge\", request=\"" + request +
             "\", description=\"café über\""},
    };
    for (const Case& one : cases) {
        CAPTURE(one.what);
        CHECK(challenge_line(one.challenge) == one.line);
        const Result<std::vector<Challenge>> read = parse_challenges(Lines{one.line});
        REQUIRE(read);
        REQUIRE(read->size() == 1);
        CHECK(read->front() == one.challenge);
    }
}

TEST_CASE("Control characters cannot leave in a challenge's line") {
    Challenge split = challenge("i", "a\r\nSet-Cookie: b", "charge", "cQ");
    split.description = std::string("x\0y\x7fz", 5);
    const std::string line = challenge_line(split);
    CHECK(line.find_first_of(std::string_view("\r\n\0\x7f", 4)) == std::string::npos);
    CHECK(parse_challenges(Lines{line})->front().realm == "aSet-Cookie: b");
}

TEST_CASE("Payment challenges are found in lists, among other schemes") {
    const Challenge a = challenge("a", "r", "charge", "cQ");
    const Challenge b = challenge("b", "r", "session", "cQ");
    const std::string a_line = R"(Payment id="a", realm="r", method="lightning", intent="charge", request="cQ")";
    const std::string b_line = R"(Payment id="b", realm="r", method="lightning", intent="session", request="cQ")";
    const std::string l402 = R"(L402 macaroon="AgEE==", invoice="lnbc1", version="0", token="AgEE==")";
    struct Case {
        const char* what;
        Lines lines;
        std::vector<Challenge> found;
    };
    const Case cases[] = {
        {"a line each", {a_line, b_line}, {a, b}},
        {"joined", {a_line + ", " + b_line}, {a, b}},
        {"joined without a space", {a_line + "," + b_line}, {a, b}},
        {"empty elements", {a_line + " , , " + b_line}, {a, b}},
        {"behind L402", {"LSAT macaroon=\"X\", invoice=\"P\"", l402, a_line}, {a}},
        {"joined behind L402", {l402 + ", " + a_line}, {a}},
        {"other schemes' parameters stay theirs",
         {"Basic realm=\"other\", " + a_line + ", Digest realm=\"other\", intent=\"bogus\", " + b_line},
         {a, b}},
        {"a token68 of another scheme", {"Negotiate YII/+aa==, " + a_line}, {a}},
        {"separators in quotes",
         {R"(Payment id="a,b", realm="Payment id=c", method="lightning", intent="charge", request="cQ")"},
         {challenge("a,b", "Payment id=c", "charge", "cQ")}},
        {"any case", {R"(payment ID="a", Realm="r", METHOD="lightning", intent="charge", ReQuEsT="cQ")"}, {a}},
        {"tokens", {"Payment id=a, realm=r, method=lightning, intent=charge, request=cQ"}, {a}},
        {"space around the equals sign",
         {"Payment id = \"a\",realm= r ,\tmethod =lightning, intent=charge, request=cQ"},
         {a}},
        {"the first of two counts", {a_line + R"(, id="second", intent="session")"}, {a}},
        {"unknown parameters", {a_line + R"(, later="x", colour=green)"}, {a}},
        {"an incomplete one is skipped", {R"(Payment id="x", realm="r", )" + b_line}, {b}},
        {"an unclosed quote ends the line", {a_line + R"(, Payment id="b, realm="r)"}, {a}},
        {"none", {"Basic realm=\"other\""}, {}},
        {"all incomplete", {R"(Payment id="a", realm="r")"}, {}},
        {"an empty value", {R"(Payment id="", realm="r", method="lightning", intent="charge", request="cQ")"}, {}},
        {"nothing", {}, {}},
        {"noise", {"=,=\"\"\"=, Payment=\"x\" ===="}, {}},
    };
    for (const Case& one : cases) {
        CAPTURE(one.what);
        const Result<std::vector<Challenge>> read = parse_challenges(one.lines);
        CHECK(read.has_value() == !one.found.empty());
        if (read) CHECK(*read == one.found);
    }
}

}  // namespace
}  // namespace millrace::payment
