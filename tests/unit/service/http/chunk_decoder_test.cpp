#include "service/http/chunk_decoder.hpp"

#include <string>

#include "tests/unit/catch.hpp"

using namespace millrace::http;

namespace {

struct Decoded {
    std::string payload = {};
    std::string rest = {};  // behind the body
    bool done = false;
    bool bad = false;
    bool operator==(const Decoded&) const = default;
};

// What was not used is offered again with `step` bytes more behind it.
Decoded decode(const std::string& body, std::size_t step) {
    ChunkDecoder decoder;
    Decoded out;
    std::vector<HeaderLine> trailers;
    for (std::size_t at = 0; at < body.size() && !out.done && !out.bad; at += step) {
        out.rest += body.substr(at, step);
        std::vector<std::string_view> payload;
        const ChunkProgress progress = decoder.decode(out.rest, payload, &trailers);
        for (const std::string_view piece : payload) out.payload += piece;
        out.rest.erase(0, progress.used);
        out.done = progress.done;
        out.bad = progress.bad;
        if (out.done) out.rest += body.substr(std::min(body.size(), at + step));
    }
    if (out.bad) out.rest.clear();
    return out;
}

}  // namespace

TEST_CASE("H14: a chunked body is read as nginx and Go read it, however it is cut") {
    struct {
        const char* body;
        Decoded want;
    } const cases[] = {
        {"0\r\n\r\n", {.done = true}},
        {"5\r\nhello\r\n0\r\n\r\nnext", {"hello", "next", true, false}},
        {"2 \r\nok\r\n0\r\n\r\n", {"ok", "", true, false}},
        {"2 \t \r\nok\r\n0  \r\n\r\n", {"ok", "", true, false}},
        {"2 ;a=b\r\nok\r\n0;last\r\n\r\n", {"ok", "", true, false}},
        {"2;a=\"b c\"\r\nok\r\n0\r\nA: 1\r\nB:\t2 \r\n\r\n", {"ok", "", true, false}},
        {"0000000000000002\r\nok\r\n0\r\n\r\n", {"ok", "", true, false}},
        {"A\r\n0123456789\r\na\r\n0123456789\r\n00\r\n\r\n", {"01234567890123456789", "", true, false}},
        {"zz\r\n", {.bad = true}},
        {"\r\n", {.bad = true}},
        {" 2\r\nok\r\n", {.bad = true}},
        {"-2\r\nok\r\n", {.bad = true}},
        {"+2\r\nok\r\n", {.bad = true}},
        {"0x2\r\nok\r\n", {.bad = true}},
        {"2 2\r\nok\r\n", {.bad = true}},
        {"2\nok\r\n", {.bad = true}},
        {"2\r\rok\r\n", {.bad = true}},
        {"2;\x01\r\nok\r\n", {.bad = true}},
        {"00000000000000002\r\nok\r\n", {.bad = true}},
        {"10000000000000000\r\n", {.bad = true}},
        {"2\r\nokk\r\n", {.payload = "ok", .bad = true}},
        {"2\r\nok\n", {.payload = "ok", .bad = true}},
        {"0\r\nA : 1\r\n\r\n", {.bad = true}},
        {"0\r\n folded\r\n\r\n", {.bad = true}},
        {"0\r\nA: 1\n\r\n", {.bad = true}},
        {"0\r\n: 1\r\n\r\n", {.bad = true}},
    };
    for (const auto& c : cases) {
        for (std::size_t step = 1; step < 12; ++step) {
            INFO(c.body << " in steps of " << step);
            const Decoded got = decode(c.body, step);
            CHECK(got.payload == c.want.payload);
            CHECK(got.done == c.want.done);
            CHECK(got.bad == c.want.bad);
            if (c.want.done) CHECK(got.rest == c.want.rest);
        }
    }
}

TEST_CASE("H14: trailers are told once they are all there") {
    ChunkDecoder decoder;
    std::vector<std::string_view> payload;
    std::vector<HeaderLine> trailers;
    const std::string begun = "0\r\nX-Cost: 7\r\n";
    ChunkProgress progress = decoder.decode(begun, payload, &trailers);
    CHECK_FALSE(progress.done);
    CHECK(progress.used == 3);
    CHECK(trailers.empty());
    const std::string whole = begun.substr(progress.used) + "ETag: \"a\" \r\n\r\n";
    CHECK(decoder.decode(whole, payload, &trailers).done);
    REQUIRE(trailers.size() == 2);
    CHECK(trailers[0].value == "7");
    CHECK(trailers[1].id == Field::etag);
    CHECK(trailers[1].value == "\"a\"");
}
