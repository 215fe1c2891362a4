#include "service/http/listener.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <cstring>
#include <optional>

namespace millrace {

const char* ErrcText<http::ListenErrc>::text(http::ListenErrc) {
    return "cannot listen";
}

namespace http {

namespace {

// Endpoints of sockets that are no longer known to be TCP.
std::optional<asio::ip::tcp::endpoint> tcp_endpoint(const Endpoint& endpoint) {
    int family = endpoint.protocol().family();
    if (family != AF_INET && family != AF_INET6) return std::nullopt;
    asio::ip::tcp::endpoint out;
    out.resize(endpoint.size());
    std::memcpy(out.data(), endpoint.data(), endpoint.size());
    return out;
}

// An IPv4 client of a listener on "[::]" by its IPv4 address.
std::string text(const asio::ip::address& address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
    return address.to_string();
}

std::string peer_name(const Endpoint& peer) {
    auto endpoint = tcp_endpoint(peer);
    return endpoint ? text(endpoint->address()) : "unix:";
}

}  // namespace

Result<Acceptor> listen_on(Executor executor, const config::ListenAddress& address) {
    Acceptor acceptor(executor);
    asio::ip::tcp::endpoint endpoint(asio::ip::make_address(address.host), address.port);
    ErrorCode error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    // "[::]" is every address of the machine, those of IPv4 among them.
    bool every = endpoint.address().is_unspecified();
    if (!error && endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(!every), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) return fail(ListenErrc::cannot_listen, address.text() + ": " + error.message());
    return acceptor;
}

void Listener::start() {
    asio::co_spawn(acceptor_.get_executor(), accept(), asio::detached);
}

void Listener::stop() {
    ErrorCode ignored;
    acceptor_.close(ignored);
}

config::ListenAddress local_address(const Acceptor& acceptor) {
    ErrorCode ignored;
    auto endpoint = tcp_endpoint(acceptor.local_endpoint(ignored));
    return endpoint ? config::ListenAddress{endpoint->address().to_string(), endpoint->port()} : config::ListenAddress{};
}

config::ListenAddress Listener::address() const {
    return local_address(acceptor_);
}

Awaitable<> Listener::accept() {
    Timer pause(acceptor_.get_executor());
    bool told = false;
    while (acceptor_.is_open()) {
        Worker& worker = *workers_[next_ % workers_.size()];
        Executor executor = worker.context().get_executor();
        Endpoint peer;
        auto [failed, socket] = co_await acceptor_.async_accept(executor, peer, use_result);
        if (failed == asio::error::operation_aborted) break;
        if (failed) {
            // Out of file descriptors, most likely: those that are open go on, new ones wait in the kernel's queue.
            if (!told) spdlog::error("cannot accept connections: {}", failed.message());
            told = true;
            pause.expires_after(std::chrono::milliseconds(100));
            co_await pause.async_wait(use_result);
            continue;
        }
        told = false;
        ++next_;
        worker.adopt(std::move(socket), peer_name(peer));
    }
}

}  // namespace http
}  // namespace millrace
