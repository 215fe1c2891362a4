// The request's body on its way to the upstream, as far as it was not there with the head.
#include "service/async/spawn.hpp"
#include "service/front/session.hpp"

namespace millrace::front {
namespace {

constexpr std::size_t max_held = 64 * 1024;

}  // namespace

// What the upstream was sent of the request, so far.
paywall::Sent Session::sent() const {
    if (!request_->pump) return request_->sent;
    return request_->pump->sent ? paywall::Sent::whole : paywall::Sent::part;
}

// Whether all of the request went to the upstream, and the client's stream is free for another reader.
bool Session::sent_whole() const {
    return request_->body.done() && (!request_->pump || (request_->pump->sent && !request_->pump->companion.running()));
}

// RFC 9110 §7.8: a client cannot speak another protocol in the middle of its request, so that nothing is switched
// before the request has gone out whole.
http::Awaitable<std::optional<http::Fault>> Session::send_whole() {
    if (!request_->pump) co_return std::nullopt;
    // The client may not send the body before it has been told to.
    if (exchange_->request.head().expect_continue && request_->body.seen() == 0) {
        std::string_view interim = "HTTP/1.1 100 Continue\r\n\r\n";
        http::ErrorCode failed = co_await write_client(interim, {});
        if (failed) co_return http::Fault{400, "The client is gone."};
    }
    co_await request_->pump->companion.ended();
    if (request_->pump->fault) co_return request_->pump->fault;
    if (request_->pump->sent) co_return std::nullopt;
    co_return http::Fault{502, "The server behind this service closed the connection."};
}

// Carries what is left of the request's body to the upstream, while the response is awaited or under way.
http::Awaitable<> Session::pump_request(http::Stream::Reading client, http::Stream& upstream) {
    try {
        co_await carry_body(client, upstream);
    } catch (...) {
        async::log_exception("the sending of a request's body", std::current_exception());
        request_->pump->fault = http::Fault{500, "The request's body could not be sent on."};
    }
    if (request_->pump->fault)
        upstream.cancel();
    else if (request_->awaiting_head)
        watch_.arm(request_->site->config.timeouts.upstream_response, upstream);
    if (request_->pump->sent) leaving_.request_is_whole();
}

http::Awaitable<> Session::carry_body(http::Stream::Reading& client, http::Stream& upstream) {
    Exchange& x = *exchange_;
    http::Buffer& in = x.from_client;
    http::Watch& watch = request_->pump->watch;
    std::chrono::milliseconds timeout = request_->site->config.timeouts.body;
    while (!request_->pump->stop) {
        std::size_t used = 0;
        http::RequestBody::Step step = request_->body.take(in, x.request, x.request_payload, &used);
        if (step != http::RequestBody::Step::good) {
            request_->pump->fault = step == http::RequestBody::Step::too_large
                                        ? http::Fault{413, "The body is larger than is accepted here."}
                                        : http::Fault{400, "The body's chunks are malformed."};
            co_return;
        }
        std::string_view raw =
            request_->body.chunked() || x.request_payload.empty() ? std::string_view{} : x.request_payload.front();
        x.to_upstream.clear();
        if (request_->body.chunked()) {
            http::append_chunk(x.request_payload, x.to_upstream);
            if (request_->body.done()) x.to_upstream.append(http::last_chunk);
        }
        http::ErrorCode broken;
        if (!raw.empty() || !x.to_upstream.empty()) {
            watch.arm(timeout, upstream);
            broken = co_await upstream.write_rest(x.to_upstream, raw);
            watch.disarm();
        }
        in.consume(used);
        request_->pump->sent = request_->body.done() && !broken;
        if (broken || request_->body.done() || request_->pump->stop) co_return;
        std::size_t room = 0;
        char* data = Exchange::prepare_body(in, &room);
        watch.arm(timeout, stream_);
        auto [failed, count] = co_await client.read_some(data, room);
        watch.disarm();
        if (failed) {
            request_->pump->fault = watch.expired() ? http::Fault{408, "The request's body did not come in time."}
                                                    : http::Fault{400, "The request's body ended early."};
            co_return;
        }
        in.commit(count);
    }
}

// A server of HTTP/1.0 reads no chunks: what the client sends in them is held until it is there, and goes with its
// length.
http::Awaitable<std::optional<http::Fault>> Session::hold_body() {
    Exchange& x = *exchange_;
    if (x.request.head().expect_continue && !request_->body.done()) {
        std::string_view interim = "HTTP/1.1 100 Continue\r\n\r\n";
        http::ErrorCode failed = co_await write_client(interim, {});
        if (failed) co_return http::Fault{400, "The client is gone."};
    }
    http::Stream::Reading client = stream_.reading();
    std::string held;
    for (;;) {
        std::size_t used = 0;
        const http::RequestBody::Step step = request_->body.take(x.from_client, x.request, x.request_payload, &used);
        if (step == http::RequestBody::Step::bad_chunk) co_return http::Fault{400, "The body's chunks are malformed."};
        if (step == http::RequestBody::Step::too_large)
            co_return http::Fault{413, "The body is larger than is accepted here."};
        for (std::string_view piece : x.request_payload) held.append(piece);
        x.from_client.consume(used);
        if (held.size() > max_held)
            co_return http::Fault{411, "The server behind this service reads no chunks. Send a Content-Length."};
        if (request_->body.done()) break;
        std::size_t room = 0;
        char* data = Exchange::prepare_body(x.from_client, &room);
        watch_.arm(request_->site->config.timeouts.body, stream_);
        auto [failed, count] = co_await client.read_some(data, room);
        watch_.disarm();
        if (failed && watch_.expired()) co_return http::Fault{408, "The request's body did not come in time."};
        if (failed) co_return http::Fault{400, "The request's body ended early."};
        x.from_client.commit(count);
    }
    request_->whole_body = std::move(held);
    co_return std::nullopt;
}

http::Awaitable<> Session::stop_pump() {
    request_->pump->stop = true;
    request_->pump->watch.fire();
    co_await request_->pump->companion.ended();
}

}  // namespace millrace::front
