// One client of the gateway.
//
// Three coroutines: one reads requests, one writes, and after `subscribe` one feeds settlements and figures. Requests are
// served side by side, at most so many at a time; then no more are read. What is written waits in a bounded queue: a client
// that lets it fill, or takes nothing for a while, is cut off. So a client can neither hold up the node nor use its memory.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <functional>
#include <memory>
#include <string>

#include "plugin/gateway/protocol.hpp"
#include "plugin/host/log.hpp"
#include "plugin/host/signal.hpp"
#include "plugin/invoicing/issuer.hpp"
#include "plugin/invoicing/key_store.hpp"
#include "plugin/invoicing/settlements.hpp"
#include "plugin/node/node_watch.hpp"
#include "plugin/refunds/refunder.hpp"

namespace millrace::gateway {

// What a session works with; all of it outlives every session.
struct Services {
    invoicing::Issuer& issuer;
    invoicing::Settlements& settlements;
    refunds::Refunder& refunder;
    invoicing::KeyStore& keys;
    node::NodeWatch& node;
    host::Readiness& ready;
    std::function<boost::json::object()> status;
    const host::Log& log;
};

class Session : public std::enable_shared_from_this<Session> {
  public:
    using Socket = boost::asio::local::stream_protocol::socket;

    // What the server is told. `greeted`: the client said hello; false where there is no place for it.
    struct Watcher {
        std::function<bool()> greeted;
        std::function<void()> subscribed;
        std::function<void()> ended;
    };

    // A client that has not said hello after `hello_patience` is cut off.
    Session(Socket socket, const Services& services, std::chrono::milliseconds hello_patience, Watcher watcher);

    void start();
    void close();

    // Something was paid, or the node's figures changed.
    void wake();
    // A key epoch came or went.
    void send_keys();

    // As the client named itself; empty before its hello.
    [[nodiscard]] const std::string& client() const { return client_; }
    [[nodiscard]] bool subscribed() const { return subscribed_; }

  private:
    boost::asio::awaitable<void> read();
    boost::asio::awaitable<void> write();
    boost::asio::awaitable<void> watch_progress();
    boost::asio::awaitable<void> wait_for_hello();
    boost::asio::awaitable<void> feed(std::uint64_t next_pay_index);
    boost::asio::awaitable<void> serve(Request request);
    boost::asio::awaitable<std::variant<boost::json::object, RpcError>> answer(Call call);
    boost::asio::awaitable<boost::json::object> issue_batch(BatchCall call);
    void on_line(std::string_view line);
    void send(std::string line);
    void cut_off(std::string_view why);
    void send_figures();

    Socket socket_;
    const Services& services_;
    std::chrono::milliseconds hello_patience_;
    Watcher watcher_;
    Protocol protocol_;
    std::string client_;
    std::string outgoing_;        // what waits to be written
    std::size_t in_writing_ = 0;  // bytes handed to the socket
    std::uint64_t written_ = 0;   // bytes the client took so far
    std::size_t under_way_ = 0;   // requests being served
    bool subscribed_ = false;
    bool fresh_news_ = false;
    bool refused_ = false;  // there is no place for it
    bool closed_ = false;
    std::optional<NodeFigures> figures_sent_;
    host::Signal to_write_;
    host::Signal written_some_;
    host::Signal served_;
    host::Signal news_;
};

}  // namespace millrace::gateway
