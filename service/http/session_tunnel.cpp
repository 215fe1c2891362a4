#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "service/http/session.hpp"

namespace millrace::http {

// Bytes both ways until one side has closed and the other has heard of it, nothing has moved for `timeouts.tunnel`, or
// the time bought is over: a connection that was upgraded would otherwise never be asked to pay again.
Awaitable<> Session::tunnel(Stream& upstream) {
    Executor executor = worker_.context().get_executor();
    pump_ = std::make_unique<Pump>(executor);
    pump_->running = true;
    tunnelled_ = &upstream;
    asio::co_spawn(executor, pump_tunnel(upstream, stream_, exchange_->from_upstream), asio::detached);
    co_await pump_tunnel(stream_, upstream, exchange_->from_client);
    // The other direction may go on for as long as it has something to say.
    pump_->ended.expires_at(Timer::time_point::max());
    while (pump_->running) co_await pump_->ended.async_wait(use_result);
    tunnelled_ = nullptr;
    pump_.reset();
}

// What a token opened ends with it: the connection of a request under way is shut, and its tunnel.
void Session::end_if_revoked() {
    if (idle_ || !payer_ || !worker_.shared().store.facts(*payer_).revoked) return;
    ErrorCode ignored;
    stream_.socket().shutdown(Socket::shutdown_both, ignored);
    if (!tunnelled_) return;
    pump_->stop = true;
    stream_.cancel();
    tunnelled_->cancel();
}

Awaitable<> Session::pump_tunnel(Stream& from, Stream& to, Buffer& buffer) {
    Watch watch(worker_.watchdog());
    bool of_upstream = &to == &stream_;
    bool broken = false;
    while (!pump_->stop) {
        if (!buffer.empty()) {
            watch.arm(site_->config.timeouts.tunnel, to);
            std::string_view bytes = buffer.view();
            ErrorCode failed = co_await to.write_rest(bytes, {});
            watch.disarm();
            broken = static_cast<bool>(failed);
            buffer.clear();
        }
        if (broken) break;
        std::chrono::milliseconds timeout = site_->config.timeouts.tunnel;
        if (until_)
            timeout =
                std::min(timeout, std::chrono::ceil<std::chrono::milliseconds>(*until_ - worker_.shared().wall.now()));
        std::size_t room = 0;
        char* data = buffer.prepare(Exchange::read_size, &room);
        watch.arm(timeout, from);
        auto [failed, count] = co_await from.read_some(data, room);
        watch.disarm();
        if (failed) {
            broken = failed != asio::error::eof;
            break;
        }
        buffer.commit(count);
    }
    // An orderly end closes one direction; anything else ends the tunnel.
    to.shutdown_send();
    if (broken) {
        pump_->stop = true;
        from.cancel();
        to.cancel();
        from.shutdown_send();
    }
    if (of_upstream) {
        pump_->running = false;
        pump_->ended.cancel();
    }
}

}  // namespace millrace::http
