#include "contrib/client/http_exchange.hpp"

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
        {"http://h/a/../b", false, "h", "80", "h", "http://h:80", "/b", "/b"},
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

TEST_CASE("what is no http URL is refused") {
    for (const char* url : {"", "h", "/path", "ftp://h/", "http://", "http://h h/", "http://user:pass@h/",
                            "http://h:x/", "http://h:70000/"}) {
        INFO(url);
        CHECK(is(parse_target(url).error(), HttpErrc::bad_url));
    }
}
