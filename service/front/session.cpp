#include "service/front/session.hpp"

#include "common/codec/log_text.hpp"
#include "service/forward_auth/answer.hpp"
#include "service/log/log.hpp"

namespace millrace::front {
namespace {

// A refused request's body is read and dropped up to here, so that the connection can go on; beyond it, it ends.
constexpr std::uint64_t max_discarded = 64 * 1024;
// In all, however it comes; and no longer than `timeouts.body`.
constexpr std::chrono::milliseconds discard_time{5000};
constexpr std::chrono::milliseconds linger_time{1000};
constexpr std::chrono::milliseconds handshake_time{10'000};

}  // namespace

Session::Session(Worker& worker, Worker::Accepted accepted, std::shared_ptr<http::asio::ssl::context> tls,
                 ListenerRole role)
    : worker_(worker),
      place_(std::move(accepted.place)),
      stream_(std::move(accepted.socket)),
      peer_(std::move(accepted.peer)),
      // Who comes over a unix socket is on this machine.
      peer_address_(limits::parse_address(peer_).value_or(http::asio::ip::address_v4::loopback())),
      tls_(std::move(tls)),
      role_(role),
      watch_(worker.watchdog()),
      leaving_(worker.watchdog()) {}

Session::~Session() {
    if (exchange_) worker_.exchanges().give_back(std::move(exchange_));
    worker_.ended(*this);
}

void Session::drain() {
    if (idle_) watch_.fire();
    if (waiting_) waiting_->tell();
}

// What waits is cancelled, so that each coroutine comes to its own end.
void Session::cut_off() {
    leaving_.end();  // it is not the client that leaves
    stream_.shutdown();
    end_tunnel();
    if (request_ && request_->pump) request_->pump->watch.fire();
    watch_.fire();
    if (waiting_) waiting_->tell();
}

// An idle connection holds this frame and no other: what waits for a request on a plain connection is the socket itself.
http::Awaitable<> Session::run(std::unique_ptr<Session> session) {
    Session& self = *session;
    if (self.tls_) {
        const bool secured = co_await self.begin_tls();
        if (!secured) co_return;
    }
    while (!self.worker_.draining()) {
        self.begin_waiting();
        bool there = false;
        if (self.tls_) {
            there = co_await self.wait_for_byte();
        } else if (http::Stream::Reading client = self.stream_.reading()) {
            const http::ErrorCode failed = co_await client.wait_readable();
            there = !failed;
        }
        self.watch_.disarm();
        self.idle_ = false;
        if (!there) break;
        if (!self.exchange_) self.exchange_ = self.worker_.exchanges().take();
        const bool again = co_await self.serve_requests();
        if (!again) break;
    }
    if (self.tls_) {
        self.watch_.arm(linger_time, self.stream_);
        http::Stream::Reading client = self.stream_.reading();
        co_await client.end_tls();
        self.watch_.disarm();
    }
    self.stream_.close();
}

http::Awaitable<bool> Session::begin_tls() {
    stream_.start_tls(*tls_);
    watch_.arm(handshake_time, stream_);
    http::Stream::Reading client = stream_.reading();
    const http::ErrorCode failed = co_await client.handshake(http::asio::ssl::stream_base::server);
    watch_.disarm();
    co_return !failed;
}

http::Awaitable<bool> Session::serve_requests() {
    for (;;) {
        begin_request();
        const bool again = co_await serve();
        end_request();
        if (!again) co_return false;
        if (!exchange_->from_client.empty()) continue;
        worker_.exchanges().give_back(std::move(exchange_));
        co_return true;
    }
}

// Until there is something to read. Nothing is held meanwhile: a plain connection waits for its socket, and one with
// TLS, whose bytes may be in OpenSSL's buffers already, for its first byte.
void Session::begin_waiting() {
    idle_ = true;
    idle_since_ = Clock::now();
    watch_.arm(worker_.site()->config.timeouts.idle, stream_);
}

http::Awaitable<bool> Session::wait_for_byte() {
    http::Stream::Reading client = stream_.reading();
    char first = 0;
    auto [failed, count] = co_await client.read_some(&first, 1);
    if (failed || count != 1) co_return false;
    exchange_ = worker_.exchanges().take();
    std::size_t room = 0;
    *exchange_->from_client.prepare(Exchange::read_size, &room) = first;
    exchange_->from_client.commit(1);
    co_return true;
}

void Session::begin_request() {
    request_ = &exchange_->begin();
    request_->generation = worker_.refresh();
    request_->site = worker_.site();
    request_->began = Clock::now();
    request_->counts = &worker_.shared().metrics.unmatched().shard(worker_.index());
    request_->config = &request_->site->config;
    request_->head = &exchange_->request.head();
    request_->target = &exchange_->target;
    request_->room = &exchange_->token_headers;
    leaving_.forget();
}

void Session::end_request() {
    request_ = nullptr;
    exchange_->end();
}

void Session::finish_request(unsigned code, Outcome outcome) {
    std::chrono::duration<double> took = Clock::now() - request_->began;
    request_->counts->request(code, outcome, took.count());
    if (log::writes(log::Level::debug)) {
        // Without query and without any header: neither can hold a secret here.
        log::debug("{} {} {} {} ms", peer_, codec::log_text(exchange_->target.path), code, took.count() * 1e3);
    }
}

// A request that is denied by two steps counts in the first one.
void Session::count_credential(metrics::AuthResult result) {
    if (!request_->is_second_step()) request_->counts->authenticated(result);
}

void Session::count_allowance(metrics::FreeResult result) {
    if (!request_->is_second_step()) request_->counts->on_allowance(result);
}

Session::HeadState Session::look_for_head() {
    http::Buffer& in = exchange_->from_client;
    const config::Limits& limits = request_->site->config.limits;
    // RFC 9112 §2.2: empty lines in front of a request are skipped.
    while (in.size() >= 2 && in.view().substr(0, 2) == "\r\n") in.consume(2);
    request_->head_size = http::find_head_end(in.view(), request_->scanned);
    std::size_t size = request_->head_size > 0 ? request_->head_size : in.size();
    if (size > limits.header) {
        bool no_line_yet = in.view().substr(0, limits.target + 64).find('\n') == std::string_view::npos;
        request_->fault = no_line_yet ? http::Fault{414, "The request target is too long."}
                                      : http::Fault{431, "The head is too large."};
        return HeadState::refused;
    }
    return request_->head_size > 0 ? HeadState::complete : HeadState::incomplete;
}

// One read without waiting: most requests come in one piece.
Session::HeadState Session::read_head_now() {
    std::size_t room = 0;
    char* data = exchange_->from_client.prepare(Exchange::read_size, &room);
    http::ErrorCode error;
    std::size_t count = stream_.reading().read_now(data, room, error);
    if (error == http::asio::error::would_block) return HeadState::incomplete;
    if (error) return HeadState::closed;
    exchange_->from_client.commit(count);
    return look_for_head();
}

http::Awaitable<Session::HeadState> Session::read_head() {
    const config::Timeouts& timeouts = request_->site->config.timeouts;
    http::Buffer& in = exchange_->from_client;
    http::Stream::Reading client = stream_.reading();
    bool begun = !in.empty();
    HeadState state = HeadState::incomplete;
    idle_ = !begun;
    watch_.arm(begun ? timeouts.header : timeouts.idle, stream_);
    while (state == HeadState::incomplete) {
        std::size_t room = 0;
        char* data = in.prepare(Exchange::read_size, &room);
        auto [failed, count] = co_await client.read_some(data, room);
        idle_ = false;
        if (failed) {
            request_->fault = {408, "The request's head did not come in time."};
            state = begun && watch_.expired() ? HeadState::refused : HeadState::closed;
            break;
        }
        in.commit(count);
        if (!begun) {
            begun = true;
            request_->began = Clock::now();
            watch_.arm(timeouts.header, stream_);
        }
        state = look_for_head();
    }
    watch_.disarm();
    co_return state;
}

http::Awaitable<bool> Session::serve() {
    HeadState state = look_for_head();
    if (state == HeadState::incomplete && !stream_.tls()) state = read_head_now();
    if (state == HeadState::incomplete) state = co_await read_head();
    if (state == HeadState::closed) co_return false;
    if (state == HeadState::refused) {
        exchange_->target.path = "-";
        request_->close_gently = true;
        http::Problem refused{request_->fault.status, std::string(request_->fault.detail)};
        co_return co_await answer(std::move(refused), Outcome::rejected);
    }
    exchange_->target.path = "-";
    co_return co_await run_pipeline();
}

http::Awaitable<bool> Session::answer(http::Problem problem, Outcome outcome) {
    const bool passes = problem.status == 429 || problem.status == 503;
    if (passes && problem.page.empty()) add_wait_page(problem);
    if (request_->front_question) co_return co_await deny(std::move(problem), outcome);
    Writer write = [&problem](const http::AnswerFacts& facts) { return write_answer(problem, facts); };
    co_return co_await send(problem.status, write, outcome);
}

http::Awaitable<bool> Session::answer(http::Reply reply, Outcome outcome) {
    Writer write = [&reply](const http::AnswerFacts& facts) { return write_reply(reply, facts); };
    co_return co_await send(reply.status, write, outcome);
}

// Sends one of our own answers. What is unread of the request's body is dropped if it is small; otherwise the
// connection ends.
http::Awaitable<bool> Session::send(unsigned status, const Writer& write, Outcome outcome) {
    // A head that is not understood has none of its own.
    const http::RequestHead& head = exchange_->request.head();
    bool to_head =
        (request_->front_question ? request_->asked_by_head : head.verb == http::Verb::head) && !request_->close_gently;
    int version = head.version;
    // It may or may not send the body, so that nobody knows where the next request begins; or it may not end it before
    // it has heard from us.
    bool waits = head.expect_continue || (request_->front_question && forward_auth::is_grpc(head));
    bool keep = request_->keep_alive && !worker_.draining();
    if (keep && !request_->body.done()) keep = !waits && co_await discard_body();
    http::AnswerFacts facts{worker_.date(), version, keep, to_head, request_->own_lines};
    std::string text = write(facts);
    request_->answered = true;
    http::ErrorCode failed = co_await write_client(text, {});
    finish_request(status, outcome);
    if (failed) co_return false;
    if (!keep && (request_->close_gently || !request_->body.done())) co_await linger();
    co_return keep;
}

// One deadline for the whole: who sends a byte now and then is answered, and the connection ends.
http::Awaitable<bool> Session::discard_body() {
    http::Buffer& in = exchange_->from_client;
    http::Stream::Reading client = stream_.reading();
    bool whole = false;
    watch_.arm(std::min(discard_time, request_->site->config.timeouts.body), stream_);
    for (;;) {
        std::size_t used = 0;
        if (request_->body.take(in, exchange_->request, exchange_->request_payload, &used) !=
            http::RequestBody::Step::good)
            break;
        in.consume(used);
        whole = request_->body.done();
        if (whole || request_->body.seen() > max_discarded || watch_.expired()) break;
        std::size_t room = 0;
        char* data = in.prepare(Exchange::read_size, &room);
        auto [failed, count] = co_await client.read_some(data, room);
        if (failed) break;
        in.commit(count);
    }
    watch_.disarm();
    co_return whole;
}

// Closing while the client still sends makes the kernel reset the connection, and the answer may be lost with it: so
// the sending side is closed first, and what comes is dropped for a moment.
http::Awaitable<> Session::linger() {
    stream_.shutdown_send();
    http::Buffer& in = exchange_->from_client;
    http::Stream::Reading client = stream_.reading();
    watch_.arm(linger_time, stream_);
    for (;;) {
        in.clear();
        std::size_t room = 0;
        char* data = in.prepare(Exchange::read_size, &room);
        // Under TLS too the socket itself is read: nobody looks at the bytes.
        auto [failed, count] = co_await client.drop_some(data, room);
        if (failed || watch_.expired()) break;
    }
    watch_.disarm();
    in.clear();
}

}  // namespace millrace::front
