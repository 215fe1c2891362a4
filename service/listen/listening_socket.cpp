#include "service/listen/listening_socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <boost/asio/ip/v6_only.hpp>
#include <cstring>

namespace millrace {

const char* ErrcText<listen::ListenErrc>::text(listen::ListenErrc) {
    return "cannot listen";
}

namespace listen {
namespace {

// An endpoint that is no longer known to be TCP.
std::optional<http::asio::ip::tcp::endpoint> tcp_endpoint(const http::Endpoint& endpoint) {
    int family = endpoint.protocol().family();
    if (family != AF_INET && family != AF_INET6) return std::nullopt;
    http::asio::ip::tcp::endpoint out;
    out.resize(endpoint.size());
    std::memcpy(out.data(), endpoint.data(), endpoint.size());
    return out;
}

int option(int descriptor, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

Result<ListeningSocket> take_over(http::Executor executor, const ActivatedSocket& passed) {
    int family = option(passed.descriptor, SO_DOMAIN);
    bool known = family == AF_INET || family == AF_INET6 || family == AF_UNIX;
    if (!known || option(passed.descriptor, SO_TYPE) != SOCK_STREAM || option(passed.descriptor, SO_ACCEPTCONN) != 1)
        return fail(ListenErrc::cannot_listen, "descriptor " + std::to_string(passed.descriptor) + " (\"" +
                                                   passed.name +
                                                   "\") of systemd is no stream socket that takes connections; the "
                                                   "socket unit needs ListenStream= and Accept=no");
    ::fcntl(passed.descriptor, F_SETFD, FD_CLOEXEC);
    ListeningSocket out{Acceptor(executor), std::nullopt};
    http::ErrorCode error;
    out.acceptor.assign(http::asio::generic::stream_protocol(family, 0), passed.descriptor, error);
    if (error) return fail(ListenErrc::cannot_listen, "socket \"" + passed.name + "\" of systemd: " + error.message());
    return out;
}

Result<ListeningSocket> open_file(http::Executor executor, const config::Listen& listen) {
    auto file = SocketFile::listen(listen.socket.string(), listen.mode);
    if (!file) return fail(ListenErrc::cannot_listen, file.error().message);
    ListeningSocket out{Acceptor(executor), std::move(*file)};
    http::ErrorCode error;
    out.acceptor.assign(http::asio::generic::stream_protocol(AF_UNIX, 0), out.file->release(), error);
    if (error) return fail(ListenErrc::cannot_listen, listen.text() + ": " + error.message());
    return out;
}

}  // namespace

std::string peer_name(const http::Endpoint& peer) {
    auto endpoint = tcp_endpoint(peer);
    if (!endpoint) return "unix:";
    http::asio::ip::address address = endpoint->address();
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        return http::asio::ip::make_address_v4(http::asio::ip::v4_mapped, address.to_v6()).to_string();
    return address.to_string();
}

std::optional<config::ListenAddress> local_address(const Acceptor& acceptor) {
    http::ErrorCode ignored;
    auto endpoint = tcp_endpoint(acceptor.local_endpoint(ignored));
    if (!endpoint) return std::nullopt;
    return config::ListenAddress{endpoint->address().to_string(), endpoint->port()};
}

Result<Acceptor> listen_on(http::Executor executor, const config::ListenAddress& address) {
    Acceptor acceptor(executor);
    http::asio::ip::tcp::endpoint endpoint(http::asio::ip::make_address(address.host), address.port);
    http::ErrorCode error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(http::asio::socket_base::reuse_address(true), error);
    // "[::]" is every address of the machine, those of IPv4 among them.
    bool every = endpoint.address().is_unspecified();
    if (!error && endpoint.address().is_v6()) acceptor.set_option(http::asio::ip::v6_only(!every), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(http::asio::socket_base::max_listen_connections, error);
    if (error) return fail(ListenErrc::cannot_listen, address.text() + ": " + error.message());
    return acceptor;
}

Result<std::vector<ListeningSocket>> open_sockets(http::Executor executor, const config::Listen& listen,
                                                  std::vector<ActivatedSocket>& passed) {
    std::vector<ListeningSocket> out;
    if (listen.kind == config::Listen::Kind::systemd) {
        std::string others;
        for (const ActivatedSocket& one : passed) others += (others.empty() ? "" : ", ") + one.name;
        for (const ActivatedSocket& one : claim_sockets(passed, listen.name)) {
            auto taken = take_over(executor, one);
            if (!taken) return taken.error();
            out.push_back(std::move(*taken));
        }
        if (out.empty())
            return fail(ListenErrc::cannot_listen,
                        listen.text() + ": systemd passed no such socket; " +
                            (others.empty() ? "there is none left, or the service was not started by a socket unit"
                                            : "there are: " + others));
        return out;
    }
    if (listen.kind == config::Listen::Kind::unix_socket) {
        auto opened = open_file(executor, listen);
        if (!opened) return opened.error();
        out.push_back(std::move(*opened));
        return out;
    }
    auto acceptor = listen_on(executor, listen.address);
    if (!acceptor) return acceptor.error();
    out.push_back({std::move(*acceptor), std::nullopt});
    return out;
}

}  // namespace listen
}  // namespace millrace
