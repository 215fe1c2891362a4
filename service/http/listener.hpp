// Accepts connections and hands them to the workers in turn.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <memory>
#include <vector>

#include "service/config/config.hpp"
#include "service/http/worker.hpp"

namespace millrace::http {

using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol, Executor>;

enum class ListenErrc {
    cannot_listen = 1,  // the address is taken, or not one of this machine's
};

// Where a socket is bound; nothing of a unix socket.
[[nodiscard]] config::ListenAddress local_address(const Acceptor& acceptor);

// Binds and listens. Errors: cannot_listen.
[[nodiscard]] Result<Acceptor> listen_on(Executor executor, const config::ListenAddress& address);

class Listener {
  public:
    Listener(Acceptor acceptor, std::vector<std::unique_ptr<Worker>>& workers)
        : acceptor_(std::move(acceptor)), workers_(workers) {}

    void start();
    void stop();
    [[nodiscard]] config::ListenAddress address() const;  // the port the system chose, where it was left to it

  private:
    Awaitable<> accept();

    Acceptor acceptor_;
    std::vector<std::unique_ptr<Worker>>& workers_;
    std::size_t next_ = 0;
};

}  // namespace millrace::http

namespace millrace {
template <>
struct ErrcText<http::ListenErrc> {
    static constexpr const char* domain = "millrace.http";
    static const char* text(http::ListenErrc errc);
};
}  // namespace millrace
