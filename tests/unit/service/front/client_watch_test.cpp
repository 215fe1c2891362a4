#include "service/front/client_watch.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <optional>

#include "service/async/spawn.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace::front;
using namespace millrace::http;
using namespace std::chrono_literals;

namespace {

// A client's connection over TCP, and an upstream that says nothing.
struct House {
    asio::io_context context;
    asio::executor_work_guard<Executor> goes_on{context.get_executor()};
    Watchdog dog;
    asio::basic_socket_acceptor<asio::ip::tcp, Executor> acceptor{
        context.get_executor(), asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
    asio::basic_stream_socket<asio::ip::tcp, Executor> client{context.get_executor()};
    std::optional<Stream> ours;
    std::optional<Stream> upstream;
    asio::basic_stream_socket<asio::ip::tcp, Executor> server{context.get_executor()};
    ClientWatch watch{dog};

    House() {
        auto dial = [&](auto& from) {
            from.connect(acceptor.local_endpoint());
            auto accepted = acceptor.accept();
            const auto protocol = accepted.local_endpoint().protocol();
            Socket socket(context.get_executor());
            socket.assign(asio::generic::stream_protocol(protocol), accepted.release());
            return socket;
        };
        ours.emplace(dial(client));
        upstream.emplace(dial(server));
    }

    // Lets the watchdog look, as it would after each of its periods.
    void pass(std::chrono::milliseconds time) {
        const auto step = 5ms;
        for (auto passed = 0ms; passed < time; passed += step) {
            context.run_for(step);
            context.restart();
            dog.look(Watchdog::Clock::now());
        }
    }
    void reset() {
        client.set_option(asio::socket_base::linger(true, 0));
        client.close();
    }
};

Awaitable<> wait(millrace::async::Wakeup& wakeup, bool& woken) {
    co_await wakeup.wait();
    woken = true;
}

}  // namespace

TEST_CASE("H5: a client that resets its connection has left, once the wait lasts") {
    House house;
    house.watch.begin(*house.ours, *house.upstream, 10s, true);
    house.pass(150ms);
    CHECK_FALSE(house.watch.left());
    house.reset();
    house.pass(200ms);
    CHECK(house.watch.left());
    house.watch.end();
    CHECK(house.watch.left());
    house.watch.forget();
    CHECK_FALSE(house.watch.left());
}

TEST_CASE("H5: one that left before the watch looks is found gone") {
    House house;
    house.watch.begin(*house.ours, *house.upstream, 10s, true);
    house.reset();
    house.pass(400ms);
    CHECK(house.watch.left());
}

TEST_CASE("M9: one that closes its side has left after a while in which nothing comes") {
    House house;
    house.watch.begin(*house.ours, *house.upstream, 1500ms, true);
    house.client.shutdown(asio::socket_base::shutdown_send);
    house.pass(300ms);
    CHECK_FALSE(house.watch.left());
    house.watch.touch();
    house.pass(400ms);
    CHECK_FALSE(house.watch.left());
    house.pass(1800ms);
    CHECK(house.watch.left());
}

TEST_CASE("M9: before the request is whole a closed side counts for nothing, and a reset does") {
    House house;
    house.watch.begin(*house.ours, *house.upstream, 30ms, false);
    house.client.shutdown(asio::socket_base::shutdown_send);
    house.pass(200ms);
    CHECK_FALSE(house.watch.left());
    SECTION("then it goes out whole") {
        house.watch.request_is_whole();
        house.pass(300ms);
        CHECK(house.watch.left());
    }
    SECTION("then it is reset") {
        house.reset();
        house.pass(200ms);
        CHECK(house.watch.left());
    }
}

TEST_CASE("H5: what the client sends meanwhile is left alone, and one that is no more watched is not missed") {
    House house;
    house.watch.begin(*house.ours, *house.upstream, 10s, true);
    house.client.send(asio::buffer("GET / HTTP/1.1", 14));
    house.pass(150ms);
    CHECK_FALSE(house.watch.left());
    char first = 0;
    ErrorCode error;
    CHECK(house.ours->reading().read_now(&first, 1, error) == 1);
    CHECK(first == 'G');
    house.watch.end();
    house.reset();
    house.pass(150ms);
    CHECK_FALSE(house.watch.left());
}

TEST_CASE("H5: a client that leaves wakes who waits for something else meanwhile, as long as they wait") {
    House house;
    millrace::async::Wakeup wakeup(house.context.get_executor());
    bool woken = false;
    millrace::async::spawn(house.context.get_executor(), wait(wakeup, woken), "a test");
    house.watch.begin(*house.ours, *house.upstream, 10s, true);
    house.watch.wakes(&wakeup);
    house.pass(150ms);
    CHECK_FALSE(woken);
    SECTION("it leaves") {
        house.reset();
        house.pass(200ms);
        CHECK(woken);
    }
    SECTION("nobody waits any more") {
        house.watch.wakes(nullptr);
        house.reset();
        house.pass(200ms);
        CHECK(house.watch.left());
        CHECK_FALSE(woken);
    }
}
