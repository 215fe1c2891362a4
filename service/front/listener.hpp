// Accepts the connections of one socket and hands them to the workers in turn.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "service/front/worker.hpp"
#include "service/listen/listening_socket.hpp"

namespace millrace::front {

class Listener {
  public:
    using Tls = std::shared_ptr<http::asio::ssl::context>;

    // `place` is its address as configured, or what else tells it from others; of systemd's sockets several may have
    // one. `tls` null: plain.
    Listener(listen::ListeningSocket socket, std::string place, Tls tls, ListenerRole role,
             std::vector<std::unique_ptr<Worker>>& workers, http::Descriptors& descriptors)
        : acceptor_(std::move(socket.acceptor)),
          file_(std::move(socket.file)),
          place_(std::move(place)),
          tls_(std::move(tls)),
          role_(role),
          workers_(workers),
          descriptors_(descriptors) {}

    void start();
    // Takes no more connections, and removes the socket's file.
    void stop();

    // For the connections from now on; those that are open keep what they have.
    void set_tls(Tls tls) { tls_ = std::move(tls); }

    [[nodiscard]] const std::string& place() const { return place_; }
    [[nodiscard]] bool has_tls() const { return tls_ != nullptr; }
    // "https://127.0.0.1:8402" with the port the system chose, or "unix:/run/a.sock".
    [[nodiscard]] std::string url() const;

  private:
    http::Awaitable<> accept();
    // False: there is no place for another connection.
    bool has_place();
    [[nodiscard]] std::string refusal() const;
    [[nodiscard]] std::optional<limits::Connections::Place> find_place(const std::string& peer);

    listen::Acceptor acceptor_;
    std::optional<SocketFile> file_;
    std::string place_;
    Tls tls_;
    ListenerRole role_;
    std::vector<std::unique_ptr<Worker>>& workers_;
    http::Descriptors& descriptors_;
    std::size_t next_ = 0;
    std::chrono::steady_clock::time_point warned_{};
};

}  // namespace millrace::front
