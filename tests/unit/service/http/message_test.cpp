#include "service/http/message.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace::http;

namespace {

constexpr HeadLimits limits{64 * 1024, 1024};

unsigned status_of(const std::string& head) {
    RequestReader reader;
    auto fault = reader.parse(head, limits);
    return fault ? fault->status : 200;
}

unsigned response_fault(const std::string& head) {
    ResponseReader reader;
    auto fault = reader.parse(head, limits, false);
    return fault ? fault->status : 200;
}

}  // namespace

TEST_CASE("the end of a head is found wherever the pieces were cut") {
    const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
        std::size_t scanned = 0;
        std::size_t early = find_head_end(std::string_view(bytes).substr(0, cut), scanned);
        CHECK(early == (cut >= 27 ? 27 : 0));
        if (early == 0) CHECK(find_head_end(bytes, scanned) == 27);
    }
}

TEST_CASE("a request's head is read into what the proxy needs") {
    RequestReader reader;
    const std::string head =
        "POST /a?b HTTP/1.1\r\nHost: example\r\nContent-Length: 12\r\nConnection: close, X-Hop ,Upgrade\r\nUpgrade: "
        "websocket\r\n"
        "Expect: 100-Continue\r\nX-A:  padded \t\r\n\r\n";
    REQUIRE_FALSE(reader.parse(head, limits));
    const RequestHead& request = reader.head();
    CHECK(request.verb == Verb::post);
    CHECK(request.method == "POST");
    CHECK(request.target == "/a?b");
    CHECK(request.version == 11);
    CHECK(request.host == "example");
    CHECK(request.framing == Framing::length);
    CHECK(request.content_length == 12);
    CHECK_FALSE(request.keep_alive);
    CHECK(request.expect_continue);
    CHECK(request.upgrade == "websocket");
    CHECK(request.connection_options == std::vector<std::string_view>{"close", "X-Hop", "Upgrade"});
    CHECK(request.fields.back().value == "padded");

    REQUIRE_FALSE(reader.parse("FROB / HTTP/1.0\r\n\r\n", limits));
    CHECK(reader.head().verb == Verb::unknown);
    CHECK(reader.head().method == "FROB");
    CHECK(reader.head().framing == Framing::none);
    CHECK_FALSE(reader.head().keep_alive);
    CHECK_FALSE(reader.head().expect_continue);
    CHECK(reader.head().upgrade.empty());
    CHECK(reader.head().fields.empty());
}

TEST_CASE("keep-alive follows version and Connection") {
    struct {
        const char* head;
        bool keep;
    } const cases[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: CLOSE\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
    };
    for (const auto& c : cases) {
        INFO(c.head);
        RequestReader reader;
        REQUIRE_FALSE(reader.parse(c.head, limits));
        CHECK(reader.head().keep_alive == c.keep);
    }
}

TEST_CASE("an Upgrade that Connection does not name is no upgrade") {
    RequestReader reader;
    REQUIRE_FALSE(reader.parse("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", limits));
    CHECK(reader.head().upgrade.empty());
}

TEST_CASE("H8: of what an Upgrade offers websocket alone is an upgrade") {
    struct {
        std::string_view lines;
        std::string_view upgrade;
    } const cases[] = {
        {"Connection: Upgrade\r\nUpgrade: websocket\r\n", "websocket"},
        {"Connection: upgrade\r\nUpgrade: WebSocket\r\n", "WebSocket"},
        {"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n", ""},
        {"Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n", "websocket"},
        {"Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n", "websocket"},
        {"Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n", "websocket"},
        {"Connection: Upgrade\r\nUpgrade: TLS/1.3\r\n", ""},
        {"Connection: Upgrade\r\nUpgrade: h2c, HTTP/2.0, IRC/6.9\r\n", ""},
        {"Connection: Upgrade\r\nUpgrade: websocket/13\r\n", ""},
        {"Connection: Upgrade\r\nUpgrade: websockets\r\n", ""},
        {"Connection: Upgrade\r\nUpgrade:\r\n", ""},
    };
    for (const auto& one : cases) {
        INFO(one.lines);
        RequestReader reader;
        const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(one.lines) + "\r\n";
        REQUIRE_FALSE(reader.parse(head, limits));
        CHECK(reader.head().upgrade == one.upgrade);
    }
}

TEST_CASE("heads that servers read differently are refused") {
    const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n";
    struct {
        std::string head;
        unsigned status;
    } const cases[] = {
        {get + "\r\n", 200},
        {get + "Content-Length: 0\r\n\r\n", 200},
        {get + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {get + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400},
        {get + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
        {get + "Content-Length: 1, 1\r\n\r\n", 400},
        {get + "Content-Length: +1\r\n\r\n", 400},
        {get + "Content-Length: 1x\r\n\r\n", 400},
        {get + "Content-Length:\r\n\r\n", 400},
        {get + "Content-Length: 1234567890123456789\r\n\r\n", 400},
        {get + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
        {get + "Transfer-Encoding: identity\r\n\r\n", 501},
        {get + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {get + "X-A : 1\r\n\r\n", 400},
        {get + "X-A: 1\r\n 2\r\n\r\n", 400},
        {get + "X-A: 1\nX-B: 2\r\n\r\n", 400},
        {get + "X-A: 1\rX\r\n\r\n", 400},
        {get + "X A: 1\r\n\r\n", 400},
        {get + "Host: a\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 200},
        {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505},
        {"GET /\r\nHost: a\r\n\r\n", 400},
        {get + "Expect: something\r\n\r\n", 417},
        {"GET /" + std::string(2000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
    };
    for (const auto& c : cases) {
        INFO(c.head);
        CHECK(status_of(c.head) == c.status);
    }
    std::string many = get;
    for (int i = 0; i < 201; ++i) many += "X: 1\r\n";
    CHECK(status_of(many + "\r\n") == 431);
}

TEST_CASE("how a response's body ends follows from status and fields") {
    struct {
        const char* head;
        bool to_head;
        Framing framing;
    } const cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false, Framing::length},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, Framing::none},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, Framing::chunked},
        {"HTTP/1.1 200 OK\r\n\r\n", false, Framing::until_eof},
        {"HTTP/1.0 200 OK\r\n\r\n", false, Framing::until_eof},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true, Framing::none},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true, Framing::none},
        {"HTTP/1.1 204 No Content\r\n\r\n", false, Framing::none},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false, Framing::none},
        {"HTTP/1.1 100 Continue\r\n\r\n", false, Framing::none},
        {"HTTP/1.1 101 Switching Protocols\r\n\r\n", false, Framing::none},
    };
    for (const auto& c : cases) {
        INFO(c.head);
        ResponseReader reader;
        REQUIRE_FALSE(reader.parse(c.head, limits, c.to_head));
        CHECK(reader.head().framing == c.framing);
    }
    for (const char* head :
         {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\n\r\n",
          "HTTP/2 200\r\n\r\n", "nonsense\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n"}) {
        INFO(head);
        CHECK(response_fault(head) == 502);
    }
}

TEST_CASE("H17: later minor versions are read as 1.1, and other majors refused") {
    struct {
        const char* version;
        unsigned status;
        int read;
    } const cases[] = {
        {"HTTP/1.0", 200, 10}, {"HTTP/1.1", 200, 11}, {"HTTP/1.2", 200, 11}, {"HTTP/1.9", 200, 11},
        {"HTTP/2.0", 505, 0},  {"HTTP/0.9", 505, 0},  {"HTTP/1.10", 505, 0}, {"HTTP/1.x", 505, 0},
    };
    for (const auto& c : cases) {
        INFO(c.version);
        RequestReader reader;
        const std::string head = std::string("GET /HTTP/1.2 ") + c.version + "\r\nHost: a\r\nX-A: HTTP/1.2\r\n\r\n";
        auto fault = reader.parse(head, limits);
        CHECK((fault ? fault->status : 200) == c.status);
        if (fault) continue;
        CHECK(reader.head().version == c.read);
        CHECK(reader.head().target == "/HTTP/1.2");
        CHECK(reader.head().fields.back().value == "HTTP/1.2");
    }
    ResponseReader reader;
    REQUIRE_FALSE(reader.parse("HTTP/1.2 200 OK\r\n\r\n", limits, false));
    CHECK(reader.head().version == 11);
    CHECK(reader.head().keep_alive);
}

TEST_CASE("H17: a status that no class has is no answer") {
    for (const char* status : {"000", "099", "600", "999"}) {
        INFO(status);
        CHECK(response_fault(std::string("HTTP/1.1 ") + status + " X\r\n\r\n") == 502);
    }
    for (const char* status : {"100", "299", "599"}) {
        INFO(status);
        CHECK(response_fault(std::string("HTTP/1.1 ") + status + " X\r\n\r\n") == 200);
    }
}

TEST_CASE("chunks are decoded however they are cut, and trailers dropped") {
    const std::string body = "5\r\nhello\r\n6;ext=\"a\"\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n";
    for (std::size_t cut = 1; cut < body.size(); ++cut) {
        RequestReader reader;
        REQUIRE_FALSE(reader.parse("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", limits));
        std::string pending, decoded;
        std::vector<std::string_view> payload;
        bool done = false;
        for (std::string_view piece : {std::string_view(body).substr(0, cut), std::string_view(body).substr(cut)}) {
            pending += piece;
            payload.clear();
            ChunkProgress progress = reader.decode(pending, payload);
            REQUIRE_FALSE(progress.bad);
            for (std::string_view part : payload) decoded += part;
            pending.erase(0, progress.used);
            done = progress.done;
        }
        CHECK(done);
        CHECK(pending.empty());
        CHECK(decoded == "hello world");
        CHECK(reader.head().fields.size() == 2);
    }
}

TEST_CASE("trailers of a response can be read once its end has come, and do not mix with the head") {
    ResponseReader reader;
    std::vector<std::string_view> payload;
    for (const char* trailers : {"X-Cost-Msat: 7\r\nX-Other: a\r\n", ""}) {
        REQUIRE_FALSE(reader.parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", limits, false));
        std::string body = "2\r\nok\r\n";
        ChunkProgress progress = reader.decode(body, payload);
        CHECK_FALSE(progress.done);
        CHECK(reader.trailers().empty());
        body = body.substr(progress.used) + "0\r\n" + trailers + "\r\n";
        CHECK(reader.decode(body, payload).done);
        CHECK(reader.head().fields.size() == 1);
        REQUIRE(reader.trailers().size() == (*trailers ? 2 : 0));
        if (*trailers) CHECK(reader.trailers()[0].value == "7");
    }
}

TEST_CASE("malformed chunks are noticed") {
    for (const char* body : {"zz\r\n", "-1\r\n", "5\nhello", "3\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n",
                             "11111111111111111\r\n", " 5\r\nhello\r\n", "5 \r\nhello\r\n1"}) {
        INFO(body);
        RequestReader reader;
        REQUIRE_FALSE(reader.parse("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", limits));
        std::vector<std::string_view> payload;
        const std::string followed = std::string(body) + "\r\n\r\n";
        CHECK(reader.decode(followed, payload).bad);
    }
}

TEST_CASE("how long a server keeps an idle connection is what its Keep-Alive says") {
    struct {
        const char* field;
        std::optional<int> seconds;
    } const cases[] = {
        {"", std::nullopt},
        {"Keep-Alive: timeout=5\r\n", 5},
        {"Keep-Alive: max=100, Timeout=15\r\n", 15},
        {"Keep-Alive: timeout=0\r\n", 0},
        {"Keep-Alive: timeout=99999999999\r\n", 3600},
        {"Keep-Alive: timeout=\r\n", std::nullopt},
        {"Keep-Alive: timeout=5s\r\n", std::nullopt},
        {"Keep-Alive: 5\r\n", std::nullopt},
        {"X-Keep-Alive: timeout=5\r\n", std::nullopt},
    };
    for (const auto& one : cases) {
        CAPTURE(one.field);
        ResponseReader reader;
        const std::string text = std::string("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n") + one.field + "\r\n";
        REQUIRE_FALSE(reader.parse(text, limits, false));
        const auto told = keep_alive_timeout(reader.head());
        CHECK(told.has_value() == one.seconds.has_value());
        if (told && one.seconds) CHECK(told->count() == *one.seconds);
    }
}
