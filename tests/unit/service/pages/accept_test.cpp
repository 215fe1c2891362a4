#include "service/pages/accept.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace;

TEST_CASE("the weight of a media type is that of the most specific range that covers it") {
    struct Case {
        const char* accept;
        const char* type;
        int weight;
    };
    const Case cases[] = {
        {"text/html", "text/html", 1000},
        {"TEXT/HTML", "text/html", 1000},
        {"text/html;q=0.5", "text/html", 500},
        {"text/html ; level=1 ; q=0.123", "text/html", 123},
        {"text/*;q=0.3, */*;q=0.1", "text/html", 300},
        {"*/*;q=0.1, text/html;q=0.7, text/*", "text/html", 700},
        {"text/html;q=0, */*", "text/html", 0},
        {"application/json", "text/html", 0},
        {"*/*", "application/json", 1000},
        {"text/*", "application/json", 0},
        {"application/*", "application/json", 1000},
        {"text/html;q=2", "text/html", 0},
        {"text/html;q=1.5", "text/html", 1000},
        {"text/html;q=0.1234", "text/html", 0},
        {"text/html;q=x", "text/html", 0},
        {"text/html;Q=0.4", "text/html", 400},
        {",, ,text/html,", "text/html", 1000},
        {"", "text/html", 0},
        {"text/html;q=0.2, text/html;q=0.9", "text/html", 900},
        {"/", "text/html", 0},
        {"*", "text/html", 0},
    };
    for (const Case& c : cases) {
        INFO(c.accept << " for " << c.type);
        CHECK(pages::accepted(c.accept, c.type) == c.weight);
    }
}

TEST_CASE("HTML is preferred where it is named and comes before JSON") {
    for (const char* browser : {
             "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",  // Firefox
             "text/html,application/xhtml+xml,application/xml;q=0.9,image/apng,*/*;q=0.8",             // Chromium
             "text/html",
             "application/json;q=0.9, text/html",
         }) {
        INFO(browser);
        CHECK(pages::prefers_html(browser));
    }
    for (const char* program : {
             "",
             "*/*",
             "text/*",
             "application/json",
             "application/json, text/plain, */*",
             "text/html, application/json",
             "text/html, */*",
             "text/html;q=0.5, application/problem+json",
             "text/html;q=0",
         }) {
        INFO(program);
        CHECK_FALSE(pages::prefers_html(program));
    }
}

TEST_CASE("a page is for a GET by which a browser goes to an address") {
    struct Case {
        const char* head;
        bool page;
    };
    const Case cases[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: "
         "document\r\n\r\n",
         true},
        {"HEAD / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n", true},
        {"POST / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\nSec-Fetch-Mode: cors\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\nsec-fetch-dest: iframe\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nX-Requested-With: x\r\nAccept: text/html\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", false},
    };
    for (const Case& c : cases) {
        INFO(c.head);
        http::RequestReader reader;
        REQUIRE_FALSE(reader.parse(c.head, {4096, 4096}));
        CHECK(pages::wants_page(reader.head()) == c.page);
    }
}
