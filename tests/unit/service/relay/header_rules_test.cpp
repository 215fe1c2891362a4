#include "service/relay/header_rules.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::http;
using namespace millrace::relay;

namespace {

constexpr HeadLimits limits{64 * 1024, 1024};

std::string forwarded(const std::string& fields, std::string_view token_headers = {},
                      const char* start = "GET /x HTTP/1.1\r\nHost: shop.example\r\n") {
    RequestReader reader;
    const std::string head = start + fields + "\r\n";
    REQUIRE_FALSE(reader.parse(head, limits));
    std::string out;
    append_upstream_head(reader.head(), {"/x", "shop.example", "127.0.0.1:9000", "10.0.0.1", false, token_headers},
                         out);
    return out;
}

std::string answered(const std::string& head, int version = 11, bool keep = true, bool to_head = false,
                     std::string_view receipt = {}) {
    ResponseReader reader;
    REQUIRE_FALSE(reader.parse(head, limits, to_head));
    std::string out;
    append_client_head(reader.head(), client_framing(reader.head(), version), version, keep,
                       {{}, receipt, {}, receipt.empty()}, out);
    return out;
}

const std::string added =
    "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: "
    "shop.example\r\nVia: 1.1 "
    "millraced\r\n\r\n";

}  // namespace

TEST_CASE("only millraced says what is left of a token, and what a request cost is not for the client") {
    ResponseReader reader;
    const std::string head =
        "HTTP/1.1 200 OK\r\nX-L402-Remaining-Uses: 9\r\nx_l402_remaining_msat: 9\r\nx-cost-msat: 7\r\n"
        "Access-Control-Allow-Origin: *\r\nX-L402-Other: a\r\nContent-Length: 0\r\n\r\n";
    REQUIRE_FALSE(reader.parse(head, limits, false));
    std::string out;
    OwnFields own{"X-L402-Remaining-Uses: 4\r\n", {}, "X-Cost-Msat", true};
    append_client_head(reader.head(), ClientFraming::length, 11, true, own, out);
    CHECK(out ==
          "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nX-L402-Other: a\r\n"
          "X-L402-Remaining-Uses: 4\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("what a request is forwarded with") {
    const std::string start = "GET /x HTTP/1.1\r\nHost: shop.example\r\n";
    CHECK(forwarded("") == start + added);
    CHECK(forwarded("Accept: a\r\nCookie: b\r\nX-Custom: c\r\n") ==
          start + "Accept: a\r\nCookie: b\r\nX-Custom: c\r\n" + added);
    CHECK(forwarded("Content-Length: 0\r\n") == start + "Content-Length: 0\r\n" + added);
    CHECK(forwarded("Transfer-Encoding: Chunked\r\n") == start + "Transfer-Encoding: chunked\r\n" + added);
    CHECK(forwarded("Connection: upgrade\r\nUpgrade: websocket\r\n") ==
          start + "Connection: upgrade\r\nUpgrade: websocket\r\n" + added);
    CHECK(forwarded("", "X-L402-Service: weather\r\n") == start + "X-L402-Service: weather\r\n" + added);
    CHECK(forwarded("Expect: 100-continue\r\n") == start + "Expect: 100-continue\r\n" + added);
}

TEST_CASE("M11: a body that servers may leave unread goes on a connection that is not used again") {
    struct {
        const char* start;
        bool unread;
    } const cases[] = {
        {"GET /x HTTP/1.1\r\nContent-Length: 5", true},
        {"GET /x HTTP/1.1\r\nTransfer-Encoding: chunked", true},
        {"HEAD /x HTTP/1.1\r\nContent-Length: 5", true},
        {"OPTIONS /x HTTP/1.1\r\nContent-Length: 5", true},
        {"DELETE /x HTTP/1.1\r\nContent-Length: 5", true},
        {"PROPFIND /x HTTP/1.1\r\nContent-Length: 5", true},
        {"FROB /x HTTP/1.1\r\nTransfer-Encoding: chunked", true},
        {"GET /x HTTP/1.1\r\nContent-Length: 0", false},
        {"GET /x HTTP/1.1\r\nAccept: a", false},
        {"POST /x HTTP/1.1\r\nContent-Length: 5", false},
        {"PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked", false},
        {"PATCH /x HTTP/1.1\r\nContent-Length: 5", false},
    };
    for (const auto& c : cases) {
        INFO(c.start);
        RequestReader reader;
        const std::string head = std::string(c.start) + "\r\nHost: a\r\n\r\n";
        REQUIRE_FALSE(reader.parse(head, limits));
        CHECK(may_be_left_unread(reader.head()) == c.unread);
        ForwardFacts facts{"/x", "a", "127.0.0.1:9000", "10.0.0.1"};
        facts.close = c.unread;
        std::string out;
        append_upstream_head(reader.head(), facts, out);
        CHECK((out.find("\r\nConnection: close\r\n") != std::string::npos) == c.unread);
    }
}

TEST_CASE("H17: a body that was held goes with its length, and nobody waits for it to be asked for") {
    RequestReader reader;
    const std::string head =
        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n";
    REQUIRE_FALSE(reader.parse(head, limits));
    ForwardFacts facts{"/x", "a", "127.0.0.1:9000", "10.0.0.1"};
    facts.whole_body = 7;
    std::string out;
    append_upstream_head(reader.head(), facts, out);
    CHECK(out.find("Content-Length: 7\r\n") != std::string::npos);
    CHECK(out.find("Transfer-Encoding") == std::string::npos);
    CHECK(out.find("Expect") == std::string::npos);
}

TEST_CASE("H17: an answer without a date gets one, an interim one none") {
    auto dated = [](const std::string& head, std::string_view date) {
        ResponseReader reader;
        REQUIRE_FALSE(reader.parse(head, limits, false));
        std::string out;
        OwnFields own{{}, {}, {}, true, date};
        append_client_head(reader.head(), ClientFraming::none, 11, true, own, out);
        return out;
    };
    const std::string_view now = "Sun, 06 Nov 1994 08:49:37 GMT";
    CHECK(dated("HTTP/1.1 204 No\r\n\r\n", now) == "HTTP/1.1 204 No\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
    CHECK(dated("HTTP/1.1 204 No\r\nDate: then\r\n\r\n", now) == "HTTP/1.1 204 No\r\nDate: then\r\n\r\n");
    CHECK(dated("HTTP/1.1 103 Early\r\n\r\n", {}) == "HTTP/1.1 103 Early\r\n\r\n");
}

TEST_CASE("H6: what has no end of its own is told by its type") {
    struct {
        const char* fields;
        bool endless;
    } const cases[] = {
        {"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n", true},
        {"Content-Type: Text/Event-Stream;charset=utf-8\r\n", true},
        {"content-type: text/event-stream ; x=y\r\n", true},
        {"Content-Type: multipart/x-mixed-replace; boundary=b\r\n", true},
        {"Content-Type: text/event-stream\r\nContent-Length: 9\r\n", false},
        {"Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n", false},
        {"Transfer-Encoding: chunked\r\n", false},
    };
    for (const auto& c : cases) {
        INFO(c.fields);
        ResponseReader reader;
        const std::string head = std::string("HTTP/1.1 200 OK\r\n") + c.fields + "\r\n";
        REQUIRE_FALSE(reader.parse(head, limits, false));
        CHECK(is_endless(reader.head()) == c.endless);
    }
}

TEST_CASE("fields that the service sets replace the client's of the same name, in any spelling") {
    const std::vector<std::string> names{"X-Api-Key", "Authorization", "Host"};
    const std::string lines = "X-Api-Key: k\r\nAuthorization: Bearer t\r\nHost: inside\r\n";
    RequestReader reader;
    const std::string head =
        "GET /x HTTP/1.1\r\nHost: shop.example\r\nx-api-key: 1\r\nX_API_Key: 2\r\nAuthorization: Basic x\r\n"
        "X-Api-Key-2: stays\r\nConnection: X-Api-Key\r\n\r\n";
    REQUIRE_FALSE(reader.parse(head, limits));
    std::string out;
    ForwardFacts facts{"/x", "shop.example", "127.0.0.1:9000", "10.0.0.1", false, {}, lines, names};
    append_upstream_head(reader.head(), facts, out);
    CHECK(out == "GET /x HTTP/1.1\r\nX-Api-Key-2: stays\r\n" + lines + added);
}

TEST_CASE("a receipt goes with a success") {
    const auto paid = [](const std::string& status, const std::string& fields) {
        return answered("HTTP/1.1 " + status + "\r\n" + fields + "Content-Length: 0\r\n\r\n", 11, true, false, "eyJ");
    };
    const std::string added = "Cache-Control: private\r\nPayment-Receipt: eyJ\r\nContent-Length: 0\r\n\r\n";
    CHECK(paid("200 OK", "X: y\r\n") == "HTTP/1.1 200 OK\r\nX: y\r\n" + added);
    CHECK(paid("201 Created", "Cache-Control: public, max-age=9\r\ncache-control: s-maxage=9\r\n") ==
          "HTTP/1.1 201 Created\r\nCache-Control: private, max-age=9\r\nPayment-Receipt: eyJ\r\nContent-Length: "
          "0\r\n\r\n");
    CHECK(paid("200 OK", "payment-receipt: forged\r\n") == "HTTP/1.1 200 OK\r\n" + added);
    for (const char* status : {"302 Found", "404 Not Found", "500 Oops"}) {
        const std::string head = "HTTP/1.1 " + std::string(status) + "\r\n";
        CHECK(paid(status, "Cache-Control: public\r\nPayment-Receipt: forged\r\n") ==
              head + "Cache-Control: private\r\nContent-Length: 0\r\n\r\n");
    }
    CHECK(answered("HTTP/1.1 200 OK\r\nCache-Control: public\r\nPayment-Receipt: x\r\nContent-Length: 0\r\n\r\n") ==
          "HTTP/1.1 200 OK\r\nCache-Control: public\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("a request may come twice where its method is idempotent and it has no body") {
    const auto repeatable = [](const std::string& method, const std::string& fields) {
        RequestReader reader;
        const std::string head = method + " /x HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
        REQUIRE_FALSE(reader.parse(head, {65536, 16384}));
        return is_repeatable(reader.head());
    };
    for (const char* method : {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}) {
        CHECK(repeatable(method, ""));
        CHECK_FALSE(repeatable(method, "Content-Length: 1\r\n"));
        CHECK_FALSE(repeatable(method, "Transfer-Encoding: chunked\r\n"));
    }
    for (const char* method : {"POST", "PATCH", "PURGE"}) CHECK_FALSE(repeatable(method, ""));
}

TEST_CASE("what the upstream is told of a charge") {
    CHECK(charge_header_lines(PaymentHash{}, "weather") ==
          "X-L402-Payment-Hash: " + std::string(64, '0') + "\r\nX-L402-Service: weather\r\n");
}

TEST_CASE("no credential, no claim about the client and no field of this hop is forwarded") {
    const std::string nothing = forwarded("");
    for (const char* field : {"Authorization: Payment eyJ",
                              "Authorization: payment\teyJ",
                              "Authorization: L402 a:b",
                              "Authorization: lsat a:b",
                              "Authorization: L402",
                              "Macaroon: 00",
                              "macaroon: 00",
                              "Token: 00",
                              "TOKEN: 00",
                              "Grpc-Metadata-Macaroon: 00",
                              "grpc-metadata-token: 00",
                              "Grpc_Metadata_Macaroon: 00",
                              "X-L402-Token-Id: 1",
                              "x-l402-anything: 1",
                              "X_L402_Token_Id: 1",
                              "X-Forwarded-For: 1",
                              "x_forwarded_for: 1",
                              "X-Forwarded-Prefix: 1",
                              "Forwarded: for=1",
                              "X-Real-IP: 1",
                              "x_real_ip: 1",
                              "Connection: close",
                              "Connection: X-B\r\nX-B: 1",
                              "connection: x-b, X-C\r\nX-B: 1\r\nx-c: 2",
                              "Keep-Alive: 5",
                              "Proxy-Connection: close",
                              "Proxy-Authorization: x",
                              "TE: trailers",
                              "Trailer: X",
                              "Upgrade: websocket",
                              "Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x",
                              "Connection: upgrade\r\nUpgrade: TLS/1.3, IRC/6.9",
                              "HTTP2-Settings: x"}) {
        INFO(field);
        CHECK(forwarded(std::string(field) + "\r\n") == nothing);
    }
}

TEST_CASE("the cookies of pay pages are not forwarded, all others are") {
    const std::string start = "GET /x HTTP/1.1\r\nHost: shop.example\r\n";
    CHECK(forwarded("Cookie: a=1; millrace-pay-x=2; b=3\r\n") == start + "Cookie: a=1; b=3\r\n" + added);
    CHECK(forwarded("Cookie: millrace-pay-x=2\r\nCookie: c=4\r\n") == start + "Cookie: c=4\r\n" + added);
}

TEST_CASE("what only looks like them is forwarded") {
    for (const char* field : {"Authorization: Bearer L402", "Authorization: Basic x", "Authorization: L402x y",
                              "X-L40: 1", "Tokens: 1", "X-Real-IPs: 1", "X-Forwarded: 1", "Via: 1.0 b"}) {
        INFO(field);
        CHECK(forwarded(std::string(field) + "\r\n").find(std::string("\r\n") + field + "\r\n") != std::string::npos);
    }
}

TEST_CASE("fields that every message needs cannot be removed by naming them in Connection") {
    std::string out =
        forwarded("Connection: Host, Content-Length, X-L402-Service, X-Forwarded-For\r\nContent-Length: 3\r\n",
                  "X-L402-Service: s\r\n");
    for (const char* kept :
         {"Host: shop.example", "Content-Length: 3", "X-L402-Service: s", "X-Forwarded-For: 10.0.0.1"}) {
        INFO(kept);
        CHECK(out.find(kept) != std::string::npos);
    }
}

TEST_CASE("the token's fields tell who paid, not with what") {
    l402::Identifier token{PaymentHash(std::array<std::uint8_t, 32>{0xab}),
                           TokenId(std::array<std::uint8_t, 32>{0xcd})};
    CHECK(token_header_lines(token, "weather") == "X-L402-Token-Id: cd" + std::string(62, '0') +
                                                      "\r\nX-L402-Payment-Hash: ab" + std::string(62, '0') +
                                                      "\r\nX-L402-Service: weather\r\n");
}

TEST_CASE("what a response is answered with") {
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    CHECK(answered(ok + "Content-Length: 5\r\n\r\n") == ok + "Content-Length: 5\r\n\r\n");
    CHECK(answered(ok + "Content-Length: 5\r\n\r\n", 11, false) ==
          ok + "Content-Length: 5\r\nConnection: close\r\n\r\n");
    CHECK(answered(ok + "Content-Length: 5\r\n\r\n", 10, true) ==
          ok + "Content-Length: 5\r\nConnection: keep-alive\r\n\r\n");
    CHECK(answered(ok + "Transfer-Encoding: chunked\r\n\r\n") == ok + "Transfer-Encoding: chunked\r\n\r\n");
    CHECK(answered(ok + "Transfer-Encoding: chunked\r\n\r\n", 10, false) == ok + "Connection: close\r\n\r\n");
    CHECK(answered(ok + "\r\n") == ok + "Transfer-Encoding: chunked\r\n\r\n");
    CHECK(answered("HTTP/1.0 200 OK\r\n\r\n") == ok + "Transfer-Encoding: chunked\r\n\r\n");
    CHECK(answered(ok + "Content-Length: 5\r\n\r\n", 11, true, true) == ok + "Content-Length: 5\r\n\r\n");
    CHECK(answered("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n") == "HTTP/1.1 204 No Content\r\n\r\n");
    CHECK(answered("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n") ==
          "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
    CHECK(answered("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n") ==
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n");
    CHECK(
        answered("HTTP/1.1 426 Upgrade Required\r\nUpgrade: h3\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n") ==
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: h3\r\nContent-Length: 0\r\n\r\n");
    CHECK(answered(ok + "Connection: X-B\r\nX-B: 1\r\nKeep-Alive: 5\r\nProxy-Authenticate: x\r\nTrailer: X\r\nUpgrade: "
                        "h3\r\nX-C: 2\r\nContent-Length: 1\r\n\r\n") == ok + "X-C: 2\r\nContent-Length: 1\r\n\r\n");
}

TEST_CASE("H15: with a list of origins the upstream's word on who may read is not passed on, what it exposes is") {
    const std::string head =
        "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: X-A\r\n"
        "access-control-expose-headers: X-B\r\nVary: Accept\r\nContent-Length: 0\r\n\r\n";
    struct {
        const char* lines;
        bool cross_origin;
        const char* passed;
    } const cases[] = {
        {"Access-Control-Expose-Headers: Y\r\n", true,
         "Vary: Accept\r\nAccess-Control-Expose-Headers: Y, X-A, X-B\r\n"},
        {"Vary: Origin\r\n", true, "Vary: Accept\r\nVary: Origin\r\n"},
        {"", false,
         "Access-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: X-A\r\n"
         "access-control-expose-headers: X-B\r\nVary: Accept\r\n"},
    };
    for (const auto& one : cases) {
        ResponseReader reader;
        REQUIRE_FALSE(reader.parse(head, limits, false));
        std::string out;
        OwnFields own{one.lines, {}, {}, true, {}, one.cross_origin};
        append_client_head(reader.head(), ClientFraming::length, 11, true, own, out);
        CHECK(out == "HTTP/1.1 200 OK\r\n" + std::string(one.passed) + "Content-Length: 0\r\n\r\n");
    }
}
