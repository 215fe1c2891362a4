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
          "Access-Control-Allow-Origin: https://a.example\r\nVary: Origin\r\nAccess-Control-Allow-Methods: PUT\r\n"
          "Access-Control-Allow-Headers: authorization, x-y\r\nAccess-Control-Max-Age: 7200\r\n");
    CHECK(paywall::preflight_lines({"*"}, {"https://a.example", "GET", {}}) ==
          "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: GET\r\n"
          "Access-Control-Allow-Headers: Authorization\r\nAccess-Control-Max-Age: 7200\r\n");
    CHECK(paywall::preflight_lines({"https://a.example"}, {"https://b.example", "GET", {}}).empty());
    CHECK(paywall::preflight_lines({"*"}, {"x", "GET", "a(b)"}).find("a(b)") == std::string::npos);
}

TEST_CASE("other answers let the page read the challenge") {
    std::string lines = paywall::response_lines({"*"}, "https://a.example");
    CHECK(lines.find("Access-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: WWW-Authenticate, ") == 0);
    CHECK(paywall::response_lines({"https://a.example"}, "https://b.example").empty());
}
