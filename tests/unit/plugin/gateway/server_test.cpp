#include "plugin/gateway/server.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>
#include <deque>

#include "tests/unit/catch.hpp"
#include "tests/unit/plugin/fake_node.hpp"

namespace millrace::gateway {
namespace {

namespace asio = boost::asio;
namespace bj = boost::json;
using asio::local::stream_protocol;
using test::FakeNode;

struct Gateway {
    FakeNode node;
    asio::any_io_executor executor = node.server().context().get_executor();
    std::string path = node.server().path() + "-gateway";
    std::vector<std::string> warnings;
    std::string padding;  // in the status, to make it as long as a test wants it
    host::Log log{[this](std::string_view level, std::string_view text) {
        if (level == "warn") warnings.emplace_back(text);
    }};
    invoicing::KeyStore keys{executor, node.server().client()};
    node::NodeWatch watch{executor, node.server().client(), log};
    host::Readiness ready{executor};
    invoicing::ChallengeCache cache;
    invoicing::InvoiceStyle style{"bcrt", {}, 21};
    std::uint8_t random = 0;
    host::World world{[] { return std::chrono::sys_seconds(std::chrono::seconds(1795172000)); },
                      [] { return std::chrono::steady_clock::now(); },
                      [this](std::span<std::uint8_t> out) { std::fill(out.begin(), out.end(), ++random); }};
    invoicing::Issuer issuer{
        {node.server().client(), keys, watch, ready, cache, style, world}, std::chrono::seconds(600), 100'000};
    invoicing::Settlements settlements{executor, node.server().client(), node.server().client(), keys, log};
    refunds::Refunder refunder{
        {executor, node.server().client(), node.server().client(), keys, watch, ready, style, world, log}, {}, false};
    Places::Limits limits;
    std::unique_ptr<Server> server;
    std::uint8_t sold = 0;

    void make_server() {
        const Services services{issuer,
                                settlements,
                                refunder,
                                keys,
                                watch,
                                ready,
                                [this] { return bj::object{{"fine", true}, {"padding", padding}}; },
                                log};
        server = std::make_unique<Server>(executor, path, services, limits);
    }

    Gateway() {
        make_server();
        keys.changed = [this] { server->send_keys(); };
        watch.changed = [this] { server->wake(); };
        settlements.settled = [this] { server->wake(); };
        node.server().run([this]() -> asio::awaitable<void> {
            const auto keys_loaded = co_await keys.load();
            const auto node_loaded = co_await watch.load();
            REQUIRE(keys_loaded);
            REQUIRE(node_loaded);
        });
        ready.set();
        asio::co_spawn(executor, settlements.follow(), asio::detached);
    }
    ~Gateway() {
        server->close();
        node.server().context().restart();
        node.server().context().poll();
        ::unlink(path.c_str());
    }

    void open() {
        asio::co_spawn(executor, server->run(), asio::detached);
        turn(10);
    }
    void turn(int milliseconds) {
        node.server().run([this, milliseconds]() -> asio::awaitable<void> {
            co_await host::pause(executor, std::chrono::milliseconds(milliseconds));
        });
    }
    void sell() {
        const std::string hash = std::string(62, '0') + codec::to_hex(std::array{++sold});
        node.invoices().push_back(
            {{"label", "millrace-" + hash}, {"payment_hash", hash}, {"amount_msat", 1000}, {"status", "unpaid"}});
        node.pay(hash);
    }
};

struct Client {
    stream_protocol::socket socket;
    std::string buffer;

    explicit Client(Gateway& gateway) : socket(gateway.executor) {
        socket.connect(stream_protocol::endpoint(gateway.path));
    }

    asio::awaitable<void> send(std::string line) {
        line += "\n";
        co_await asio::async_write(socket, asio::buffer(line), asio::use_awaitable);
    }
    asio::awaitable<bj::object> receive() {
        const std::size_t size =
            co_await asio::async_read_until(socket, asio::dynamic_buffer(buffer), '\n', asio::use_awaitable);
        const bj::value message = bj::parse(std::string_view(buffer).substr(0, size - 1));
        buffer.erase(0, size);
        co_return message.as_object();
    }
    asio::awaitable<bj::object> ask(std::string method, std::string params) {
        co_await send(R"({"jsonrpc":"2.0","id":1,"method":")" + method + R"(","params":)" + params + "}");
        const bj::object got = co_await receive();
        co_return got;
    }
    asio::awaitable<void> greet() {
        const bj::object got = co_await ask("hello", R"({"protocol":1,"client":"test"})");
        CHECK(got.at("result").at("network") == "regtest");
        CHECK(got.at("result").at("blockheight") == 110);
    }
};

const char* const one = R"({"amount_msat":1000,"service":"weather"})";

TEST_CASE("a client gets challenges, keys and status, and nothing else") {
    Gateway gateway;
    gateway.open();
    gateway.node.server().run([&]() -> asio::awaitable<void> {
        Client client(gateway);
        co_await client.greet();
        const bj::object issued = co_await client.ask("issue", one);
        CHECK(issued.at("result").at("amount_msat") == 1000);
        const bj::object batch = co_await client.ask(
            "issue", R"({"batch":[)" + std::string(one) + R"(,{"amount_msat":0,"service":"a"},)" + one + "]}");
        const bj::array& items = batch.at("result").at("batch").as_array();
        REQUIRE(items.size() == 3);
        CHECK(items[0].at("result").at("payment_hash") != items[2].at("result").at("payment_hash"));
        CHECK(items[1].at("error").at("code") == -32602);
        const bj::object keys = co_await client.ask("keys", "{}");
        CHECK(keys.at("result").at("current") == 1);
        const bj::object status = co_await client.ask("status", "{}");
        CHECK(status.at("result").at("fine") == true);
        const bj::object spending = co_await client.ask("xpay", "{}");
        CHECK(spending.at("error").at("code") == -32601);
    });
    CHECK(gateway.node.calls("xpay") == 0);
    REQUIRE(gateway.server->clients().size() == 1);
    CHECK(gateway.server->clients().front().name == "test");
}

// True once the other side has closed.
asio::awaitable<bool> ended(Client& client) {
    boost::system::error_code error;
    std::array<char, 1> byte{};
    co_await client.socket.async_read_some(asio::buffer(byte), asio::redirect_error(asio::use_awaitable, error));
    co_return error == asio::error::eof || error == asio::error::connection_reset;
}

TEST_CASE("N3: a node off line issues nothing over the gateway, and says why") {
    Gateway gateway;
    gateway.node.connect(false);
    gateway.open();
    gateway.node.server().run([&]() -> asio::awaitable<void> {
        const auto loaded = co_await gateway.watch.load();
        CHECK(loaded);
        Client client(gateway);
        co_await client.greet();
        const bj::object refused = co_await client.ask("issue", one);
        CHECK(refused.at("error").at("code") == 4024);
        CHECK(std::string(refused.at("error").at("message").as_string()).find("nobody can pay it") !=
              std::string::npos);
        const bj::object batch = co_await client.ask("issue", R"({"batch":[)" + std::string(one) + "]}");
        CHECK(batch.at("error").at("code") == 4024);
        const bj::object keys = co_await client.ask("keys", "{}");
        CHECK(keys.at("result").at("current") == 1);
    });
}

TEST_CASE("N12: connections that never say hello lock nobody out, and are ended") {
    Gateway gateway;
    gateway.limits.hello_patience = std::chrono::milliseconds(60);
    gateway.make_server();
    gateway.open();
    std::deque<Client> silent;
    for (int i = 0; i < 64; ++i) silent.emplace_back(gateway);
    gateway.turn(20);
    gateway.node.server().run([&]() -> asio::awaitable<void> {
        Client service(gateway);
        co_await service.greet();
        const bj::object subscribed = co_await service.ask("subscribe", R"({"next_pay_index":1})");
        CHECK(subscribed.at("result").at("next_pay_index") == 1);
        // One that says half a hello is no better.
        co_await asio::async_write(silent.back().socket,
                                   asio::buffer(std::string_view(R"({"jsonrpc":"2.0","id":1,"method":"hello")")),
                                   asio::use_awaitable);
        for (Client& client : silent) {
            const bool gone = co_await ended(client);
            CHECK(gone);
        }
        co_await service.receive();  // the figures
        const bj::object issued = co_await service.ask("issue", one);
        CHECK(issued.at("result").at("amount_msat") == 1000);
    });
    CHECK(gateway.server->clients().size() == 1);
}

TEST_CASE("N12: a client without a place is told so") {
    Gateway gateway;
    gateway.limits.clients = 2;
    gateway.make_server();
    gateway.open();
    gateway.node.server().run([&]() -> asio::awaitable<void> {
        Client first(gateway), second(gateway), third(gateway);
        for (Client* client : {&first, &second}) {
            co_await client->greet();
            co_await client->ask("subscribe", R"({"next_pay_index":1})");
        }
        const bj::object refused = co_await third.ask("hello", R"({"protocol":1,"client":"third"})");
        CHECK(refused.at("error").at("code") == 4020);
        const bool gone = co_await ended(third);
        CHECK(gone);
    });
    CHECK(gateway.server->clients().size() == 2);
}

TEST_CASE("N9: a socket whose folder is missing is trouble that can be asked for, until the folder is there") {
    Gateway gateway;
    const std::string folder = gateway.path + "-folder";
    gateway.path = folder + "/millrace.sock";
    gateway.make_server();
    CHECK_FALSE(gateway.server->open());
    CHECK_FALSE(gateway.server->listening());
    REQUIRE(gateway.server->trouble());
    CHECK(gateway.server->trouble()->find(gateway.path + ": No such file or directory") != std::string::npos);
    REQUIRE(::mkdir(folder.c_str(), 0700) == 0);
    CHECK(gateway.server->open());
    CHECK_FALSE(gateway.server->trouble());
    CHECK(gateway.server->listening());
    gateway.server->close();
    ::rmdir(folder.c_str());
}

TEST_CASE("a subscriber gets what it missed and then what comes, in order and once") {
    Gateway gateway;
    gateway.open();
    for (int i = 0; i < 5; ++i) gateway.sell();
    gateway.node.server().run([&]() -> asio::awaitable<void> {
        Client client(gateway);
        co_await client.greet();
        const bj::object subscribed = co_await client.ask("subscribe", R"({"next_pay_index":3})");
        CHECK(subscribed.at("result").at("next_pay_index") == 3);
        std::vector<std::uint64_t> got;
        bool figures = false, rotated = false;
        while (got.size() < 6 || !rotated) {
            const bj::object notice = co_await client.receive();
            if (notice.at("method") == "settlement") {
                got.push_back(notice.at("params").at("settlement").at("pay_index").to_number<std::uint64_t>());
                if (got.size() == 3) {
                    gateway.sell();
                    gateway.node.add_paid("own");
                    gateway.sell();
                }
                if (got.size() == 5) {
                    gateway.sell();
                    const auto done = co_await gateway.keys.rotate(std::chrono::sys_seconds{});
                    CHECK(done);
                }
            } else if (notice.at("method") == "node") {
                figures = notice.at("params").at("node").at("blockheight") == 110;
            } else if (notice.at("method") == "keys") {
                rotated = notice.at("params").at("current") == 2;
            }
        }
        CHECK(got == std::vector<std::uint64_t>{3, 4, 5, 6, 8, 9});
        CHECK(figures);
    });
}

TEST_CASE("figures are told when they change and not otherwise") {
    Gateway gateway;
    gateway.open();
    gateway.node.server().run([&]() -> asio::awaitable<void> {
        Client client(gateway);
        co_await client.greet();
        const bj::object subscribed = co_await client.ask("subscribe", R"({"next_pay_index":0})");
        CHECK(subscribed.contains("result"));
        const bj::object first = co_await client.receive();
        CHECK(first.at("params").at("node").at("blockheight") == 110);
        gateway.watch.on_block(110);
        gateway.watch.on_block(111);
        const bj::object second = co_await client.receive();
        CHECK(second.at("params").at("node").at("blockheight") == 111);
    });
}

TEST_CASE("a client that does not read is cut off, and the others are served on") {
    Gateway gateway;
    gateway.open();
    gateway.node.server().run([&]() -> asio::awaitable<void> {
        Client greedy(gateway), modest(gateway);
        co_await greedy.greet();
        co_await modest.greet();
        gateway.padding = std::string(256 * 1024, 'x');
        const std::string ask = R"({"jsonrpc":"2.0","id":1,"method":"status","params":{}})"
                                "\n";
        bool refused = false;
        for (int i = 0; i < 60 && !refused; ++i) {
            boost::system::error_code error;
            co_await asio::async_write(greedy.socket, asio::buffer(ask),
                                       asio::redirect_error(asio::use_awaitable, error));
            const bj::object served = co_await modest.ask("status", "{}");
            CHECK(served.contains("result"));
            refused = error || gateway.server->clients().size() == 1;
        }
        CHECK(refused);
    });
    REQUIRE_FALSE(gateway.warnings.empty());
    CHECK(gateway.warnings.back().find("is cut off") != std::string::npos);
}

TEST_CASE("an endless line ends its connection") {
    Gateway gateway;
    gateway.open();
    gateway.node.server().run([&]() -> asio::awaitable<void> {
        Client client(gateway);
        const std::string endless(max_line + 1, 'x');
        boost::system::error_code error;
        co_await asio::async_write(client.socket, asio::buffer(endless),
                                   asio::redirect_error(asio::use_awaitable, error));
        char byte = 0;
        if (!error)
            co_await client.socket.async_read_some(asio::buffer(&byte, 1),
                                                   asio::redirect_error(asio::use_awaitable, error));
        CHECK(error);
    });
    REQUIRE(gateway.warnings.size() == 1);
}

TEST_CASE("the socket is for owner and group, and goes with its server") {
    Gateway gateway;
    gateway.open();
    struct stat made {};
    REQUIRE(::stat(gateway.path.c_str(), &made) == 0);
    CHECK((made.st_mode & 07777) == 0660);
    CHECK(gateway.server->listening());
    gateway.server->close();
    CHECK(::stat(gateway.path.c_str(), &made) != 0);
}

}  // namespace
}  // namespace millrace::gateway
