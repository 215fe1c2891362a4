#include "service/http/stream.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>

#include "service/async/spawn.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace::http;

namespace {

// Two ends of a connection: a Stream and a descriptor.
struct Pair {
    Pair() {
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
        other = ends[1];
        Socket socket(context.get_executor());
        socket.assign(asio::generic::stream_protocol(AF_UNIX, 0), ends[0]);
        stream = std::make_unique<Stream>(std::move(socket));
    }
    ~Pair() { ::close(other); }

    asio::io_context context;
    std::unique_ptr<Stream> stream;
    int other = -1;
};

struct Read {
    ErrorCode failed;
    std::string bytes;
};

Awaitable<> read(Stream::Reading reading, Read& out) {
    std::array<char, 16> bytes{};
    auto [failed, count] = co_await reading.read_some(bytes.data(), bytes.size());
    out.failed = failed;
    out.bytes.assign(bytes.data(), count);
}

}  // namespace

TEST_CASE("H1: while somebody reads a stream, nobody else can") {
    Pair pair;
    REQUIRE(::write(pair.other, "hello", 5) == 5);
    Read first;
    Read second;
    {
        Stream::Reading reading = pair.stream->reading();
        REQUIRE(reading);
        Stream::Reading other = pair.stream->reading();
        CHECK_FALSE(other);
        std::array<char, 4> bytes{};
        ErrorCode failed;
        CHECK(other.read_now(bytes.data(), bytes.size(), failed) == 0);
        CHECK(failed == asio::error::in_progress);
        millrace::async::spawn(pair.context.get_executor(), read(std::move(other), second), "a test");
        millrace::async::spawn(pair.context.get_executor(), read(std::move(reading), first), "a test");
        CHECK_FALSE(reading);
        CHECK_FALSE(pair.stream->reading());  // the coroutine holds it
    }
    pair.context.run();
    CHECK(second.failed == asio::error::in_progress);
    CHECK(first.bytes == "hello");
    CHECK(pair.stream->reading());
}

TEST_CASE("H1: who still holds the reading of a stream that is gone reads nothing") {
    Pair pair;
    Stream::Reading reading = pair.stream->reading();
    pair.stream.reset();
    CHECK_FALSE(reading);
    Read out;
    millrace::async::spawn(pair.context.get_executor(), read(std::move(reading), out), "a test");
    pair.context.run();
    CHECK(out.failed == asio::error::in_progress);
}
