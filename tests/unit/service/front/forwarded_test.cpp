#include "service/front/forwarded.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::front;
using namespace millrace::http;

namespace {

constexpr HeadLimits limits{64 * 1024, 1024};
constexpr config::TrustedHeaders all{true, true, true};

// "https host prefix" of what is believed; "-" for what was not said.
std::string read(const std::string& fields, const config::TrustedHeaders& trusted) {
    RequestReader reader;
    const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
    REQUIRE_FALSE(reader.parse(head, limits));
    Forwarded found = read_forwarded(reader.head(), trusted);
    std::string out = !found.https ? "-" : *found.https ? "https" : "http";
    out += ' ' + std::string(found.host.empty() ? "-" : found.host);
    return out + ' ' + std::string(found.prefix.empty() ? "-" : found.prefix);
}

}  // namespace

TEST_CASE("H10: of what a trusted proxy says the last value counts, and what is malformed is not said") {
    struct {
        const char* fields;
        const char* found;
    } const cases[] = {
        {"", "- - -"},
        {"X-Forwarded-Proto: https\r\n", "https - -"},
        {"x-forwarded-proto: HTTPS\r\n", "https - -"},
        {"X-Forwarded-Proto: http\r\n", "http - -"},
        {"X-Forwarded-Proto: http, https\r\n", "https - -"},
        {"X-Forwarded-Proto: https ,http\r\n", "http - -"},
        {"X-Forwarded-Proto: https\r\nX-Forwarded-Proto: http\r\n", "http - -"},
        {"X-Forwarded-Proto: https, ftp\r\n", "- - -"},
        {"X-Forwarded-Proto: https,\r\n", "- - -"},
        {"X-Forwarded-Host: shop.example\r\n", "- shop.example -"},
        {"X-Forwarded-Host: evil.example, shop.example:8443\r\n", "- shop.example:8443 -"},
        {"X-Forwarded-Host: shop.example/x\r\n", "- - -"},
        {"X-Forwarded-Host: [::1]:80\r\n", "- [::1]:80 -"},
        {"X-Forwarded-Prefix: /shop\r\n", "- - /shop"},
        {"X-Forwarded-Prefix: /a/b/\r\n", "- - /a/b"},
        {"X-Forwarded-Prefix: /\r\n", "- - -"},
        {"X-Forwarded-Prefix: //evil.example\r\n", "- - -"},
        {"X-Forwarded-Prefix: /a//b\r\n", "- - -"},
        {"X-Forwarded-Prefix: /a/../b\r\n", "- - -"},
        {"X-Forwarded-Prefix: shop\r\n", "- - -"},
        {"X-Forwarded-Prefix: https://evil.example\r\n", "- - -"},
        {"X-Forwarded-Prefix: /a>; rel=x\r\n", "- - -"},
        {"X-Forwarded-Prefix: /outer, /inner\r\n", "- - /inner"},
        {"Forwarded: proto=https;host=x\r\n", "- - -"},
    };
    for (const auto& one : cases) {
        INFO(one.fields);
        CHECK(read(one.fields, all) == one.found);
    }
}

TEST_CASE("H10: only the fields that are named are believed, by default the scheme alone") {
    const std::string said =
        "X-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\nX-Forwarded-Prefix: /shop\r\n";
    CHECK(read(said, config::TrustedHeaders{}) == "https - -");
    CHECK(read(said, {false, false, false}) == "- - -");
    CHECK(read(said, {false, true, false}) == "- shop.example -");
    CHECK(read(said, {false, false, true}) == "- - /shop");
}
