// Core Lightning's JSON-RPC over its unix socket (lightningd-rpc.7): one connection, requests pipelined, replies in any order.
//
//   lightning::RpcClient rpc(executor, "/…/lightning-rpc", "millrace");
//   Result<json::value> info = co_await rpc.call("getinfo", {});
//
// Connects on first use and again after the connection was lost; a call that was under way then fails with
// connection_lost (whether lightningd did it is unknown: callers must be idempotent). Use one client for long calls
// (waitanyinvoice, xpay) and another for short ones. Not thread safe: all use on one executor (or strand).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/result/error.hpp"

namespace millrace::lightning {

enum class Errc {
    unreachable = 1,   // the socket cannot be connected
    connection_lost,   // the connection ended before the reply
    protocol,          // something on the socket that is not a JSON-RPC 2.0 reply
    timed_out,         // no reply within the call's time limit
    refused,           // lightningd answered with an error: see RpcRefusal
    unexpected_reply,  // a result that lacks a member or has it in another type
};

// What lightningd said where it answered with an error object.
struct RpcRefusal {
    int code = 0;
    std::string message;
    boost::json::value data;
};

// What lightningd answered: a result, or a refusal.
struct Reply {
    boost::json::value result;
    std::optional<RpcRefusal> refusal;
};

class RpcClient {
  public:
    // `caller` prefixes the ids of requests, as Core Lightning asks ("JSON IDS"): "<caller>:<method>#<n>".
    RpcClient(boost::asio::any_io_executor executor, std::string socket_path, std::string caller);
    ~RpcClient();
    RpcClient(const RpcClient&) = delete;
    RpcClient& operator=(const RpcClient&) = delete;

    // Errors: unreachable, connection_lost, protocol, timed_out. An error *answer* is a Reply with `refusal`.
    // `timeout` 0: none.
    boost::asio::awaitable<Result<Reply>> exchange(std::string method, boost::json::object params,
                                                   std::chrono::milliseconds timeout = std::chrono::seconds(30));

    // As exchange(), with an error answer turned into Errc::refused ("<method>: <message> (code <n>)").
    boost::asio::awaitable<Result<boost::json::value>> call(
        std::string method, boost::json::object params, std::chrono::milliseconds timeout = std::chrono::seconds(30));

    // Ends the connection; calls under way fail with connection_lost.
    void close();

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace millrace::lightning

namespace millrace {
template <>
struct ErrcText<lightning::Errc> {
    static constexpr const char* domain = "millrace.lightning";
    static const char* text(lightning::Errc errc);
};
}  // namespace millrace
