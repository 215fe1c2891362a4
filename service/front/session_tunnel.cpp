#include "service/front/session.hpp"

#include "service/async/spawn.hpp"

namespace millrace::front {

// Of one connection that was upgraded.
struct Session::Tunnel {
    explicit Tunnel(http::Watchdog& dog) : to_upstream(dog), to_client(dog) {}

    // Whoever waits ends.
    void end() {
        ended = true;
        to_upstream.fire();
        to_client.fire();
    }

    http::Watch to_upstream;  // of what carries the client's bytes
    http::Watch to_client;
    bool ended = false;
};

// Bytes both ways until one side has closed and the other has heard of it, nothing has moved for `timeouts.tunnel`, or
// the time bought is over: a connection that was upgraded would otherwise never be asked to pay again.
http::Awaitable<> Session::tunnel(http::Stream& upstream) {
    http::Stream::Reading from_client = stream_.reading();
    http::Stream::Reading from_upstream = upstream.reading();
    if (!from_client || !from_upstream) co_return;
    Tunnel tunnel(worker_.watchdog());
    tunnel_ = &tunnel;
    http::Companion other(worker_.context().get_executor());
    other.start(pump_tunnel(tunnel, std::move(from_upstream), upstream, stream_, exchange_->from_upstream));
    co_await pump_tunnel(tunnel, std::move(from_client), stream_, upstream, exchange_->from_client);
    // The other direction may go on for as long as it has something to say.
    co_await other.ended();
    tunnel_ = nullptr;
}

// What a token opened ends with it: the connection of a request under way is shut, and its tunnel. A session that is
// being closed waits for its requests, but for a tunnel, which has no end.
void Session::end_if_over() {
    if (!request_ || !request_->payer) return;
    const bool closing = tunnel_ && request_->visit && !worker_.shared().sessions.is_open(request_->visit->id());
    if (!closing && !worker_.shared().store.facts(*request_->payer).revoked) return;
    stream_.shutdown();
    end_tunnel();
}

void Session::end_tunnel() {
    if (tunnel_) tunnel_->end();
}

http::Awaitable<> Session::pump_tunnel(Tunnel& tunnel, http::Stream::Reading reading, http::Stream& from,
                                       http::Stream& to, http::Buffer& buffer) {
    bool orderly = false;
    try {
        orderly = co_await carry_bytes(tunnel, reading, from, to, buffer);
    } catch (...) {
        async::log_exception("a direction of a tunnel", std::current_exception());
    }
    // An orderly end closes one direction; anything else ends the tunnel.
    to.shutdown_send();
    if (orderly) co_return;
    tunnel.end();
    from.shutdown_send();
}

// True: until there was nothing more to read.
http::Awaitable<bool> Session::carry_bytes(Tunnel& tunnel, http::Stream::Reading& reading, http::Stream& from,
                                           http::Stream& to, http::Buffer& buffer) {
    http::Watch& watch = &from == &stream_ ? tunnel.to_upstream : tunnel.to_client;
    while (!tunnel.ended) {
        if (!buffer.empty()) {
            watch.arm(request_->site->config.timeouts.tunnel, to);
            std::string_view bytes = buffer.view();
            http::ErrorCode broken = co_await to.write_rest(bytes, {});
            watch.disarm();
            buffer.clear();
            if (broken || tunnel.ended) co_return false;
        }
        std::chrono::milliseconds timeout = request_->site->config.timeouts.tunnel;
        if (request_->until)
            timeout = std::min(timeout, std::chrono::ceil<std::chrono::milliseconds>(*request_->until - worker_.now()));
        std::size_t room = 0;
        char* data = buffer.prepare(Exchange::read_size, &room);
        watch.arm(timeout, from);
        auto [failed, count] = co_await reading.read_some(data, room);
        watch.disarm();
        if (failed) co_return failed == http::asio::error::eof;
        buffer.commit(count);
    }
    co_return false;
}

}  // namespace millrace::front
