// The listener of [metrics]: GET /metrics, /healthz, /readyz. One request a connection.
//
//   a head within 3 seconds, the answer taken within 10; at most 64 connections at a time, 16 of one address: beyond
//   them the oldest gives way
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "service/limits/seats.hpp"
#include "service/listen/listening_socket.hpp"

namespace millrace::metrics {

struct EndpointSources {
    std::function<std::string()> metrics;
    std::function<std::string()> not_ready;  // why the service is not ready; empty where it is
};

class Endpoint {
  public:
    Endpoint(listen::Acceptor acceptor, EndpointSources sources)
        : acceptor_(std::move(acceptor)), sources_(std::move(sources)) {}

    void start();
    void stop();
    [[nodiscard]] config::ListenAddress address() const;

  private:
    http::Awaitable<> accept();
    http::Awaitable<> serve(http::Socket socket, std::string peer);
    std::string answer(std::string_view head) const;

    listen::Acceptor acceptor_;
    EndpointSources sources_;
    limits::Seats seats_{limits::Seats::Bounds{}};
};

}  // namespace millrace::metrics
