#include "common/lightning/rpc_client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/serialize.hpp>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/catch.hpp"
#include "tests/unit/common/lightning/fake_lightningd.hpp"

namespace millrace::lightning {
namespace {

namespace asio = boost::asio;
namespace bj = boost::json;
using namespace asio::experimental::awaitable_operators;
using std::chrono::milliseconds;
using Peer = FakeLightningd::Peer;

asio::awaitable<void> pause(milliseconds time) {
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait(asio::use_awaitable);
}

// Makes one call and leaves its outcome in `out`.
asio::awaitable<void> call_into(std::shared_ptr<RpcClient> rpc, std::string method, Result<bj::value>& out,
                                milliseconds timeout) {
    bj::object params;
    out = co_await rpc->call(std::move(method), std::move(params), timeout);
}

Result<bj::value> call(FakeLightningd& node, const std::shared_ptr<RpcClient>& rpc, std::string method,
                       milliseconds timeout = std::chrono::seconds(5)) {
    Result<bj::value> out = bj::value();
    node.run([&] { return call_into(rpc, method, out, timeout); });
    return out;
}

void require_error(const Result<bj::value>& result, Errc errc) {
    REQUIRE_FALSE(result);
    CAPTURE(result.error().message);
    CHECK(is(result.error(), errc));
}

TEST_CASE("A call is a JSON-RPC 2.0 request with an id as Core Lightning asks, and its result comes back") {
    FakeLightningd node;
    node.on_request([](Peer& peer, const bj::object& request) {
        peer.send(reply(request, bj::object{{"id", "02ab"}}));
    });
    const auto rpc = node.client();
    const Result<bj::value> result = call(node, rpc, "getinfo");
    REQUIRE(result);
    CHECK(*result == bj::value(bj::object{{"id", "02ab"}}));
    REQUIRE(node.requests().size() == 1);
    const bj::object& request = node.requests()[0];
    CHECK(request.at("jsonrpc") == bj::value("2.0"));
    CHECK(request.at("method") == bj::value("getinfo"));
    CHECK(request.at("params").is_object());
    CHECK(std::string(request.at("id").get_string()).starts_with("test:getinfo#"));
}

TEST_CASE("One connection serves all calls") {
    FakeLightningd node;
    node.on_request([](Peer& peer, const bj::object& request) { peer.send(reply(request, 1)); });
    const auto rpc = node.client();
    for (int i = 0; i < 5; ++i) CHECK(call(node, rpc, "getinfo"));
    CHECK(node.connections() == 1);
    std::set<std::string> ids;
    for (const bj::object& request : node.requests()) ids.insert(std::string(request.at("id").get_string()));
    CHECK(ids.size() == 5);
}

asio::awaitable<void> call_n(std::shared_ptr<RpcClient> rpc, int n, std::vector<Result<bj::value>>& out,
                             std::size_t& open) {
    bj::object params;
    params["n"] = n;
    out[static_cast<std::size_t>(n)] =
        co_await rpc->call("m" + std::to_string(n), std::move(params), std::chrono::seconds(5));
    --open;
}

// Makes `count` calls at once and waits for all of them.
asio::awaitable<void> call_many(std::shared_ptr<RpcClient> rpc, std::vector<Result<bj::value>>& out) {
    std::size_t open = out.size();
    const auto executor = co_await asio::this_coro::executor;
    for (std::size_t n = 0; n < out.size(); ++n)
        asio::co_spawn(executor, call_n(rpc, static_cast<int>(n), out, open), asio::detached);
    while (open > 0) co_await pause(milliseconds(1));
}

TEST_CASE("Requests are pipelined, and replies in any order reach their own calls") {
    FakeLightningd node;
    constexpr std::size_t count = 100;
    std::vector<bj::object> held;
    node.on_request([&held](Peer& peer, const bj::object& request) {
        held.push_back(request);
        if (held.size() < count) return;  // not one answer before the last request is there
        for (auto each = held.rbegin(); each != held.rend(); ++each)
            peer.send(reply(*each, each->at("params").at("n")));
    });
    std::vector<Result<bj::value>> results(count, bj::value());
    const auto rpc = node.client();
    node.run([&] { return call_many(rpc, results); });
    CHECK(node.connections() == 1);
    for (std::size_t n = 0; n < count; ++n) {
        REQUIRE(results[n]);
        CHECK(*results[n] == bj::value(n));
    }
}

TEST_CASE("Replies are read however the stream is cut") {
    FakeLightningd node;
    const auto rpc = node.client();
    SECTION("byte by byte") {
        node.on_request([](Peer& peer, const bj::object& request) {
            for (const char c : reply(request, bj::object{{"text", "\xc3\xa9 \"}{\\"}})) peer.send(std::string(1, c));
        });
        CHECK(call(node, rpc, "getinfo").value() == bj::value(bj::object{{"text", "\xc3\xa9 \"}{\\"}}));
    }
    SECTION("several in one piece, with and without blank lines between them") {
        std::string together;
        int seen = 0;
        node.on_request([&](Peer& peer, const bj::object& request) {
            std::string one = reply(request, request.at("params").at("n"));
            if (seen % 2 == 0) one = one.substr(0, one.size() - 2);
            together += one;
            if (++seen == 10) peer.send(together);
        });
        std::vector<Result<bj::value>> results(10, bj::value());
        node.run([&] { return call_many(rpc, results); });
        for (std::size_t n = 0; n < results.size(); ++n) CHECK(results[n].value() == bj::value(n));
    }
    SECTION("larger than any buffer") {
        const std::string large(3'000'000, 'x');
        node.on_request([&](Peer& peer, const bj::object& request) {
            // Not from the handler in one go: the client reads on the same thread.
            peer.send("{\"jsonrpc\":\"2.0\",\"id\":" + bj::serialize(request.at("id")) + ",\"result\":[");
            asio::co_spawn(
                node.context(),
                [](Peer& to, std::string text) -> asio::awaitable<void> {
                    for (int i = 0; i < 30; ++i) {
                        to.send((i == 0 ? "\"" : ",\"") + text.substr(0, 100'000) + "\"");
                        co_await pause(milliseconds(1));
                    }
                    to.send("]}\n\n");
                }(peer, large),
                asio::detached);
        });
        const Result<bj::value> result = call(node, rpc, "listinvoices");
        REQUIRE(result);
        CHECK(result->as_array().size() == 30);
    }
}

TEST_CASE("Notifications and answers to unknown calls are passed over") {
    FakeLightningd node;
    node.on_request([](Peer& peer, const bj::object& request) {
        peer.send(
            R"({"jsonrpc":"2.0","method":"message","params":{"id":"test:getinfo#1","level":"info","message":"working"}})"
            "\n\n");
        peer.send(R"({"jsonrpc":"2.0","id":"somebody:else#1","result":1})"
                  "\n\n");
        peer.send(R"({"jsonrpc":"2.0","id":7,"result":1})"
                  "\n\n");
        peer.send(reply(request, 2));
    });
    const auto rpc = node.client();
    CHECK(call(node, rpc, "getinfo").value() == bj::value(2));
}

TEST_CASE("Of two answers to one call the first counts") {
    FakeLightningd node;
    node.on_request(
        [](Peer& peer, const bj::object& request) { peer.send(reply(request, "first") + reply(request, "second")); });
    const auto rpc = node.client();
    CHECK(call(node, rpc, "getinfo").value() == bj::value("first"));
    CHECK(call(node, rpc, "getinfo").value() == bj::value("first"));
}

asio::awaitable<void> exchange_into(std::shared_ptr<RpcClient> rpc, Result<Reply>& out) {
    bj::object params;
    out = co_await rpc->exchange("createinvoice", std::move(params));
}

TEST_CASE("An error answer is a refusal with its code, message and data") {
    FakeLightningd node;
    node.on_request([](Peer& peer, const bj::object& request) {
        peer.send("{\"jsonrpc\":\"2.0\",\"id\":" + bj::serialize(request.at("id")) +
                  R"(,"error":{"code":900,"message":"Duplicate label","data":{"status":"unpaid"}}})"
                  "\n\n");
    });
    const auto rpc = node.client();
    Result<Reply> reply = Reply{};
    node.run([&] { return exchange_into(rpc, reply); });
    REQUIRE(reply);
    REQUIRE(reply->refusal);
    CHECK(reply->refusal->code == 900);
    CHECK(reply->refusal->message == "Duplicate label");
    CHECK(reply->refusal->data.at("status") == bj::value("unpaid"));

    const Result<bj::value> result = call(node, rpc, "createinvoice");
    require_error(result, Errc::refused);
    CHECK(result.error().message.find("createinvoice: Duplicate label (code 900)") != std::string::npos);
}

TEST_CASE("A negative error code is kept") {
    FakeLightningd node;
    node.on_request(
        [](Peer& peer, const bj::object& request) { peer.send(refusal(request, -32601, "Unknown command 'x'")); });
    const auto rpc = node.client();
    Result<Reply> reply = Reply{};
    node.run([&] { return exchange_into(rpc, reply); });
    REQUIRE(reply);
    REQUIRE(reply->refusal);
    CHECK(reply->refusal->code == -32601);
}

TEST_CASE("Where nothing listens the node is unreachable, and is found once it listens") {
    FakeLightningd node;
    node.on_request([](Peer& peer, const bj::object& request) { peer.send(reply(request, 1)); });
    const auto rpc = node.client();
    node.stop_listening();
    const Result<bj::value> result = call(node, rpc, "getinfo");
    require_error(result, Errc::unreachable);
    CHECK(result.error().message.find(node.path()) != std::string::npos);
    node.listen();
    CHECK(call(node, rpc, "getinfo"));
}

TEST_CASE("A path that no unix socket can have is unreachable, not an exception") {
    FakeLightningd node;
    const auto rpc =
        std::make_shared<RpcClient>(node.context().get_executor(), "/tmp/" + std::string(200, 'x'), "test");
    require_error(call(node, rpc, "getinfo"), Errc::unreachable);
}

TEST_CASE("When the connection ends, every call under way fails, and the next call connects anew") {
    FakeLightningd node;
    int seen = 0;
    node.on_request([&seen](Peer& peer, const bj::object& request) {
        if (++seen < 5) return;
        if (seen == 5) {
            peer.send("{\"jsonrpc\":\"2.0\",\"id\":");  // in the middle of an answer
            peer.hang_up();
            return;
        }
        peer.send(reply(request, "again"));
    });
    const auto rpc = node.client();
    std::vector<Result<bj::value>> results(5, bj::value());
    node.run([&] { return call_many(rpc, results); });
    for (const Result<bj::value>& result : results) require_error(result, Errc::connection_lost);
    CHECK(call(node, rpc, "getinfo").value() == bj::value("again"));
    CHECK(node.connections() == 2);
}

TEST_CASE("Something else than JSON-RPC on the socket ends the connection and fails its calls") {
    for (const char* text : {"HTTP/1.1 400 Bad Request\r\n\r\n", "[1]\n\n", "\"x\"\n\n", "{\"id\":}\n\n", "{}}\n\n"}) {
        CAPTURE(text);
        FakeLightningd node;
        int seen = 0;
        node.on_request([&](Peer& peer, const bj::object& request) {
            peer.send(++seen == 1 ? std::string(text) : reply(request, 1));
        });
        const auto rpc = node.client();
        require_error(call(node, rpc, "getinfo"), Errc::protocol);
        CHECK(call(node, rpc, "getinfo"));
        CHECK(node.connections() == 2);
    }
}

TEST_CASE("An answer without result or with a malformed error fails its own call alone") {
    for (const char* tail : {"}", ",\"error\":7}", ",\"error\":{}}", ",\"error\":{\"code\":\"x\",\"message\":\"y\"}}",
                             ",\"error\":{\"code\":1}}"}) {
        CAPTURE(tail);
        FakeLightningd node;
        int seen = 0;
        node.on_request([&](Peer& peer, const bj::object& request) {
            peer.send(++seen == 1 ? "{\"jsonrpc\":\"2.0\",\"id\":" + bj::serialize(request.at("id")) + tail + "\n\n"
                                  : reply(request, 1));
        });
        const auto rpc = node.client();
        require_error(call(node, rpc, "getinfo"), Errc::protocol);
        CHECK(call(node, rpc, "getinfo"));
        CHECK(node.connections() == 1);
    }
}

asio::awaitable<void> slow_then_quick(std::shared_ptr<RpcClient> rpc, Result<bj::value>& slow,
                                      Result<bj::value>& quick) {
    bj::object params;
    slow = co_await rpc->call("slow", params, milliseconds(50));
    quick = co_await rpc->call("quick", params, std::chrono::seconds(5));
}

TEST_CASE("A call without an answer ends at its time limit, and its late answer harms no other") {
    FakeLightningd node;
    bj::object held;
    node.on_request([&held](Peer& peer, const bj::object& request) {
        if (request.at("method") == bj::value("slow")) {
            held = request;
            return;
        }
        peer.send(reply(held, "late"));
        peer.send(reply(request, "in time"));
    });
    const auto rpc = node.client();
    Result<bj::value> slow = bj::value();
    Result<bj::value> quick = bj::value();
    const auto started = std::chrono::steady_clock::now();
    node.run([&] { return slow_then_quick(rpc, slow, quick); });
    require_error(slow, Errc::timed_out);
    CHECK(slow.error().message.find("slow") != std::string::npos);
    CHECK(std::chrono::steady_clock::now() - started >= milliseconds(50));
    REQUIRE(quick);
    CHECK(*quick == bj::value("in time"));
    CHECK(node.connections() == 1);
}

asio::awaitable<void> long_call_and_close(std::shared_ptr<RpcClient> rpc, Result<bj::value>& out) {
    co_await (call_into(rpc, "waitanyinvoice", out, milliseconds(0)) &&
                  [](std::shared_ptr<RpcClient> closing) -> asio::awaitable<void> {
        co_await pause(milliseconds(30));
        closing->close();
    }(rpc));
}

TEST_CASE("close() fails the calls under way, one without time limit among them") {
    FakeLightningd node;
    const auto rpc = node.client();
    Result<bj::value> result = bj::value();
    node.run([&] { return long_call_and_close(rpc, result); });
    require_error(result, Errc::connection_lost);
    node.on_request([](Peer& peer, const bj::object& request) { peer.send(reply(request, 1)); });
    CHECK(call(node, rpc, "getinfo"));
}

TEST_CASE("A client may go while a call is under way") {
    FakeLightningd node;
    auto rpc = node.client();
    Result<bj::value> result = bj::value();
    RpcClient* const raw = rpc.get();
    node.run([&]() -> asio::awaitable<void> {
        return
            [](RpcClient* client, std::shared_ptr<RpcClient>& owner, Result<bj::value>& out) -> asio::awaitable<void> {
                const auto executor = co_await asio::this_coro::executor;
                asio::co_spawn(
                    executor,
                    [](std::shared_ptr<RpcClient>& holder) -> asio::awaitable<void> {
                        co_await pause(milliseconds(20));
                        holder.reset();
                    }(owner),
                    asio::detached);
                bj::object params;
                out = co_await client->call("slow", std::move(params), std::chrono::seconds(5));
            }(raw, rpc, result);
    });
    CHECK(rpc == nullptr);
    require_error(result, Errc::connection_lost);
}

TEST_CASE("Large requests are written whole") {
    FakeLightningd node;
    node.on_request([](Peer& peer, const bj::object& request) {
        peer.send(reply(request, request.at("params").at("text").get_string().size()));
    });
    const auto rpc = node.client();
    Result<bj::value> result = bj::value();
    node.run([&]() -> asio::awaitable<void> {
        return [](std::shared_ptr<RpcClient> client, Result<bj::value>& out) -> asio::awaitable<void> {
            bj::object params;
            params["text"] = std::string(2'000'000, 'y');
            out = co_await client->call("datastore", std::move(params));
        }(rpc, result);
    });
    REQUIRE(result);
    CHECK(*result == bj::value(2'000'000));
}

}  // namespace
}  // namespace millrace::lightning
