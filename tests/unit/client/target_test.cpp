#include "contrib/client/target.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::client;

TEST_CASE("a URL comes apart into origin, path and what is asked for") {
    struct Case {
        const char* url;
        bool tls;
        const char *host, *port, *authority, *origin, *path, *resource;
    };
    const Case cases[] = {
        {"http://h", false, "h", "80", "h", "http://h:80", "/", "/"},
        {"HTTP://H:8402/a/b?c=d#e", false, "h", "8402", "h:8402", "http://h:8402", "/a/b", "/a/b?c=d"},
        {"https://example.com/x", true, "example.com", "443", "example.com", "https://example.com:443", "/x", "/x"},
        {"https://example.com:443/x", true, "example.com", "443", "example.com:443", "https://example.com:443", "/x",
         "/x"},
        {"http://[::1]:80/", false, "::1", "80", "[::1]:80", "http://[::1]:80", "/", "/"},
        {"http://h/a/../b", false, "h", "80", "h", "http://h:80", "/a/../b", "/a/../b"},
        {"http://h:080/", false, "h", "80", "h:80", "http://h:80", "/", "/"},
        {"http://h:/x", false, "h", "80", "h", "http://h:80", "/x", "/x"},
        {"http://[::1]", false, "::1", "80", "[::1]", "http://[::1]:80", "/", "/"},
        {"http://h#a/b?c", false, "h", "80", "h", "http://h:80", "/", "/"},
        {"http://h/a%20b", false, "h", "80", "h", "http://h:80", "/a%20b", "/a%20b"},
        {"http://h?q", false, "h", "80", "h", "http://h:80", "/", "/?q"},
    };
    for (const Case& c : cases) {
        INFO(c.url);
        const Target target = parse_target(c.url).value();
        CHECK(target.tls == c.tls);
        CHECK(target.host == c.host);
        CHECK(target.port == c.port);
        CHECK(target.authority == c.authority);
        CHECK(target.origin == c.origin);
        CHECK(target.path == c.path);
        CHECK(target.resource == c.resource);
    }
}

TEST_CASE("C2: path and query go out byte for byte, and only what no request line can hold is escaped") {
    struct Case {
        const char *given, *resource;
    };
    const Case cases[] = {
        {"/projects/a%2Fb?q=AT%26T", "/projects/a%2Fb?q=AT%26T"},
        {"/%7Euser/%41", "/%7Euser/%41"},
        {"/%2e%2E/x", "/%2e%2E/x"},
        {"/a/./b/../c//d/", "/a/./b/../c//d/"},
        {"/a;v=1/b,c/@me:x/!$&'()*+=", "/a;v=1/b,c/@me:x/!$&'()*+="},
        {"/?", "/?"},
        {"?a=b?c/d", "/?a=b?c/d"},
        {"/x?a=1&a=2&b=+%20%00", "/x?a=1&a=2&b=+%20%00"},
        {"/caf\xC3\xA9?q=\xE2\x82\xAC", "/caf%C3%A9?q=%E2%82%AC"},
        {"/a|b?c=[d]&e={f}", "/a%7Cb?c=%5Bd%5D&e=%7Bf%7D"},
        {"/a b\\c\"d<e>f^g`h", "/a%20b%5Cc%22d%3Ce%3Ef%5Eg%60h"},
        {"/a%2fb%7c", "/a%2fb%7c"},
        {"/x?y#z%", "/x?y"},
    };
    for (const Case& c : cases) {
        INFO(c.given);
        CHECK(parse_target(std::string("http://h") + c.given).value().resource == c.resource);
    }
}

TEST_CASE("what is no http URL is refused, and the reason said") {
    struct Case {
        const char *url, *reason;
    };
    const Case cases[] = {
        {"", "http://"},
        {"h", "http://"},
        {"/path", "http://"},
        {"ftp://h/", "http://"},
        {"http:/h/", "http://"},
        {"http://", "names no host"},
        {"http:///x", "names no host"},
        {"http://:80/", "names no host"},
        {"http://h h/", "the host must be"},
        {"http://b\xC3\xBC"
         "cher/",
         "xn--"},
        {"http://a%2eb/", "the host must be"},
        {"http://user:pass@h/", "user name"},
        {"http://h:x/", "port"},
        {"http://h:70000/", "port"},
        {"http://h:0/", "port"},
        {"http://h:-1/", "port"},
        {"http://[::1/", "bracket"},
        {"http://[::g]/", "IPv6"},
        {"http://[fe80::1%251]/", "IPv6"},
        {"http://[::1]x/", "port"},
        {"http://h/%", "%25"},
        {"http://h/100%?x", "%25"},
        {"http://h/?q=%zz", "%25"},
        {"http://h/a\r\nb", "control"},
        {"http://h/\t", "control"},
    };
    for (const Case& c : cases) {
        INFO(c.url);
        const auto target = parse_target(c.url);
        REQUIRE_FALSE(target);
        CHECK(is(target.error(), HttpErrc::bad_url));
        CHECK(target.error().message.find(c.reason) != std::string::npos);
    }
}
