#include "common/lightning/rpc_client.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>
#include <unordered_map>
#include <utility>

#include "common/json/fields.hpp"

namespace millrace {

const char* ErrcText<lightning::Errc>::text(lightning::Errc errc) {
    switch (errc) {
        case lightning::Errc::unreachable:
            return "lightningd cannot be reached";
        case lightning::Errc::connection_lost:
            return "the connection to lightningd was lost";
        case lightning::Errc::protocol:
            return "lightningd's answer is not JSON-RPC 2.0";
        case lightning::Errc::timed_out:
            return "lightningd did not answer in time";
        case lightning::Errc::refused:
            return "lightningd refused";
        case lightning::Errc::unexpected_reply:
            return "lightningd's answer is not what was expected";
    }
    return "unknown lightning error";
}

}  // namespace millrace

namespace millrace::lightning {

namespace asio = boost::asio;
namespace bj = boost::json;
using asio::local::stream_protocol;

namespace {

// One call under way: its timer is its time limit, and is cancelled once the outcome is there.
struct Waiter {
    explicit Waiter(const asio::any_io_executor& executor) : timer(executor) {}
    asio::steady_timer timer;
    std::optional<Result<Reply>> outcome;

    void finish(Result<Reply> result) {
        outcome = std::move(result);
        timer.cancel();
    }
};

struct Connection {
    explicit Connection(const asio::any_io_executor& executor) : socket(executor) {}
    stream_protocol::socket socket;
    std::string outgoing;  // what waits to be written
    bool writing = false;
    std::unordered_map<std::string, std::shared_ptr<Waiter>> waiting;  // by request id

    void fail_all(const Error& error) {
        boost::system::error_code ignored;
        socket.close(ignored);
        for (auto& [id, waiter] : std::exchange(waiting, {})) waiter->finish(error);
    }

    [[nodiscard]] bool open() const { return socket.is_open(); }
};

Result<Reply> read_reply(const bj::object& message) {
    if (const bj::value* result = message.if_contains("result")) return Reply{*result, std::nullopt};
    const bj::value* error = message.if_contains("error");
    if (error == nullptr) return fail(Errc::protocol, "neither result nor error");
    json::Fields in(*error, "error");
    RpcRefusal refusal;
    refusal.message = in.string("message");
    const bj::value* code = error->is_object() ? error->get_object().if_contains("code") : nullptr;
    if (in.fault() || code == nullptr || !code->is_int64())
        return fail(Errc::protocol, "an error without code and message");
    refusal.code = static_cast<int>(code->get_int64());
    if (const bj::value* data = error->get_object().if_contains("data")) refusal.data = *data;
    return Reply{nullptr, std::move(refusal)};
}

// Hands a message to the call it answers. Notifications, and answers to calls that timed out, are dropped.
bool dispatch(Connection& connection, const bj::value& value) {
    const bj::object* message = value.if_object();
    if (message == nullptr) return false;
    const bj::value* id = message->if_contains("id");
    if (id == nullptr || !id->is_string()) return true;
    const auto place = connection.waiting.find(std::string(id->get_string()));
    if (place == connection.waiting.end()) return true;
    const std::shared_ptr<Waiter> waiter = place->second;
    connection.waiting.erase(place);
    waiter->finish(read_reply(*message));
    return true;
}

// Reads until the connection ends; then every call under way fails.
asio::awaitable<void> read_loop(std::shared_ptr<Connection> connection) {
    std::array<char, 65536> buffer;
    bj::stream_parser parser;
    while (true) {
        boost::system::error_code error;
        const std::size_t size = co_await connection->socket.async_read_some(
            asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
        if (error) {
            connection->fail_all(fail(Errc::connection_lost, error.message()));
            co_return;
        }
        std::string_view in(buffer.data(), size);
        while (!in.empty()) {
            if (in.find_first_not_of(" \t\r\n") == std::string_view::npos && parser.done()) break;
            boost::system::error_code bad;
            const std::size_t used = parser.write_some(in.data(), in.size(), bad);
            if (bad) {
                connection->fail_all(fail(Errc::protocol, bad.message()));
                co_return;
            }
            in.remove_prefix(used);
            if (!parser.done()) break;
            if (!dispatch(*connection, parser.release())) {
                connection->fail_all(fail(Errc::protocol, "not an object"));
                co_return;
            }
            parser.reset();
            in.remove_prefix(std::min(in.size(), in.find_first_not_of(" \t\r\n")));
        }
    }
}

asio::awaitable<void> write_loop(std::shared_ptr<Connection> connection) {
    connection->writing = true;
    while (!connection->outgoing.empty() && connection->open()) {
        const std::string batch = std::exchange(connection->outgoing, {});
        boost::system::error_code error;
        co_await asio::async_write(connection->socket, asio::buffer(batch),
                                   asio::redirect_error(asio::use_awaitable, error));
        if (error) connection->fail_all(fail(Errc::connection_lost, error.message()));
    }
    connection->writing = false;
}

}  // namespace

struct RpcClient::State {
    asio::any_io_executor executor;
    std::string path;
    std::string caller;
    std::uint64_t next_id = 1;
    std::shared_ptr<Connection> connection;

    Result<std::shared_ptr<Connection>> connected() {
        if (connection && connection->open()) return connection;
        auto fresh = std::make_shared<Connection>(executor);
        boost::system::error_code error;
        fresh->socket.open(stream_protocol(), error);
        // Not blocking: where lightningd's backlog is full this fails at once instead of halting the caller's loop.
        if (!error) fresh->socket.non_blocking(true, error);
        if (!error && path.size() < 108) fresh->socket.connect(stream_protocol::endpoint(path), error);
        if (path.size() >= 108) error = boost::asio::error::name_too_long;
        if (error) return fail(Errc::unreachable, path + ": " + error.message());
        connection = fresh;
        asio::co_spawn(executor, read_loop(fresh), asio::detached);
        return fresh;
    }

    std::string request(const std::string& id, const std::string& method, bj::object params) {
        bj::object message;
        message["jsonrpc"] = "2.0";
        message["id"] = id;
        message["method"] = method;
        message["params"] = std::move(params);
        return bj::serialize(message) + "\n\n";
    }
};

RpcClient::RpcClient(asio::any_io_executor executor, std::string socket_path, std::string caller)
    : state_(std::make_shared<State>()) {
    state_->executor = std::move(executor);
    state_->path = std::move(socket_path);
    state_->caller = std::move(caller);
}

RpcClient::~RpcClient() {
    close();
}

void RpcClient::close() {
    if (state_->connection) state_->connection->fail_all(fail(Errc::connection_lost, "closed by this side"));
    state_->connection.reset();
}

asio::awaitable<Result<Reply>> RpcClient::exchange(std::string method, bj::object params,
                                                   std::chrono::milliseconds timeout) {
    const std::shared_ptr<State> state = state_;  // outlives this client where it is destroyed during the call
    const Result<std::shared_ptr<Connection>> connected = state->connected();
    if (!connected) co_return connected.error();
    const std::shared_ptr<Connection> connection = *connected;

    const std::string id = state->caller + ":" + method + "#" + std::to_string(state->next_id++);
    const auto waiter = std::make_shared<Waiter>(state->executor);
    connection->waiting.emplace(id, waiter);
    connection->outgoing += state->request(id, method, std::move(params));
    if (!connection->writing) asio::co_spawn(state->executor, write_loop(connection), asio::detached);

    if (timeout.count() > 0) {
        waiter->timer.expires_after(timeout);
    } else {
        waiter->timer.expires_at(asio::steady_timer::time_point::max());
    }
    boost::system::error_code ignored;
    if (!waiter->outcome) co_await waiter->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (!waiter->outcome) {
        connection->waiting.erase(id);
        co_return fail(Errc::timed_out, method);
    }
    co_return *std::move(waiter->outcome);
}

asio::awaitable<Result<bj::value>> RpcClient::call(std::string method, bj::object params,
                                                   std::chrono::milliseconds timeout) {
    Result<Reply> reply = co_await exchange(method, std::move(params), timeout);
    if (!reply) co_return reply.error();
    if (reply->refusal) {
        co_return fail(Errc::refused, method + ": " + reply->refusal->message + " (code " +
                                          std::to_string(reply->refusal->code) + ")");
    }
    co_return std::move(reply->result);
}

}  // namespace millrace::lightning
