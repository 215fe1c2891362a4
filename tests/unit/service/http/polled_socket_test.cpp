#include "service/http/polled_socket.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/local/stream_protocol.hpp>
#include <optional>
#include <string>

#include "service/async/spawn.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace::http;
using Tcp = asio::ip::tcp;

namespace {

// A TCP connection: our end, and a descriptor of the other.
struct Connection {
    Connection() {
        asio::basic_socket_acceptor<Tcp, Executor> acceptor(context.get_executor(),
                                                            Tcp::endpoint(asio::ip::address_v4::loopback(), 0));
        asio::basic_stream_socket<Tcp, Executor> far(context.get_executor());
        far.connect(acceptor.local_endpoint());
        ours.emplace(context.get_executor(), acceptor.accept().release());
        other = far.release();
    }
    ~Connection() { close_other(); }

    void close_other() {
        if (other >= 0) ::close(other);
        other = -1;
    }
    void send(std::string_view text) { REQUIRE(::send(other, text.data(), text.size(), 0) == std::ssize(text)); }
    // What was told of one read.
    struct Told {
        int times = 0;
        ErrorCode error;
        std::size_t count = 0;
    };
    void read(Told& told, std::size_t size = 16) {
        ours->async_read_some(asio::buffer(room.data(), size), [&told](ErrorCode error, std::size_t count) {
            ++told.times;
            told.error = error;
            told.count = count;
        });
    }
    void run() {
        context.restart();
        context.run();
    }

    asio::io_context context;
    std::optional<PolledSocket> ours;
    std::array<char, 16> room{};
    int other = -1;
};

// Waits, and then calls `then` with what was told.
template <class Then>
millrace::async::Task<> wait(PolledSocket& socket, PolledSocket::For what, Then then) {
    then(co_await socket.wait(what));
}

// `then` is kept as long as somebody waits.
template <class Then>
void begin_to_wait(asio::io_context& context, PolledSocket& socket, PolledSocket::For what, Then then) {
    millrace::async::spawn(context.get_executor(), wait(socket, what, std::move(then)), "a test");
    context.poll();
    context.restart();
}

struct Watch final : PeerWatch {
    void peer_went(bool reset) override { (reset ? resets : closings)++; }
    int closings = 0;
    int resets = 0;
};

}  // namespace

TEST_CASE("A read waits for what comes, and is told once") {
    Connection pair;
    Connection::Told told;
    pair.read(told);
    CHECK(told.times == 0);
    pair.send("hello");
    pair.run();
    CHECK((told.times == 1 && !told.error && told.count == 5));
    // Nothing is there any more, and nobody asks the kernel.
    ErrorCode error;
    CHECK(pair.ours->read_now(pair.room.data(), 16, error) == 0);
    CHECK(error == asio::error::would_block);
    CHECK(pair.ours->quiet());
}

TEST_CASE("What is more than one read takes is read without another edge") {
    Connection pair;
    Connection::Told first;
    Connection::Told second;
    pair.send("0123456789");
    pair.read(first, 4);
    pair.run();
    CHECK(first.count == 4);
    pair.read(second, 16);
    pair.run();
    CHECK((!second.error && second.count == 6));
}

TEST_CASE("What comes with the end of the connection is read, then the end") {
    Connection pair;
    Connection::Told data;
    Connection::Told end;
    pair.send("bye");
    pair.close_other();
    pair.read(data);
    pair.run();
    CHECK((!data.error && data.count == 3));
    CHECK(pair.ours->peer_left());
    CHECK_FALSE(pair.ours->quiet());
    pair.read(end);
    pair.run();
    CHECK(end.error == asio::error::eof);
}

TEST_CASE("The end alone is read, though what came before was read short") {
    Connection pair;
    Connection::Told data;
    Connection::Told end;
    pair.send("bye");
    pair.read(data);
    pair.run();
    CHECK(data.count == 3);
    pair.read(end);
    pair.close_other();
    pair.run();
    CHECK(end.error == asio::error::eof);
}

TEST_CASE("A cancelled read is told so from the event loop, and the next one reads") {
    Connection pair;
    Connection::Told cancelled;
    Connection::Told next;
    pair.read(cancelled);
    pair.ours->cancel();
    CHECK(cancelled.times == 0);
    pair.run();
    CHECK((cancelled.times == 1 && cancelled.error == asio::error::operation_aborted));
    pair.read(next);
    pair.send("x");
    pair.run();
    CHECK(next.count == 1);
}

TEST_CASE("A socket that goes tells who reads, and one in the same batch is left alone") {
    Connection pair;
    Connection::Told told;
    pair.read(told);
    pair.ours.reset();
    pair.run();
    CHECK((told.times == 1 && told.error == asio::error::operation_aborted));

    // Both have news; the first of them ends the second.
    Connection one;
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
    std::optional<PolledSocket> two;
    two.emplace(one.context.get_executor(), ends[0]);
    std::array<char, 4> bytes{};
    ErrorCode of_two;
    begin_to_wait(one.context, *one.ours, PolledSocket::For::reading, [&](ErrorCode) { two.reset(); });
    two->async_read_some(asio::buffer(bytes), [&](ErrorCode error, std::size_t) { of_two = error; });
    one.send("x");
    REQUIRE(::write(ends[1], "y", 1) == 1);
    one.run();
    CHECK(of_two == asio::error::operation_aborted);
    ::close(ends[1]);
}

TEST_CASE("Who waits when the event loop goes, goes with it") {
    auto gone = std::make_shared<int>(0);
    {
        Connection pair;
        begin_to_wait(pair.context, *pair.ours, PolledSocket::For::reading, [gone](ErrorCode) {});
        CHECK(gone.use_count() == 2);
        auto kept = std::make_unique<asio::io_context>();
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
        auto socket = std::make_shared<PolledSocket>(kept->get_executor(), ends[0]);
        begin_to_wait(*kept, *socket, PolledSocket::For::reading, [gone, socket](ErrorCode) {});
        socket.reset();  // who waits holds it
        kept.reset();
        ::close(ends[1]);
        CHECK(gone.use_count() == 2);
    }
    CHECK(gone.use_count() == 1);
}

TEST_CASE("More than the kernel takes is written when there is room again") {
    Connection pair;
    const std::string much(1 << 22, 'x');
    std::size_t sent = 0;
    ErrorCode error;
    while (!error) {
        const iovec part{const_cast<char*>(much.data()), much.size()};
        sent += pair.ours->write_now({&part, 1}, error);
    }
    CHECK(error == asio::error::would_block);
    std::size_t more = 0;
    pair.ours->async_write_some(asio::buffer(much), [&](ErrorCode, std::size_t count) { more = count; });
    std::string room(1 << 20, ' ');
    for (std::size_t got = 0; got < sent;) {
        const ssize_t count = ::recv(pair.other, room.data(), room.size(), 0);
        REQUIRE(count > 0);
        got += static_cast<std::size_t>(count);
    }
    pair.run();
    CHECK(more > 0);
}

TEST_CASE("A connection is made, and one that is refused says why") {
    asio::io_context context;
    asio::basic_socket_acceptor<Tcp, Executor> acceptor(context.get_executor(),
                                                        Tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    auto connect = [&](const Tcp::endpoint& to) {
        PolledSocket socket(context.get_executor());
        ErrorCode error = socket.connect_now(Endpoint(to));
        if (error != asio::error::would_block) return error;
        std::optional<ErrorCode> waited;
        begin_to_wait(context, socket, PolledSocket::For::writing, [&](ErrorCode failed) { waited = failed; });
        context.run();
        REQUIRE((waited && !*waited));
        return socket.connected();
    };
    const Tcp::endpoint there = acceptor.local_endpoint();
    CHECK_FALSE(connect(there));
    acceptor.close();
    CHECK(connect(there) == asio::error::connection_refused);
}

TEST_CASE("A watch is told when the peer closes its side, and when it resets the connection") {
    Connection pair;
    Watch watch;
    pair.ours->watch_peer(&watch);
    REQUIRE(::shutdown(pair.other, SHUT_WR) == 0);
    pair.context.run_one();
    CHECK((watch.closings == 1 && watch.resets == 0));
    const linger at_once{1, 0};
    REQUIRE(::setsockopt(pair.other, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    pair.close_other();
    pair.context.run_one();
    CHECK((watch.closings == 1 && watch.resets == 1));
    pair.ours->watch_peer(nullptr);
    Watch late;
    pair.ours->watch_peer(&late);  // it is told what is known
    CHECK(late.resets == 1);
    pair.ours->watch_peer(nullptr);
    pair.run();
    CHECK((watch.closings == 1 && watch.resets == 1));
}
