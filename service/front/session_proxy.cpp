
#include "common/codec/log_text.hpp"
#include "service/async/spawn.hpp"
#include "service/front/session.hpp"
#include "service/http/answer_reader.hpp"
#include "service/log/log.hpp"
#include "service/relay/header_rules.hpp"
#include "service/upstream/connect.hpp"
#include "service/upstream/rewrite.hpp"

namespace millrace::front {

http::Awaitable<bool> Session::serve_upstream() {
    const bool again = co_await proxy();
    end_use();
    request_->visit.reset();
    co_return again;
}

// One address after another, until one takes the request.
http::Awaitable<bool> Session::proxy() {
    Exchange& x = *exchange_;
    const http::RequestHead& head = x.request.head();
    std::string_view host = x.target.authority.empty() ? head.host : std::string_view(x.target.authority);
    request_->keep_alive = head.keep_alive && !worker_.draining();

    const upstream::Group& group = *request_->site->upstreams[request_->match.service];
    upstream::Attempts attempts = group.attempts();
    const upstream::Target* target = group.next(attempts, Clock::now());
    bool repeatable = relay::is_repeatable(head) && !request_->other_method;
    const bool used_once = relay::may_be_left_unread(head);
    std::string_view path = x.target.forward;
    if (group.config().rewrite) {
        upstream::rewrite_target(*group.config().rewrite, service().paths, x.target.forward, x.rewritten);
        path = x.rewritten;
    }
    const Forwarded front = forwarded();
    bool fresh = false;
    for (;;) {
        if (target->health->speaks_1_0() && request_->body.chunked() && !request_->whole_body) {
            if (std::optional<http::Fault> fault = co_await hold_body()) {
                request_->problem = http::Problem{fault->status, std::string(fault->detail)};
                co_return co_await refuse_exchange();
            }
        }
        relay::ForwardFacts facts{path,
                                  host,
                                  target->authority,
                                  request_->client_text,
                                  front.https.value_or(tls_ != nullptr),
                                  request_->token_headers,
                                  group.header_lines(),
                                  group.header_names(),
                                  request_->visit && service().sessions && service().sessions->event,
                                  used_once};
        if (request_->whole_body) facts.whole_body = request_->whole_body->size();
        facts.deciding = &request_->site->deciding[request_->match.service];
        facts.public_host = front.host;
        facts.prefix = front.prefix;
        x.to_upstream.clear();
        append_upstream_head(head, facts, x.to_upstream);
        std::shared_ptr<upstream::UpstreamPool> pool = worker_.pool(*target);
        std::unique_ptr<upstream::UpstreamConnection> upstream;
        if (!fresh) upstream = pool->take();
        // What came on an idle connection is no answer to this request, and one that is closed gives none.
        while (upstream && !upstream->stream.quiet()) upstream = pool->take();
        bool pooled = upstream != nullptr;
        if (!pooled) upstream = co_await connect(*target);
        bool connected = upstream != nullptr;
        bool reusable = false;
        Exchanged exchanged = Exchanged::failed;
        bool may_retry = repeatable && (pooled || attempts.left());
        request_->sent = paywall::Sent::nothing;
        if (connected) exchanged = co_await exchange(*upstream, *target, may_retry, &reusable);
        if (exchanged == Exchanged::left) {
            // Before the upstream hears of it.
            paywall::Fate fate{request_->sent, paywall::Came::client_left};
            (void)co_await settle(fate);
            finish_request(499, Outcome::rejected);
            co_return false;
        }
        if (exchanged == Exchanged::done) {
            if (reusable && !used_once) pool->give_back(std::move(upstream), Clock::now(), worker_.connections());
            co_return request_->keep_alive;
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
        if (request_->answered) co_return false;
        if (exchanged == Exchanged::refused) {
            Outcome outcome = request_->problem.status == 402 ? Outcome::challenge : Outcome::rejected;
            http::Problem problem = std::move(request_->problem);
            co_return co_await answer(std::move(problem), outcome);
        }
        co_return co_await refuse_exchange();
    }
}

// There is no answer but ours: problem.
http::Awaitable<bool> Session::refuse_exchange() {
    const bool of_client = request_->problem.status < 500;
    paywall::Fate fate{request_->sent, of_client ? paywall::Came::client_erred : paywall::Came::nothing};
    (void)co_await settle(fate);
    if (of_client) request_->keep_alive = false;
    Outcome outcome = of_client ? Outcome::rejected : Outcome::upstream_error;
    http::Problem problem = std::move(request_->problem);
    co_return co_await answer(std::move(problem), outcome);
}

http::Awaitable<std::unique_ptr<upstream::UpstreamConnection>> Session::connect(const upstream::Target& target) {
    http::Executor executor = worker_.context().get_executor();
    std::chrono::milliseconds timeout = request_->site->config.timeouts.upstream_connect;
    request_->problem = http::Problem{502, "The server behind this service cannot be reached."};
    upstream::Endpoints endpoints;
    http::ErrorCode error = co_await resolve(executor, target, watch_, timeout, endpoints);
    std::string why = error ? upstream::why_not(error, watch_, nullptr) : std::string{};
    // A resolver does not tell that it had no descriptor for asking.
    bool shortage = error && worker_.shared().descriptors.short_of_them();
    for (const http::Endpoint& endpoint : endpoints) {
        auto connection = std::make_unique<upstream::UpstreamConnection>(executor, worker_.counts());
        error = co_await establish(connection->stream, endpoint, target, watch_, timeout);
        shortage = http::is_shortage(error);
        if (shortage && worker_.drop_idle_upstreams()) {
            connection = std::make_unique<upstream::UpstreamConnection>(executor, worker_.counts());
            error = co_await establish(connection->stream, endpoint, target, watch_, timeout);
            shortage = http::is_shortage(error);
        }
        if (!error) {
            if (target.health->connected())
                log::info("service {}: upstream {} can be reached again", service().name.text(), target.url);
            co_return connection;
        }
        if (watch_.expired())
            request_->problem =
                http::Problem{504, "The server behind this service did not accept a connection in time."};
        why = upstream::why_not(error, watch_, &connection->stream);
        log::debug("upstream {}: {}", target.url, codec::log_text(why));
    }
    if (shortage) {
        // Nothing is known of the upstream.
        worker_.shared().descriptors.note_shortage();
        request_->problem =
            http::Problem{503,
                          "The service has no connection to spare at the moment. Nothing was charged: repeat the "
                          "request later."};
        request_->problem.retry_after = 1;
        co_return nullptr;
    }
    if (auto rest = target.health->failed(Clock::now()))
        log::warn("service {}: upstream {} cannot be reached, not asked for {} s where there is another: {}",
                  service().name.text(), target.url, std::chrono::duration_cast<std::chrono::seconds>(*rest).count(),
                  codec::log_text(why));
    co_return nullptr;
}

// One request and its response over one upstream connection.
http::Awaitable<Session::Exchanged> Session::exchange(upstream::UpstreamConnection& upstream,
                                                      const upstream::Target& target, bool may_retry, bool* reusable) {
    Exchange& x = *exchange_;
    x.from_upstream.clear();
    // A small body is there already: it goes with the head.
    std::size_t used = 0;
    http::RequestBody::Step step = request_->body.take(x.from_client, x.request, x.request_payload, &used);
    if (step == http::RequestBody::Step::bad_chunk) {
        request_->problem = http::Problem{400, "The body's chunks are malformed."};
        co_return Exchanged::failed;
    }
    if (step == http::RequestBody::Step::too_large) {
        request_->problem = http::Problem{413, "The body is larger than is accepted here."};
        co_return Exchanged::failed;
    }
    std::string_view first = x.to_upstream;
    std::string_view second;
    if (request_->whole_body) {
        second = *request_->whole_body;
    } else if (request_->body.chunked()) {
        http::append_chunk(x.request_payload, x.to_upstream);
        if (request_->body.done()) x.to_upstream.append(http::last_chunk);
        first = x.to_upstream;
    } else if (!x.request_payload.empty()) {
        second = x.request_payload.front();
    }
    http::ErrorCode failed;
    request_->sent = paywall::Sent::part;
    upstream.stream.write_now(first, second, failed);
    if (failed == http::asio::error::would_block) {
        watch_.arm(request_->site->config.timeouts.body, upstream.stream);
        failed = co_await upstream.stream.write_rest(first, second);
        watch_.disarm();
    }
    x.from_client.consume(used);
    if (failed) {
        request_->problem = http::Problem{502, "The server behind this service closed the connection."};
        co_return may_retry ? Exchanged::retry : Exchanged::failed;
    }
    if (request_->body.done()) {
        request_->sent = paywall::Sent::whole;
    } else {
        request_->pump = std::make_unique<Pump>(worker_.context().get_executor(), worker_.watchdog());
        http::Stream::Reading client = stream_.reading();
        request_->pump->companion.start(pump_request(std::move(client), upstream.stream));
    }
    Exchanged exchanged = Exchanged::failed;
    std::exception_ptr thrown;
    try {
        exchanged = co_await converse(upstream, target, may_retry, reusable);
    } catch (...) {
        thrown = std::current_exception();
    }
    // What reads the client goes before anything that it uses.
    leaving_.end();
    if (request_->pump) co_await stop_pump();
    request_->sent = sent();
    request_->pump.reset();
    if (thrown) std::rethrow_exception(thrown);
    co_return exchanged;
}

// The response, while what is left of the request's body goes the other way.
http::Awaitable<Session::Exchanged> Session::converse(upstream::UpstreamConnection& upstream,
                                                      const upstream::Target& target, bool may_retry, bool* reusable) {
    Exchange& x = *exchange_;
    bool nothing_came = true;
    std::optional<http::Fault> fault = co_await read_response_head(upstream.stream, &nothing_came);
    if (fault && leaving_.left()) co_return Exchanged::left;
    if (!fault) {
        target.health->answered(x.response.head().version < 11);
        upstream.set_server_timeout(http::keep_alive_timeout(x.response.head()));
        fault = read_first_chunks();
    }
    if (fault) {
        if (request_->pump && request_->pump->fault) fault = request_->pump->fault;
        request_->problem = http::Problem{fault->status, std::string(fault->detail)};
        const bool again = may_retry && nothing_came && fault->status == 502;
        co_return again ? Exchanged::retry : Exchanged::failed;
    }
    paywall::Fate fate{sent(), paywall::Came::head, x.response.head().status};
    const bool counted = co_await settle(fate);
    if (!counted) co_return Exchanged::refused;
    if (fate.status == 101) fault = co_await send_whole();
    bool forwarded = false;
    if (!fault) {
        if (sells_events())
            forwarded = co_await forward_events(upstream, reusable);
        else
            forwarded = co_await forward_response(upstream, reusable);
    }
    // What it has not read by the time it answers, it may take for the next request (RFC 9112 §9.6).
    if (fate.sent != paywall::Sent::whole) *reusable = false;
    if (!sent_whole()) {
        request_->keep_alive = false;
        *reusable = false;
    }
    if (fault) request_->problem = http::Problem{fault->status, std::string(fault->detail)};
    co_return forwarded ? Exchanged::done : Exchanged::failed;
}

// Until the head of the final response is in response.head(), its bytes consumed.
http::Awaitable<std::optional<http::Fault>> Session::read_response_head(http::Stream& upstream, bool* nothing_came) {
    Exchange& x = *exchange_;
    http::Buffer& in = x.from_upstream;
    const config::Config& config = request_->site->config;
    const http::RequestHead& request = x.request.head();
    http::AnswerReader answer({config.limits.header, config.limits.header}, request.verb == http::Verb::head,
                              !request.upgrade.empty());
    http::Stream::Reading reading = upstream.reading();
    request_->awaiting_head = true;
    // Else it starts when the body has been sent.
    if (!request_->pump || !request_->pump->companion.running())
        watch_.arm(config.timeouts.upstream_response, upstream);
    leaving_.begin(stream_, upstream, config.timeouts.half_closed, !request_->pump || request_->pump->sent);
    std::optional<http::Fault> fault;
    while (!fault) {
        if (request_->pump && request_->pump->fault) {
            fault = request_->pump->fault;
            break;
        }
        if (leaving_.left()) {
            fault = http::Fault{400, "The client is gone."};
            break;
        }
        const http::AnswerReader::Step step = answer.next(in, x.response);
        if (step == http::AnswerReader::Step::final) break;
        if (step == http::AnswerReader::Step::bad) {
            log::warn("service {}: the upstream {}", service().name.text(), answer.fault());
            fault = http::Fault{502, "The server behind this service sent an answer that cannot be read."};
        } else if (step == http::AnswerReader::Step::interim) {
            bool passed_on = co_await forward_interim(upstream);
            if (!passed_on) leaving_.set_left();
        } else {
            std::size_t room = 0;
            char* data = in.prepare(Exchange::read_size, &room);
            auto [failed, count] = co_await reading.read_some(data, room);
            in.commit(count);
            if (count > 0) *nothing_came = false;
            leaving_.touch();
            if (leaving_.left()) continue;
            if (failed && watch_.expired())
                fault = http::Fault{504, "The server behind this service did not answer in time."};
            else if (failed)
                fault = http::Fault{502, "The server behind this service closed the connection without an answer."};
        }
    }
    watch_.disarm();
    request_->awaiting_head = false;
    co_return fault;
}

// 100 Continue and its like: passed on to clients that know them.
http::Awaitable<bool> Session::forward_interim(http::Stream& upstream) {
    Exchange& x = *exchange_;
    if (x.request.head().version < 11) co_return true;
    x.to_client.clear();
    relay::OwnFields own{{}, {}, service().cost_header, request_->free_for_all(), {}};
    append_client_head(x.response.head(), relay::ClientFraming::none, 11, true, own, x.to_client);
    request_->awaiting_head = false;  // the watch is the client's meanwhile
    http::ErrorCode failed = co_await write_client(x.to_client, {});
    x.to_client.clear();
    request_->awaiting_head = true;
    if (!request_->pump || !request_->pump->companion.running())
        watch_.arm(request_->site->config.timeouts.upstream_response, upstream);
    co_return !failed;
}

http::Awaitable<http::ErrorCode> Session::write_client(std::string_view first, std::string_view second) {
    http::ErrorCode failed;
    stream_.write_now(first, second, failed);
    if (failed == http::asio::error::would_block) {
        const auto since = Clock::now();
        watch_.arm(request_->site->config.timeouts.body, stream_);
        failed = co_await stream_.write_rest(first, second);
        watch_.disarm();
        request_->client_waited += Clock::now() - since;
    }
    co_return failed;
}

}  // namespace millrace::front
