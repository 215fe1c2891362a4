// The gateway: accepts clients on the unix socket and tells them what happens.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/sockets/socket_file.hpp"
#include "plugin/gateway/session.hpp"

namespace millrace::gateway {

class Server {
  public:
    struct Client {
        std::string name;
        bool subscribed = false;
    };

    Server(boost::asio::any_io_executor executor, std::string path, Services services);

    // Opens the socket, so that clients can connect from now on; false where that cannot be (another process serves it), which
    // the log says once.
    bool open();

    // Serves until close(). While the socket cannot be opened it tries again.
    boost::asio::awaitable<void> run();

    // Ends all clients and removes the socket.
    void close();

    // Something was paid, or the node's figures changed.
    void wake();
    // A key epoch came or went.
    void send_keys();

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] bool listening() const { return file_.has_value(); }
    [[nodiscard]] std::vector<Client> clients() const;

  private:
    boost::asio::awaitable<void> accept();

    boost::asio::any_io_executor executor_;
    std::string path_;
    Services services_;
    std::optional<SocketFile> file_;
    boost::asio::local::stream_protocol::acceptor acceptor_;
    std::set<std::shared_ptr<Session>> sessions_;
    bool complained_ = false;
    bool closed_ = false;
};

}  // namespace millrace::gateway
