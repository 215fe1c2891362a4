// A server on a unix socket that speaks as much JSON-RPC as a test tells it to: it records the requests of every
// connection and writes back exactly the bytes it is given, cut where the test wants them cut.
//
//   FakeLightningd node;
//   node.on_request([](FakeLightningd::Peer& peer, const boost::json::object& request) {
//       peer.send(reply(request, 7));
//   });
//   auto rpc = node.client();
//   node.run([&]() -> asio::awaitable<void> { ... co_await rpc->call("getinfo", {}) ... });
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/lightning/rpc_client.hpp"

namespace millrace::lightning {

class FakeLightningd {
  public:
    // The server's end of one connection.
    class Peer {
      public:
        explicit Peer(boost::asio::local::stream_protocol::socket socket) : socket_(std::move(socket)) {}
        void send(std::string_view text);  // all of it before it returns
        void hang_up();
        boost::asio::local::stream_protocol::socket& socket() { return socket_; }

      private:
        boost::asio::local::stream_protocol::socket socket_;
    };

    using RequestHandler = std::function<void(Peer&, const boost::json::object& request)>;

    FakeLightningd();
    ~FakeLightningd();
    FakeLightningd(const FakeLightningd&) = delete;
    FakeLightningd& operator=(const FakeLightningd&) = delete;

    void on_request(RequestHandler handler) { handler_ = std::move(handler); }
    void stop_listening();  // the socket's file vanishes too
    void listen();

    [[nodiscard]] std::shared_ptr<RpcClient> client();
    [[nodiscard]] boost::asio::io_context& context() { return context_; }
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] const std::vector<boost::json::object>& requests() const { return requests_; }
    [[nodiscard]] int connections() const { return connections_; }

    // Runs the coroutine that `make` returns to its end; fails the test if it takes longer than ten seconds.
    void run(const std::function<boost::asio::awaitable<void>()>& make);

  private:
    boost::asio::awaitable<void> accept_loop(std::shared_ptr<boost::asio::local::stream_protocol::acceptor> acceptor);
    boost::asio::awaitable<void> serve(std::shared_ptr<Peer> peer);

    boost::asio::io_context context_{1};
    std::string directory_;
    std::string path_;
    std::shared_ptr<boost::asio::local::stream_protocol::acceptor> acceptor_;
    std::vector<std::weak_ptr<Peer>> peers_;
    std::vector<boost::json::object> requests_;
    RequestHandler handler_;
    int connections_ = 0;
};

// `result` as lightningd answers `request`, pretty-printed with its blank line behind.
[[nodiscard]] std::string reply(const boost::json::object& request, const boost::json::value& result);
[[nodiscard]] std::string refusal(const boost::json::object& request, int code, std::string_view message);

}  // namespace millrace::lightning
