#include "service/forward_auth/answer.hpp"

#include <algorithm>

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::forward_auth;

namespace {

// Owns what a head's views point into.
struct Request {
    explicit Request(const std::string& fields, const std::string& line = "GET /a HTTP/1.1")
        : text(line + "\r\nHost: site.example\r\n" + fields + "\r\n") {
        REQUIRE_FALSE(reader.parse(text, {8192, 4096}));
    }
    std::string text;
    http::RequestReader reader;
};

std::string value_of(const http::Reply& reply, const std::string& name) {
    std::string out;
    for (const std::string& line : reply.fields) {
        if (line.rfind(name + ": ", 0) == 0) out += (out.empty() ? "" : " | ") + line.substr(name.size() + 2);
    }
    return out;
}

constexpr const char* token = "X-L402-Token-Id: 11\r\nX-L402-Payment-Hash: 22\r\nX-L402-Service: weather\r\n";

}  // namespace

TEST_CASE("what passes is told with the token's fields and what is left of the client's own") {
    struct {
        const char* fields;
        const char* authorization;
        const char* cookie;
    } const cases[] = {
        {"", "", ""},
        {"Authorization: L402 abc:def\r\n", "", ""},
        {"Authorization: lsat abc:def\r\n", "", ""},
        {"Authorization: Payment abc\r\n", "", ""},
        {"Authorization: Basic abc\r\n", "Basic abc", ""},
        {"Authorization: Basic abc\r\nAuthorization: L402 abc:def\r\n", "Basic abc", ""},
        {"Cookie: a=1; b=2\r\n", "", "a=1; b=2"},
    };
    for (const auto& c : cases) {
        INFO(c.fields);
        Request request(c.fields);
        http::Reply reply = passed({Dialect::forwarded, token, {}}, request.reader.head());
        CHECK(reply.status == 200);
        CHECK(reply.body.empty());
        CHECK(value_of(reply, "X-L402-Token-Id") == "11");
        CHECK(value_of(reply, "X-L402-Payment-Hash") == "22");
        CHECK(value_of(reply, "X-L402-Service") == "weather");
        CHECK(value_of(reply, "Authorization") == c.authorization);
        CHECK(value_of(reply, "Cookie") == c.cookie);
        CHECK(value_of(reply, "X-Envoy-Auth-Headers-To-Remove").empty());
        CHECK(value_of(reply, "Payment-Receipt").empty());
        CHECK(value_of(reply, "Cache-Control") == "private");
    }
    Request request("");
    http::Reply paid = passed({Dialect::nginx_auth, token, "abc"}, request.reader.head());
    CHECK(value_of(paid, "Payment-Receipt") == "abc");
    CHECK(value_of(paid, "Cache-Control") == "private");
    http::Reply free = passed({Dialect::nginx_auth, {}, {}, true}, request.reader.head());
    CHECK(value_of(free, "Cache-Control") == "no-store");
}

TEST_CASE("Envoy is told to remove what would be a credential, or look as if millraced had said it") {
    const std::string always = "macaroon, token, grpc-metadata-macaroon, grpc-metadata-token";
    const std::string payer = ", x-l402-token-id, x-l402-payment-hash, x-l402-service";
    const std::string kind = ", x-l402-tier, x-l402-capabilities";
    const std::string access = ", x-l402-access";
    struct {
        const char* fields;
        const char* token;
        std::string expected;
    } const cases[] = {
        {"Authorization: L402 abc:def\r\n", token, always + ", authorization, cookie" + kind + access},
        {"Authorization: Basic abc\r\nCookie: a=1\r\n", token, always + kind + access},
        // On a free path nobody has paid, whatever the client says.
        {"X-L402-Token-Id: 11\r\nCookie: a=1\r\n", "", always + ", authorization" + payer + kind + access},
        {"", "X-L402-Payment-Hash: 22\r\nX-L402-Service: w\r\nX-L402-Tier: gold\r\nX-L402-Capabilities: a\r\n",
         always + ", authorization, cookie, x-l402-token-id" + access},
    };
    for (const auto& c : cases) {
        INFO(c.fields);
        Request request(c.fields);
        http::Reply reply = passed({Dialect::envoy, c.token, {}}, request.reader.head());
        CHECK(value_of(reply, "X-Envoy-Auth-Headers-To-Remove") == c.expected);
    }
}

TEST_CASE("nginx's auth_request is denied with a status that it understands, and with the reason") {
    for (unsigned status : {400U, 402U, 404U, 429U, 503U}) {
        http::Problem problem{status, "No."};
        http::Reply reply = denied_to_nginx(problem);
        CHECK(reply.status == 401);
        CHECK(value_of(reply, "X-L402-Denied") == std::to_string(status));
        CHECK(value_of(reply, "WWW-Authenticate").empty());
    }
    CHECK(value_of(denied_to_nginx({402, "No.", "spent"}), "X-L402-Denied") == "spent");
}

TEST_CASE("a call of gRPC is known by its method and type") {
    struct {
        const char* line;
        const char* type;
        bool expected;
    } const cases[] = {
        {"POST /a HTTP/1.1", "application/grpc", true},      {"POST /a HTTP/1.1", "Application/gRPC+proto", true},
        {"POST /a HTTP/1.1", "application/grpc; a=b", true}, {"POST /a HTTP/1.1", "application/grpc-web+proto", false},
        {"POST /a HTTP/1.1", "application/grpcfoo", false},  {"POST /a HTTP/1.1", "application/json", false},
        {"GET /a HTTP/1.1", "application/grpc", false},      {"POST /a HTTP/1.1", "application/grp", false},
    };
    for (const auto& c : cases) {
        INFO(c.line << " " << c.type);
        Request request(std::string("Content-Type: ") + c.type + "\r\n", c.line);
        CHECK(is_grpc(request.reader.head()) == c.expected);
    }
}

TEST_CASE("a denial of gRPC is all in the head") {
    http::Problem problem{402, "Pay.", "no_credential", Msat(1000)};
    problem.challenges = {"LSAT a", "L402 b"};
    http::Reply reply = grpc_denial(problem, 200);
    CHECK(reply.status == 200);
    CHECK(reply.content_type == "application/grpc");
    CHECK(reply.body.empty());
    CHECK(value_of(reply, "Grpc-Status") == "13");
    CHECK(value_of(reply, "Grpc-Message") == "payment required");
    CHECK(value_of(reply, "WWW-Authenticate") == "LSAT a | L402 b");

    struct {
        unsigned status;
        const char* detail;
        const char* code;
        const char* message;
    } const cases[] = {
        {400, "Bad.", "13", "Bad."},  {401, "None.", "16", "None."},   {403, "50%", "7", "50%25"},
        {404, "a\nb", "12", "a%0Ab"}, {429, "Later.", "14", "Later."}, {503, "\xc3\xa4", "14", "%C3%A4"},
        {413, "Long.", "2", "Long."},
    };
    for (const auto& c : cases) {
        INFO(c.status);
        http::Reply denial = grpc_denial({c.status, c.detail}, c.status);
        CHECK(denial.status == c.status);
        CHECK(value_of(denial, "Grpc-Status") == c.code);
        CHECK(value_of(denial, "Grpc-Message") == c.message);
    }
}
