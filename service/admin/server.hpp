// The listener of [admin]: one request a connection, authorized before anything else is looked at. On the control
// thread.
//
//   head and body within 10 seconds, an answer within 60; at most 64 connections at a time, 16 of one address: beyond
//   them the oldest gives way that was not authorized yet
#pragma once

#include <functional>
#include <memory>

#include "service/admin/api.hpp"
#include "service/limits/seats.hpp"
#include "service/listen/listening_socket.hpp"

namespace millrace::admin {

class Server {
  public:
    // `settings` answers the tokens in force; both must outlive the server.
    using Settings = std::function<config::Admin()>;
    Server(listen::ListeningSocket socket, Api& api, Settings settings)
        : acceptor_(std::move(socket.acceptor)),
          file_(std::move(socket.file)),
          api_(api),
          settings_(std::move(settings)) {}

    void start();
    void stop();
    [[nodiscard]] std::string url() const;

  private:
    struct Incoming;
    http::Awaitable<> accept();
    http::Awaitable<> serve(http::Socket socket, std::string peer);
    http::Awaitable<std::optional<Answer>> receive(http::Socket& socket, limits::Seats::Ticket ticket, Incoming& in);
    http::Awaitable<std::optional<Answer>> receive_body(http::Socket& socket, Incoming& in);

    listen::Acceptor acceptor_;
    std::optional<SocketFile> file_;
    Api& api_;
    Settings settings_;
    limits::Seats seats_{limits::Seats::Bounds{}};
    std::function<void()> seat_free_;  // tells accept()
};

}  // namespace millrace::admin
