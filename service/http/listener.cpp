#include "service/http/listener.hpp"

#include <spdlog/spdlog.h>

#include "service/async/spawn.hpp"



namespace millrace::http {

void Listener::start() {
    async::spawn(acceptor_.get_executor(), accept(), "a listener");
}

void Listener::stop() {
    if (file_) file_->remove();
    ErrorCode ignored;
    acceptor_.close(ignored);
}

std::string Listener::url() const {
    auto address = local_address(acceptor_);
    if (!address) return place_ + (tls_ ? " (https)" : "");
    return (tls_ ? "https://" : "http://") + address->text();
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
        worker.adopt(std::move(socket), peer_name(peer), tls_, role_);
    }
}

}  // namespace millrace::http
