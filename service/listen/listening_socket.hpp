// Sockets that take connections: of TCP, of a unix socket and its file, or passed by systemd.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <optional>
#include <vector>

#include "common/sockets/socket_file.hpp"
#include "service/config/config.hpp"
#include "service/http/asio.hpp"
#include "service/listen/socket_activation.hpp"

namespace millrace::listen {

using Acceptor = http::asio::basic_socket_acceptor<http::asio::generic::stream_protocol, http::Executor>;

enum class ListenErrc {
    cannot_listen = 1,  // the address is taken, or not one of this machine's
};

struct ListeningSocket {
    Acceptor acceptor;
    std::optional<SocketFile> file;  // to be removed in the end
};

// Binds and listens. Errors: cannot_listen.
[[nodiscard]] Result<Acceptor> listen_on(http::Executor executor, const config::ListenAddress& address);

// Opens what `listen` says: one socket, or those of that name among `passed`, from which they are taken. Errors:
// cannot_listen.
[[nodiscard]] Result<std::vector<ListeningSocket>> open_sockets(http::Executor executor, const config::Listen& listen,
                                                                std::vector<ActivatedSocket>& passed);

// Where a TCP socket is bound; of a unix socket, nothing.
[[nodiscard]] std::optional<config::ListenAddress> local_address(const Acceptor& acceptor);

// A client's numeric address, an IPv4 one as such even where it came to an IPv6 socket; "unix:" of a unix socket.
[[nodiscard]] std::string peer_name(const http::Endpoint& peer);

}  // namespace millrace::listen

namespace millrace {
template <>
struct ErrcText<listen::ListenErrc> {
    static constexpr const char* domain = "millrace.http";
    static const char* text(listen::ListenErrc errc);
};
}  // namespace millrace
