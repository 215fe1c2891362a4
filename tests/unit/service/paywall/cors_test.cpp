#include "service/paywall/cors.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace;

TEST_CASE("pages of the origins that are listed may call, others not") {
    const std::vector<std::string> some{"https://app.example", "http://localhost:3000"};
    CHECK(paywall::allows_origin(some, "https://app.example"));
    CHECK(paywall::allows_origin(some, "http://localhost:3000"));
    for (const char* origin :
         {"https://app.example.evil", "http://app.example", "https://app.example:8443", "null", ""})
        CHECK_FALSE(paywall::allows_origin(some, origin));
    CHECK(paywall::allows_origin({"*"}, "null"));
}

TEST_CASE("the answer to a pre-flight names what was asked for") {
    CHECK(paywall::preflight_lines({"https://a.example"}, {"https://a.example", "PUT", "authorization, x-y"}) ==
          "Vary: Origin\r\nAccess-Control-Allow-Origin: https://a.example\r\nAccess-Control-Allow-Methods: PUT\r\n"
          "Access-Control-Allow-Headers: authorization, x-y\r\nAccess-Control-Max-Age: 7200\r\n");
    CHECK(paywall::preflight_lines({"*"}, {"https://a.example", "GET", {}}) ==
          "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: GET\r\n"
          "Access-Control-Allow-Headers: Authorization\r\nAccess-Control-Max-Age: 7200\r\n");
    CHECK(paywall::preflight_lines({"https://a.example"}, {"https://b.example", "GET", {}}) == "Vary: Origin\r\n");
    CHECK(paywall::preflight_lines({}, {"https://b.example", "GET", {}}).empty());
}

TEST_CASE("H15: every name of a field may be asked for that a field can have") {
    for (const char* asked : {"x.y", "x.y,authorization", "!#$%&'*+-.^_`|~", "a,\tb", "X_1"}) {
        INFO(asked);
        CHECK(paywall::preflight_lines({"*"}, {"o", "GET", asked})
                  .find("Access-Control-Allow-Headers: " + std::string(asked) + "\r\n") != std::string::npos);
    }
    for (const char* asked : {"a(b)", "a:b", "a\"b", "a/b", "\xc3\xa9", "a;b", "a=b"}) {
        INFO(asked);
        CHECK(paywall::preflight_lines({"*"}, {"o", "GET", asked})
                  .find("Access-Control-Allow-Headers: Authorization\r\n") != std::string::npos);
    }
}

TEST_CASE("other answers let the page read the challenge") {
    std::string lines = paywall::response_lines({"*"}, "https://a.example");
    CHECK(lines.find("Access-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: WWW-Authenticate, ") == 0);
    CHECK(paywall::response_lines({}, "https://a.example").empty());
}

TEST_CASE("H15: an answer that differs by origin says so, whoever asks") {
    for (const char* origin : {"", "https://b.example", "null"}) {
        INFO(origin);
        CHECK(paywall::response_lines({"https://a.example"}, origin) == "Vary: Origin\r\n");
    }
    CHECK(paywall::response_lines({"https://a.example"}, "https://a.example")
              .find("Vary: Origin\r\nAccess-Control-Allow-Origin: https://a.example\r\n") == 0);
    // What is the same for all does not vary.
    CHECK(paywall::response_lines({"*"}, "") == paywall::response_lines({"*"}, "https://a.example"));
    CHECK(paywall::response_lines({"https://a.example", "*"}, "").find("Vary") == std::string::npos);
}

TEST_CASE("H15: what the upstream exposes is added to ours, each name once") {
    const std::string ours = paywall::response_lines({"*"}, "");
    const std::string without_end = ours.substr(0, ours.size() - 2);
    CHECK(paywall::expose_too(ours, {}) == ours);
    CHECK(paywall::expose_too(ours, {"X-A, x-b"}) == without_end + ", X-A, x-b\r\n");
    CHECK(paywall::expose_too(ours, {"X-A", " ,X-B,,x-a, retry-after"}) == without_end + ", X-A, X-B\r\n");
    CHECK(paywall::expose_too(ours, {"*"}) == without_end + ", *\r\n");
    CHECK(paywall::expose_too(ours + "Z: 1\r\n", {"X-A"}) == without_end + ", X-A\r\nZ: 1\r\n");
    CHECK(paywall::expose_too("Vary: Origin\r\n", {"X-A"}) == "Vary: Origin\r\n");
}
