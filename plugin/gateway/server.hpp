// The gateway: accepts clients on the unix socket and tells them what happens.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/sockets/socket_file.hpp"
#include "plugin/gateway/places.hpp"
#include "plugin/gateway/session.hpp"

namespace millrace::gateway {

class Server {
  public:
    struct Client {
        std::string name;
        bool subscribed = false;
    };

    Server(boost::asio::any_io_executor executor, std::string path, Services services, Places::Limits limits = {});

    // Opens the socket, so that clients can connect from now on; false where that cannot be, which the log says once and
    // trouble() as long as it lasts.
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
    // Why the socket cannot be opened: it has no folder, another process serves it.
    [[nodiscard]] const std::optional<std::string>& trouble() const { return trouble_; }
    [[nodiscard]] std::vector<Client> clients() const;

  private:
    boost::asio::awaitable<void> accept();
    void admit(Session::Socket socket);
    void part(std::optional<Places::Id> id);

    boost::asio::any_io_executor executor_;
    std::string path_;
    Services services_;
    std::optional<SocketFile> file_;
    boost::asio::local::stream_protocol::acceptor acceptor_;
    Places places_;
    std::map<Places::Id, std::shared_ptr<Session>> sessions_;
    std::optional<std::string> trouble_;
    bool closed_ = false;
};

}  // namespace millrace::gateway
