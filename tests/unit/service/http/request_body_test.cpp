#include "service/http/request_body.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace::http;

namespace {

void put(Buffer& buffer, std::string_view text) {
    std::size_t room = 0;
    char* data = buffer.prepare(text.size(), &room);
    std::copy(text.begin(), text.end(), data);
    buffer.commit(text.size());
}

std::string take(RequestBody& body, Buffer& buffer, RequestReader& reader,
                 RequestBody::Step expected = RequestBody::Step::good) {
    std::vector<std::string_view> payload;
    std::size_t used = 0;
    CHECK(body.take(buffer, reader, payload, &used) == expected);
    std::string out;
    for (std::string_view piece : payload) out += piece;
    buffer.consume(used);
    return out;
}

}  // namespace

TEST_CASE("a body of known length ends there, and what follows stays") {
    RequestReader reader;
    REQUIRE_FALSE(reader.parse("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n", {1024, 1024}));
    RequestBody body;
    body.begin(reader.head(), 100);
    Buffer buffer;
    CHECK_FALSE(body.done());
    CHECK(take(body, buffer, reader).empty());
    put(buffer, "hel");
    CHECK(take(body, buffer, reader) == "hel");
    put(buffer, "lo yoGET /");
    CHECK(take(body, buffer, reader) == "lo yo");
    CHECK(body.done());
    CHECK(buffer.view() == "GET /");
    CHECK(take(body, buffer, reader).empty());
    CHECK(buffer.view() == "GET /");
}

TEST_CASE("a chunked body is counted against its limit") {
    RequestReader reader;
    REQUIRE_FALSE(reader.parse("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", {1024, 1024}));
    RequestBody body;
    body.begin(reader.head(), 8);
    Buffer buffer;
    put(buffer, "5\r\nhello\r\n3\r\nyo!\r\n");
    CHECK(take(body, buffer, reader) == "helloyo!");
    CHECK(body.seen() == 8);
    put(buffer, "1\r\nx\r\n0\r\n\r\n");
    take(body, buffer, reader, RequestBody::Step::too_large);
}

TEST_CASE("a request without a body is done at once") {
    RequestReader reader;
    REQUIRE_FALSE(reader.parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n", {1024, 1024}));
    RequestBody body;
    body.begin(reader.head(), 8);
    CHECK(body.done());
}

TEST_CASE("an empty piece makes no chunk, since that would end the body") {
    std::string out;
    append_chunk({}, out);
    append_chunk({""}, out);
    CHECK(out.empty());
    append_chunk({"hello ", "", "worldworld"}, out);
    CHECK(out == "10\r\nhello worldworld\r\n");
}

TEST_CASE("a buffer keeps its content when it grows or makes room") {
    Buffer buffer;
    std::string expected;
    for (int i = 0; i < 1000; ++i) {
        std::string piece(static_cast<std::size_t>(i % 37), static_cast<char>('a' + i % 26));
        put(buffer, piece);
        expected += piece;
        std::size_t drop = expected.size() / 3;
        buffer.consume(drop);
        expected.erase(0, drop);
        REQUIRE(buffer.view() == expected);
    }
    CHECK(buffer.capacity() < 4096);
}

TEST_CASE("H19: what chunks bring beside the payload is bounded in proportion to it") {
    struct Case {
        std::string name;
        std::string chunk;
        std::size_t times;
        bool good;
    };
    const Case cases[] = {
        {"extensions of 15 KiB for a byte each", "1;" + std::string(15'000, 'x') + "\r\na\r\n", 2, false},
        {"extensions of 100 bytes for a byte each", "1;" + std::string(100, 'x') + "\r\na\r\n", 1000, false},
        {"a byte at a time", "1\r\na\r\n", 20'000, true},
        {"a byte at a time, with a long size", "00000001\r\na\r\n", 20'000, true},
        {"an extension of a usual size",
         "400;signature=\"" + std::string(64, 'x') + "\"\r\n" + std::string(1024, 'a') + "\r\n", 500, true},
        {"one extension of 10 KiB", "1;" + std::string(10'000, 'x') + "\r\na\r\n", 1, true},
    };
    for (const Case& one : cases) {
        INFO(one.name);
        RequestReader reader;
        REQUIRE_FALSE(reader.parse("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", {1024, 1024}));
        RequestBody body;
        body.begin(reader.head(), 1 << 30);
        Buffer buffer;
        RequestBody::Step step = RequestBody::Step::good;
        for (std::size_t i = 0; i < one.times && step == RequestBody::Step::good; ++i) {
            put(buffer, one.chunk);
            std::vector<std::string_view> payload;
            std::size_t used = 0;
            step = body.take(buffer, reader, payload, &used);
            buffer.consume(used);
        }
        CHECK((step == RequestBody::Step::good) == one.good);
    }
}

TEST_CASE("H19: the line of a chunk's size that does not end is refused at 16 KiB") {
    RequestReader reader;
    REQUIRE_FALSE(reader.parse("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", {1024, 1024}));
    RequestBody body;
    body.begin(reader.head(), 1 << 30);
    Buffer buffer;
    put(buffer, "1;" + std::string(16 * 1024, 'x'));
    take(body, buffer, reader, RequestBody::Step::bad_chunk);
}
