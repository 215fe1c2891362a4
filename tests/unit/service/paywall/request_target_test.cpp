#include "service/paywall/request_target.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace::paywall;

TEST_CASE("a path has one spelling, in which it is compared and sent on") {
    struct {
        const char* target;
        const char* path;
        const char* forward;
    } const cases[] = {
        {"/", "/", "/"},
        {"/a/b", "/a/b", "/a/b"},
        {"/a/b/", "/a/b/", "/a/b/"},
        {"/a.b/..c/d..", "/a.b/..c/d..", "/a.b/..c/d.."},
        {"//a///b//", "/a/b/", "/a/b/"},
        {"/a/./b/.", "/a/b/", "/a/b/"},
        {"/a/b/..", "/a/", "/a/"},
        {"/a/b/../c", "/a/c", "/a/c"},
        {"/../../a", "/a", "/a"},
        {"/a/../..", "/", "/"},
        {"/%61%2D%7e", "/a-~", "/a-~"},
        {"/a%20b", "/a b", "/a%20b"},
        {"/a%3Fb%23c", "/a?b#c", "/a%3Fb%23c"},
        {"/%C3%A4", "/\xc3\xa4", "/%C3%A4"},
        {"/a%2e", "/a.", "/a."},
        {"/a%252e%252e/b", "/a%2e%2e/b", "/a%252e%252e/b"},
        {"/a;x=1/b", "/a;x=1/b", "/a;x=1/b"},
        {"/a?b=../c//d", "/a", "/a?b=../c//d"},
        {"/a//b?", "/a/b", "/a/b?"},
        {"http://host", "/", "/"},
        {"http://host?x=1", "/", "/?x=1"},
        {"HTTPS://Host:1/a/../b", "/b", "/b"},
        {"*", "*", "*"},
    };
    RequestTarget out;
    for (const auto& c : cases) {
        INFO(c.target);
        REQUIRE(parse_target(c.target, out) == nullptr);
        CHECK(out.path == c.path);
        CHECK(out.forward == c.forward);
    }
}

TEST_CASE("normalising a second time changes nothing") {
    RequestTarget once, twice;
    for (const char* target : {"/a/./b//c/../%61%20", "/a%2Fb/%7E", "//x/?q=//", "/%25", "/a/b;c"}) {
        INFO(target);
        REQUIRE(parse_target(target, once) == nullptr);
        REQUIRE(parse_target(once.forward, twice) == nullptr);
        CHECK(twice.forward == once.forward);
        CHECK(twice.path == once.path);
    }
}

TEST_CASE("an encoded slash stays, and is shown as what it may mean") {
    RequestTarget out;
    REQUIRE(parse_target("/a%2fb/c%2F%2Fd", out) == nullptr);
    CHECK(out.path == "/a%2Fb/c%2F%2Fd");
    CHECK(out.forward == "/a%2Fb/c%2F%2Fd");
    REQUIRE(out.readings);
    REQUIRE(out.readings->others.size() == 1);
    CHECK(out.readings->others[0].kept == "/a/b/c/d");
    CHECK(out.readings->others[0].quirk == Quirk::encoded_slash);
    REQUIRE(parse_target("/a%2fb/../c", out) == nullptr);
    CHECK(out.path == "/c");
    CHECK_FALSE(out.readings);
}

TEST_CASE("targets on whose meaning servers disagree are refused") {
    RequestTarget out;
    for (const char* target :
         {"",        "a",         "a/b",        "ftp://h/",  "http://", "http:///a", "http://u@h/", "http://u:p@h/a",
          "/%",      "/%2",       "/%g0",       "/%00",      "/a%0a",   "/%7F",      "/%5c",        "/a\\b",
          "/%2e",    "/%2E%2e/a", "/.%2e",      "/a/%2e./b", "/..;/a",  "/.;x",      "/a/..;x=1/b", "/%2e%2e;/a",
          "/a%2F..", "/..%2fa",   "/a%2f.%2fb", "/a b",      "/a#b",    "/a?b c",    "/a?b#c",      "/a\tb",
          "/a\x7f",  "/\xc3\xa4", "?",          "#"}) {
        INFO(target);
        CHECK(parse_target(target, out) != nullptr);
    }
}

TEST_CASE("of a host only name or address are left, in lower case") {
    struct {
        const char* value;
        const char* host;  // null: malformed
    } const cases[] = {
        {"", ""},
        {"a", "a"},
        {"API.Example.com", "api.example.com"},
        {"a:8402", "a"},
        {"a:", "a"},
        {"a.", "a"},
        {"127.0.0.1:80", "127.0.0.1"},
        {"[::1]", "[::1]"},
        {"[2001:DB8::1]:443", "[2001:db8::1]"},
        {"a b", nullptr},
        {"a/b", nullptr},
        {"a@b", nullptr},
        {"a,b", nullptr},
        {"a:b", nullptr},
        {"a:1:2", nullptr},
        {"a:1234567", nullptr},
        {"[::1", nullptr},
        {"[::g]", nullptr},
        {"[::1]x", nullptr},
        {"\xc3\xa4", nullptr},
    };
    std::string out;
    for (const auto& c : cases) {
        INFO(c.value);
        bool good = parse_host(c.value, out);
        CHECK(good == (c.host != nullptr));
        if (c.host) CHECK(out == c.host);
    }
}
