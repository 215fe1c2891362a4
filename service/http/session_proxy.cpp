#include <spdlog/spdlog.h>

#include "service/async/spawn.hpp"
#include "service/http/header_rules.hpp"
#include "common/codec/log_text.hpp"
#include "service/http/session.hpp"
#include "service/http/upstream_connect.hpp"
#include "service/upstream/rewrite.hpp"

namespace millrace::http {

// One address after another, until one takes the request.
Awaitable<bool> Session::proxy() {
    Exchange& x = *exchange_;
    const RequestHead& head = x.request.head();
    std::string_view host = x.target.authority.empty() ? head.host : std::string_view(x.target.authority);
    keep_alive_ = head.keep_alive && !worker_.draining();

    const upstream::Group& group = *site_->upstreams[match_.service];
    upstream::Attempts attempts = group.attempts();
    const upstream::Target* target = group.next(attempts, Clock::now());
    bool repeatable = is_repeatable(head);
    std::string_view path = x.target.forward;
    if (group.config().rewrite) {
        upstream::rewrite_target(*group.config().rewrite, x.target.forward, x.rewritten);
        path = x.rewritten;
    }
    const Forwarded front = forwarded();
    bool fresh = false;
    for (;;) {
        ForwardFacts facts{path,
                           host,
                           target->authority,
                           client_text_,
                           front.https.value_or(tls_ != nullptr),
                           token_headers_,
                           group.header_lines(),
                           group.header_names(),
                           visit_ && service().sessions && service().sessions->event,
                           front.host,
                           front.prefix};
        x.to_upstream.clear();
        append_upstream_head(head, facts, x.to_upstream);
        std::shared_ptr<UpstreamPool> pool = worker_.pool(*target);
        std::unique_ptr<UpstreamConnection> upstream;
        if (!fresh) upstream = pool->take();
        // What came on an idle connection is no answer to this request, and one that is closed gives none.
        while (upstream && !upstream->stream.quiet()) upstream = pool->take();
        bool pooled = upstream != nullptr;
        if (!pooled) upstream = co_await connect(*target);
        bool connected = upstream != nullptr;
        bool reusable = false;
        Exchanged exchanged = Exchanged::failed;
        bool may_retry = repeatable && (pooled || attempts.left());
        if (connected) exchanged = co_await exchange(*upstream, may_retry, &reusable);
        if (exchanged == Exchanged::done) {
            if (reusable) pool->give_back(std::move(upstream), Clock::now());
            co_return keep_alive_;
        }
        upstream.reset();
        // A pooled connection may have been closed before the request came: the same address again, on a new one.
        fresh = exchanged == Exchanged::retry && pooled;
        if (fresh) continue;
        if (!connected || exchanged == Exchanged::retry) {
            const upstream::Target* other = group.next(attempts, Clock::now());
            if (other) {
                target = other;
                continue;
            }
        }
        if (answered_) co_return false;
        if (exchanged == Exchanged::refused) {
            Outcome outcome = problem_.status == 402 ? Outcome::challenge : Outcome::rejected;
            Problem problem = std::move(problem_);
            co_return co_await answer(std::move(problem), outcome);
        }
        use_.reset();
        drop_free_use();
        bool of_client = problem_.status < 500;
        if (of_client) keep_alive_ = false;
        Outcome outcome = of_client ? Outcome::rejected : Outcome::upstream_error;
        Problem problem = std::move(problem_);
        co_return co_await answer(std::move(problem), outcome);
    }
}

Awaitable<std::unique_ptr<UpstreamConnection>> Session::connect(const upstream::Target& target) {
    Executor executor = worker_.context().get_executor();
    std::chrono::milliseconds timeout = site_->config.timeouts.upstream_connect;
    problem_ = Problem{502, "The server behind this service cannot be reached."};
    Endpoints endpoints;
    ErrorCode error = co_await resolve(executor, target, watch_, timeout, endpoints);
    std::string why = error ? why_not(error, watch_, nullptr) : std::string{};
    for (const Endpoint& endpoint : endpoints) {
        auto connection = std::make_unique<UpstreamConnection>(Socket(executor, endpoint.protocol()), worker_.counts());
        error = co_await establish(connection->stream, endpoint, target, watch_, timeout);
        if (!error) {
            if (target.health->connected())
                spdlog::info("service {}: upstream {} can be reached again", service().name.text(), target.url);
            co_return connection;
        }
        if (watch_.expired())
            problem_ = Problem{504, "The server behind this service did not accept a connection in time."};
        why = why_not(error, watch_, &connection->stream);
        spdlog::debug("upstream {}: {}", target.url, codec::log_text(why));
    }
    if (auto rest = target.health->failed(Clock::now()))
        spdlog::warn("service {}: upstream {} cannot be reached, not asked for {} s where there is another: {}",
                     service().name.text(), target.url, std::chrono::duration_cast<std::chrono::seconds>(*rest).count(),
                     codec::log_text(why));
    co_return nullptr;
}

// One request and its response over one upstream connection.
Awaitable<Session::Exchanged> Session::exchange(UpstreamConnection& upstream, bool may_retry, bool* reusable) {
    Exchange& x = *exchange_;
    x.from_upstream.clear();
    // A small body is there already: it goes with the head.
    std::size_t used = 0;
    RequestBody::Step step = body_.take(x.from_client, x.request, x.request_payload, &used);
    if (step == RequestBody::Step::bad_chunk) {
        problem_ = Problem{400, "The body's chunks are malformed."};
        co_return Exchanged::failed;
    }
    if (step == RequestBody::Step::too_large) {
        problem_ = Problem{413, "The body is larger than is accepted here."};
        co_return Exchanged::failed;
    }
    std::string_view first = x.to_upstream;
    std::string_view second;
    if (body_.chunked()) {
        append_chunk(x.request_payload, x.to_upstream);
        if (body_.done()) x.to_upstream.append(last_chunk);
        first = x.to_upstream;
    } else if (!x.request_payload.empty()) {
        second = x.request_payload.front();
    }
    ErrorCode failed;
    upstream.stream.write_now(first, second, failed);
    if (failed == asio::error::would_block) {
        watch_.arm(site_->config.timeouts.body, upstream.stream);
        failed = co_await upstream.stream.write_rest(first, second);
        watch_.disarm();
    }
    x.from_client.consume(used);
    if (failed) {
        problem_ = Problem{502, "The server behind this service closed the connection."};
        co_return may_retry ? Exchanged::retry : Exchanged::failed;
    }
    if (!body_.done()) {
        pump_ = std::make_unique<Pump>(worker_.context().get_executor(), worker_.watchdog());
        Stream::Reading client = stream_.reading();
        pump_->companion.start(pump_request(std::move(client), upstream.stream));
    }
    Exchanged exchanged = Exchanged::failed;
    std::exception_ptr thrown;
    try {
        exchanged = co_await converse(upstream, may_retry, reusable);
    } catch (...) {
        thrown = std::current_exception();
    }
    // What reads the client goes before anything that it uses.
    if (pump_) co_await stop_pump();
    pump_.reset();
    if (thrown) std::rethrow_exception(thrown);
    co_return exchanged;
}

// The response, while what is left of the request's body goes the other way.
Awaitable<Session::Exchanged> Session::converse(UpstreamConnection& upstream, bool may_retry, bool* reusable) {
    Exchange& x = *exchange_;
    bool nothing_came = true;
    std::optional<Fault> fault = co_await read_response_head(upstream.stream, &nothing_came);
    bool forwarded = false;
    bool counted = false;
    if (!fault) counted = co_await commit_use();
    if (counted && x.response.head().status == 101) fault = co_await send_whole();
    if (counted && !fault) {
        if (sells_events())
            forwarded = co_await forward_events(upstream, reusable);
        else
            forwarded = co_await forward_response(upstream, reusable);
    }
    if (!sent_whole()) {
        keep_alive_ = false;
        *reusable = false;
    }
    if (!fault && !counted) co_return Exchanged::refused;
    if (forwarded || (!fault && answered_)) co_return forwarded ? Exchanged::done : Exchanged::failed;
    if (pump_ && pump_->fault) {
        problem_ = Problem{pump_->fault->status, std::string(pump_->fault->detail)};
    } else if (fault) {
        problem_ = Problem{fault->status, std::string(fault->detail)};
        if (may_retry && nothing_came && fault->status == 502) co_return Exchanged::retry;
    }
    co_return Exchanged::failed;
}

// Until the head of the final response is in response.head(), its bytes consumed.
Awaitable<std::optional<Fault>> Session::read_response_head(Stream& upstream, bool* nothing_came) {
    Exchange& x = *exchange_;
    Buffer& in = x.from_upstream;
    const config::Config& config = site_->config;
    HeadLimits limits{config.limits.header, config.limits.header};
    bool to_head = x.request.head().verb == Verb::head;
    Stream::Reading reading = upstream.reading();
    std::size_t scanned = 0;
    awaiting_head_ = true;
    if (!pump_) watch_.arm(config.timeouts.upstream_response, upstream);  // else it starts when the body has been sent
    std::optional<Fault> fault;
    for (;;) {
        if (pump_ && pump_->fault) {
            fault = pump_->fault;
            break;
        }
        std::size_t end = find_head_end(in.view(), scanned);
        if (end == 0) {
            if (in.size() > config.limits.header) {
                fault = Fault{502, "The server behind this service sent a head that is too large."};
                break;
            }
            std::size_t room = 0;
            char* data = in.prepare(Exchange::read_size, &room);
            auto [failed, count] = co_await reading.read_some(data, room);
            if (failed) {
                fault = watch_.expired()
                            ? Fault{504, "The server behind this service did not answer in time."}
                            : Fault{502, "The server behind this service closed the connection without an answer."};
                break;
            }
            in.commit(count);
            *nothing_came = false;
            continue;
        }
        scanned = 0;
        if (auto malformed = x.response.parse(in.pin(end), limits, to_head)) {
            fault = Fault{502, "The server behind this service sent a malformed answer."};
            break;
        }
        unsigned status = x.response.head().status;
        if (status / 100 != 1) break;
        if (status == 101) {
            if (!x.request.head().upgrade.empty()) break;
            fault = Fault{502, "The server behind this service switched protocols unasked."};
            break;
        }
        bool sent = co_await forward_interim(upstream);
        if (!sent) {
            fault = Fault{400, "The client is gone."};
            answered_ = true;
            break;
        }
    }
    watch_.disarm();
    awaiting_head_ = false;
    co_return fault;
}

// 100 Continue and its like: passed on to clients that know them.
Awaitable<bool> Session::forward_interim(Stream& upstream) {
    Exchange& x = *exchange_;
    if (x.request.head().version < 11) co_return true;
    x.to_client.clear();
    OwnFields own{{}, {}, service().cost_header, free_for_all()};
    append_client_head(x.response.head(), ClientFraming::none, 11, true, own, x.to_client);
    awaiting_head_ = false;  // the watch is the client's meanwhile
    ErrorCode failed = co_await write_client(x.to_client, {});
    x.to_client.clear();
    awaiting_head_ = true;
    if (!pump_ || !pump_->companion.running()) watch_.arm(site_->config.timeouts.upstream_response, upstream);
    co_return !failed;
}

Awaitable<ErrorCode> Session::write_client(std::string_view first, std::string_view second) {
    ErrorCode failed;
    stream_.write_now(first, second, failed);
    if (failed == asio::error::would_block) {
        watch_.arm(site_->config.timeouts.body, stream_);
        failed = co_await stream_.write_rest(first, second);
        watch_.disarm();
    }
    co_return failed;
}

// Sends the final response, head and body. False: it broke off, and the connection cannot go on.
Awaitable<bool> Session::forward_response(UpstreamConnection& upstream, bool* reusable) {
    Exchange& x = *exchange_;
    const ResponseHead& head = x.response.head();
    Buffer& in = x.from_upstream;
    int version = x.request.head().version;
    ClientFraming framing = client_framing(head, version);
    if (framing == ClientFraming::close || worker_.draining() || !sent_whole()) keep_alive_ = false;
    OwnFields own{own_lines_, receipt_, service().cost_header, free_for_all(), !service().cors.empty()};
    append_client_head(head, framing, version, keep_alive_, own, x.to_client);
    unsigned status = head.status;
    Framing from = head.framing;
    std::uint64_t left = head.content_length;
    *reusable = head.keep_alive && from != Framing::until_eof && status != 101;
    answered_ = true;
    if (status == 101) {
        ErrorCode failed = co_await write_client(x.to_client, {});
        if (!failed) co_await tunnel(upstream.stream);
        keep_alive_ = false;
        finish_request(101, Outcome::served);
        co_return true;
    }
    Stream::Reading reading = upstream.stream.reading();
    bool done = from == Framing::none;
    bool ended = false;  // by the server closing
    bool cut = false;    // nothing is left of the bytes that the token bought
    for (;;) {
        std::string_view raw;
        std::size_t used = 0;
        if (!done && from == Framing::chunked) {
            x.response_payload.clear();
            ChunkProgress progress = x.response.decode(in.view(), x.response_payload);
            if (progress.bad || (progress.used == 0 && in.size() > site_->config.limits.header)) break;
            used = progress.used;
            done = progress.done;
            if (use_) cut = co_await cut_payload(x.response_payload);
            if (use_ && done) co_await settle_trailer();
            if (framing == ClientFraming::chunked)
                append_chunk(x.response_payload, x.to_client);
            else
                for (std::string_view piece : x.response_payload) x.to_client.append(piece);
        } else if (!done) {
            used = from == Framing::length ? static_cast<std::size_t>(std::min<std::uint64_t>(left, in.size()))
                                           : in.size();
            raw = in.view().substr(0, used);
            left -= from == Framing::length ? used : 0;
            done = from == Framing::length ? left == 0 : ended;
            if (use_) {
                std::size_t allowed = co_await cover(raw.size());
                cut = allowed < raw.size();
                raw = raw.substr(0, allowed);
            }
            if (framing == ClientFraming::chunked) {
                x.response_payload.assign(1, raw);
                append_chunk(x.response_payload, x.to_client);
                raw = {};
            }
        }
        done = done && !cut;
        if (done) end_use();
        if (done && framing == ClientFraming::chunked) x.to_client.append(last_chunk);
        ErrorCode failed;
        std::string_view first = x.to_client;
        stream_.write_now(first, raw, failed);
        if (failed == asio::error::would_block) failed = co_await write_client(first, raw);
        in.consume(used);
        x.to_client.clear();
        if (failed) {
            *reusable = false;
            finish_request(status, Outcome::served);  // the client left
            co_return false;
        }
        if (cut) {
            *reusable = false;
            finish_request(status, Outcome::served);
            co_return false;
        }
        if (done) {
            if (!in.empty()) *reusable = false;  // the server sent more than it announced
            finish_request(status, Outcome::served);
            co_return true;
        }
        std::size_t room = 0;
        char* data = Exchange::prepare_body(in, &room);
        watch_.arm(site_->config.timeouts.body, upstream.stream);
        auto [broken, count] = co_await reading.read_some(data, room);
        watch_.disarm();
        in.commit(count);
        if (broken == asio::error::eof && from == Framing::until_eof)
            ended = true;
        else if (broken)
            break;
    }
    // The client sees the response end short of what was announced.
    spdlog::warn("service {}: the upstream {} amid a response of {}", service().name.text(),
                 watch_.expired() ? "fell silent" : "broke off", status);
    *reusable = false;
    finish_request(status, Outcome::upstream_error);
    co_return false;
}

// Whether all of the request went to the upstream, and the client's stream is free for another reader.
bool Session::sent_whole() const {
    return body_.done() && (!pump_ || (pump_->sent && !pump_->companion.running()));
}

// RFC 9110 §7.8: a client cannot speak another protocol in the middle of its request, so that nothing is switched
// before the request has gone out whole.
Awaitable<std::optional<Fault>> Session::send_whole() {
    if (!pump_) co_return std::nullopt;
    // The client may not send the body before it has been told to.
    if (exchange_->request.head().expect_continue && body_.seen() == 0) {
        std::string_view interim = "HTTP/1.1 100 Continue\r\n\r\n";
        ErrorCode failed = co_await write_client(interim, {});
        if (failed) co_return Fault{400, "The client is gone."};
    }
    co_await pump_->companion.ended();
    if (pump_->fault) co_return pump_->fault;
    if (pump_->sent) co_return std::nullopt;
    co_return Fault{502, "The server behind this service closed the connection."};
}

// Carries what is left of the request's body to the upstream, while the response is awaited or under way.
Awaitable<> Session::pump_request(Stream::Reading client, Stream& upstream) {
    try {
        co_await carry_body(client, upstream);
    } catch (...) {
        async::log_exception("the sending of a request's body", std::current_exception());
        pump_->fault = Fault{500, "The request's body could not be sent on."};
    }
    if (pump_->fault)
        upstream.cancel();
    else if (awaiting_head_)
        watch_.arm(site_->config.timeouts.upstream_response, upstream);
}

Awaitable<> Session::carry_body(Stream::Reading& client, Stream& upstream) {
    Exchange& x = *exchange_;
    Buffer& in = x.from_client;
    Watch& watch = pump_->watch;
    std::chrono::milliseconds timeout = site_->config.timeouts.body;
    while (!pump_->stop) {
        std::size_t used = 0;
        RequestBody::Step step = body_.take(in, x.request, x.request_payload, &used);
        if (step != RequestBody::Step::good) {
            pump_->fault = step == RequestBody::Step::too_large
                               ? Fault{413, "The body is larger than is accepted here."}
                               : Fault{400, "The body's chunks are malformed."};
            co_return;
        }
        std::string_view raw =
            body_.chunked() || x.request_payload.empty() ? std::string_view{} : x.request_payload.front();
        x.to_upstream.clear();
        if (body_.chunked()) {
            append_chunk(x.request_payload, x.to_upstream);
            if (body_.done()) x.to_upstream.append(last_chunk);
        }
        ErrorCode broken;
        if (!raw.empty() || !x.to_upstream.empty()) {
            watch.arm(timeout, upstream);
            broken = co_await upstream.write_rest(x.to_upstream, raw);
            watch.disarm();
        }
        in.consume(used);
        pump_->sent = body_.done() && !broken;
        if (broken || body_.done() || pump_->stop) co_return;
        std::size_t room = 0;
        char* data = Exchange::prepare_body(in, &room);
        watch.arm(timeout, stream_);
        auto [failed, count] = co_await client.read_some(data, room);
        watch.disarm();
        if (failed) {
            pump_->fault = watch.expired() ? Fault{408, "The request's body did not come in time."}
                                           : Fault{400, "The request's body ended early."};
            co_return;
        }
        in.commit(count);
    }
}

Awaitable<> Session::stop_pump() {
    pump_->stop = true;
    pump_->watch.fire();
    co_await pump_->companion.ended();
}

}  // namespace millrace::http
