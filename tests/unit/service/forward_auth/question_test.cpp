#include "service/forward_auth/question.hpp"

#include <map>

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::forward_auth;

namespace {

std::string described(const Question& question) {
    static const std::map<Dialect, std::string> names = {{Dialect::nginx_auth, "nginx"},
                                                         {Dialect::nginx_answer, "nginx answer"},
                                                         {Dialect::forwarded, "forwarded"},
                                                         {Dialect::envoy, "envoy"}};
    std::string out = names.at(question.dialect) + ' ' + std::string(question.method) + ' ' +
                      std::string(question.target) + " at \"" + std::string(question.host) + '"';
    if (question.content_length) out += ' ' + std::to_string(*question.content_length);
    if (!question.denied.empty()) out += " denied " + std::string(question.denied);
    return out;
}

// A whole head, and what it asks about or the status of the refusal.
std::string read(const std::string& text) {
    http::RequestReader reader;
    auto malformed = reader.parse(text, {8192, 4096});
    REQUIRE_FALSE(malformed);
    auto read = read_question(reader.head());
    if (auto* fault = std::get_if<http::Fault>(&read)) return std::to_string(fault->status);
    return described(std::get<Question>(read));
}

std::string head(const std::string& line, const std::string& fields) {
    return line + " HTTP/1.1\r\nHost: site.example\r\n" + fields + "\r\n";
}

const std::string nginx = "X-Original-Method: POST\r\nX-Original-URI: /a?b=1\r\n";
const std::string forwarded =
    "X-Forwarded-Method: POST\r\nX-Forwarded-Uri: /a?b=1\r\nX-Forwarded-Host: shop.example\r\n";

}  // namespace

TEST_CASE("questions are answered on this machine, and to the proxies that are named") {
    const std::vector<limits::Network> trusted = {limits::Network::parse("10.1.0.0/16").value(),
                                                  limits::Network::parse("2001:db8::5").value()};
    struct {
        const char* peer;
        bool named;
        bool expected;
    } const cases[] = {
        {"127.0.0.1", false, true},  {"127.1.2.3", false, true},   {"::1", false, true},
        {"10.1.2.3", true, true},    {"10.2.2.3", true, false},    {"10.1.2.3", false, false},
        {"2001:db8::5", true, true}, {"2001:db8::6", true, false},
    };
    for (const auto& c : cases) {
        INFO(c.peer);
        auto peer = limits::parse_address(c.peer);
        REQUIRE(peer);
        CHECK(may_ask(*peer, c.named ? trusted : std::vector<limits::Network>{}) == c.expected);
    }
}

TEST_CASE("a question is read in the words of the proxy that asks at its place") {
    struct {
        std::string line;
        std::string fields;
        std::string expected;
    } const cases[] = {
        {"GET /nginx/auth", nginx, "nginx POST /a?b=1 at \"site.example\""},
        {"GET /nginx/auth?x=1", nginx, "nginx POST /a?b=1 at \"site.example\""},
        {"GET /nginx/auth", nginx + "X-Original-Content-Length: 12\r\n", "nginx POST /a?b=1 at \"site.example\" 12"},
        {"GET /nginx/auth", nginx + "X-Original-Content-Length:\r\n", "nginx POST /a?b=1 at \"site.example\""},
        {"GET /nginx/auth", nginx + "X-Original-Denied: spent\r\n", "nginx POST /a?b=1 at \"site.example\""},
        {"POST /nginx/answer", nginx + "X-Original-Denied: spent\r\n",
         "nginx answer POST /a?b=1 at \"site.example\" denied spent"},
        {"GET /forward-auth", forwarded, "forwarded POST /a?b=1 at \"shop.example\""},
        {"GET /forward-auth?b=1", forwarded, "forwarded POST /a?b=1 at \"shop.example\""},
        {"GET /forward-auth", "X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /\r\n", "forwarded GET / at \"\""},
        {"PUT /ext-authz/a?b=1", "", "envoy PUT /a?b=1 at \"site.example\""},
        {"GET /ext-authz//a/../b", "", "envoy GET //a/../b at \"site.example\""},
        {"OPTIONS /ext-authz*", "", "envoy OPTIONS * at \"site.example\""},
    };
    for (const auto& c : cases) {
        INFO(c.line << " " << c.fields);
        CHECK(read(head(c.line, c.fields)) == c.expected);
    }
}

TEST_CASE("a proxy is believed in its own fields alone, and only where they are there once") {
    struct {
        std::string line;
        std::string fields;
        std::string expected;
    } const cases[] = {
        // What another proxy says, a client may have said.
        {"GET /nginx/auth", forwarded, "400"},
        {"GET /forward-auth", nginx, "400"},
        {"GET /forward-auth", forwarded + "X-Original-URI: /free\r\nX-Original-Method: GET\r\n",
         "forwarded POST /a?b=1 at \"shop.example\""},
        {"GET /forward-auth", forwarded + "X-Original-Content-Length: 0\r\n",
         "forwarded POST /a?b=1 at \"shop.example\""},
        {"GET /nginx/auth", nginx + "X-Forwarded-Uri: /free\r\nX-Forwarded-Host: free.example\r\n",
         "nginx POST /a?b=1 at \"site.example\""},
        {"POST /ext-authz/a", nginx + forwarded, "envoy POST /a at \"site.example\""},
        {"GET /nginx/auth", nginx + "X-Original-URI: /free\r\n", "400"},
        {"GET /nginx/auth", nginx + "x-original-method: GET\r\n", "400"},
        {"GET /nginx/auth", nginx + "X-Original-Content-Length: 1\r\nX-Original-Content-Length: 1\r\n", "400"},
        {"GET /forward-auth", forwarded + "X-Forwarded-Uri: /free\r\n", "400"},
        {"GET /forward-auth", forwarded + "X-Forwarded-Method: GET\r\n", "400"},
        {"GET /forward-auth", forwarded + "X-Forwarded-Host: free.example\r\n", "400"},
        // What says nothing.
        {"GET /nginx/auth", "", "400"},
        {"GET /nginx/auth", "X-Original-Method: GET\r\n", "400"},
        {"GET /nginx/auth", "X-Original-Method: GET\r\nX-Original-URI: free\r\n", "400"},
        {"GET /nginx/auth", "X-Original-Method: GET\r\nX-Original-URI: http://free.example/\r\n", "400"},
        {"GET /nginx/auth", "X-Original-Method: G T\r\nX-Original-URI: /a\r\n", "400"},
        {"GET /nginx/auth", nginx + "X-Original-Content-Length: -1\r\n", "400"},
        {"GET /nginx/auth", nginx + "X-Original-Content-Length: 1k\r\n", "400"},
        {"GET /ext-authz", "", "400"},
        {"GET /ext-authzfree", "", "400"},
        // Places where nobody is asked.
        {"GET /nginx/auth/", nginx, "404"},
        {"GET /NGINX/auth", nginx, "404"},
        {"GET /nginx/%61uth", nginx, "404"},
        {"GET /weather/today", nginx + forwarded, "404"},
    };
    for (const auto& c : cases) {
        INFO(c.line << " " << c.fields);
        CHECK(read(head(c.line, c.fields)) == c.expected);
    }
}

TEST_CASE("the request that is asked about takes the place of the question, which is read and answered as it came") {
    http::RequestReader reader;
    std::string text = head("GET /nginx/auth",
                            "X-Original-Method: PUT\r\nX-Original-URI: /a\r\n"
                            "X-Original-Content-Length: 5\r\nConnection: close\r\nAccept: x/y\r\n");
    REQUIRE_FALSE(reader.parse(text, {8192, 4096}));
    Question question = std::get<Question>(read_question(reader.head()));
    bool told = false;
    put_in_place(question, reader.amend(), &told);
    const http::RequestHead& head = reader.head();
    CHECK(head.verb == http::Verb::put);
    CHECK(head.method == "PUT");
    CHECK(head.target == "/a");
    CHECK(head.host == "site.example");
    CHECK(head.framing == http::Framing::length);
    CHECK(head.content_length == 5);
    CHECK(told);
    CHECK_FALSE(head.keep_alive);
    CHECK(head.version == 11);
}

TEST_CASE("a body of which nobody tells is none where the method has none as a rule, but its length is not known") {
    struct {
        const char* method;
        const char* length;
        http::Framing framing;
        bool told;
    } const cases[] = {
        {"GET", "", http::Framing::none, false},     {"DELETE", "", http::Framing::none, false},
        {"POST", "", http::Framing::chunked, false}, {"BREW", "", http::Framing::chunked, false},
        {"POST", "0", http::Framing::none, true},    {"GET", "7", http::Framing::length, true},
    };
    for (const auto& c : cases) {
        INFO(c.method << " " << c.length);
        http::RequestReader reader;
        std::string fields = std::string("X-Original-Method: ") + c.method + "\r\nX-Original-URI: /\r\n";
        if (*c.length) fields += std::string("X-Original-Content-Length: ") + c.length + "\r\n";
        std::string text = head("GET /nginx/auth", fields);
        REQUIRE_FALSE(reader.parse(text, {8192, 4096}));
        bool told = !c.told;
        put_in_place(std::get<Question>(read_question(reader.head())), reader.amend(), &told);
        CHECK(reader.head().framing == c.framing);
        CHECK(told == c.told);
    }
}

TEST_CASE("a WebSocket is known by its key, since proxies keep Upgrade to themselves") {
    http::RequestReader reader;
    std::string text = head("GET /ext-authz/a", "Sec-WebSocket-Key: AAAA\r\n");
    REQUIRE_FALSE(reader.parse(text, {8192, 4096}));
    bool told = true;
    put_in_place(std::get<Question>(read_question(reader.head())), reader.amend(), &told);
    CHECK(reader.head().upgrade == "websocket");
}
