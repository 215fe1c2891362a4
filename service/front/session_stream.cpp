// Server-Sent Events in a session of the Payment scheme, where the service sells them by the event.
//
//   each event that has data is paid for before it goes: a lease of some at a time, on disk ahead of them
//   where nothing is left:   event: payment-need-topup
//                            data: {"sessionId", "balanceSpent", "balanceRequired"}         satoshi
//   and nothing more is read or sent until a topUp has come, for as long as the service holds the connection; then
//                            event: session-timeout         the same data, and the end
//   where the stream is complete, before "[DONE]" if there is one:
//                            event: payment-receipt
//                            data: {"method", "reference", "spent", "status", "timestamp", "units"}
#include <boost/json/serialize.hpp>

#include "common/payment/timestamp.hpp"
#include "service/front/session.hpp"
#include "service/paywall/event_stream.hpp"
#include "service/relay/header_rules.hpp"

namespace millrace::front {
namespace {

// The store tries about as often whether it can be written again.
constexpr std::chrono::seconds store_pace{1};
constexpr std::chrono::seconds heartbeat{15};

std::string event_text(std::string_view name, const boost::json::object& data) {
    return "event: " + std::string(name) + "\ndata: " + boost::json::serialize(data) + "\n\n";
}

}  // namespace

// Whether the response that has come is sold by the event.
bool Session::sells_events() const {
    const http::ResponseHead& head = exchange_->response.head();
    return request_->visit && request_->use && service().sessions && service().sessions->event &&
           head.status / 100 == 2 && head.framing != http::Framing::none && relay::is_event_stream(head);
}

// What a client is told of the account when the stream stops.
std::string Session::balance_event(std::string_view name) const {
    const Msat spent(worker_.shared().ledger.used(request_->visit->id()).spent_msat);
    const boost::json::object data{{"sessionId", request_->visit->id().hex()},
                                   {"balanceSpent", payment::to_sat(spent)},
                                   {"balanceRequired", payment::to_sat(*service().sessions->event)}};
    return event_text(name, data);
}

std::string Session::stream_receipt() const {
    const Msat spent(request_->meter.events_sent() * service().sessions->event->value());
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const boost::json::object data{{"method", "lightning"},
                                   {"reference", request_->visit->id().hex()},
                                   {"status", "success"},
                                   {"timestamp", payment::write_timestamp(now)},
                                   {"spent", payment::to_sat(spent)},
                                   {"units", request_->meter.events_sent()}};
    return event_text("payment-receipt", data);
}

// Sets a lease of events aside, or what there is money for, and records it. What could not be recorded is not taken.
http::Awaitable<Session::Lease> Session::lease_events() {
    Shared& shared = worker_.shared();
    const Msat price = *service().sessions->event;
    if (!shared.sessions.is_open(request_->visit->id())) co_return Lease::no_money;
    if (!shared.store.writable()) co_return Lease::not_recorded;  // it finds out by itself when it can be written again
    if (auto deposit = shared.sessions.deposit(request_->visit->id())) request_->use->raise_credit(*deposit);
    const std::uint64_t there = meter::Meter::lease_events(*request_->use, price);
    if (there == 0) co_return Lease::no_money;
    Result<void> recorded = co_await record_pending();
    if (!recorded) {
        meter::Meter::events_not_leased(*request_->use, there, price);
        co_return Lease::not_recorded;
    }
    request_->meter.events_leased(there);
    co_return Lease::taken;
}

// Until one more event is paid for. False: the stream ends here.
http::Awaitable<bool> Session::pay_for_event(relay::ClientFraming framing) {
    if (!request_->meter.take_event()) {
        Lease lease = co_await lease_events();
        bool paid = lease == Lease::taken;
        if (!paid) paid = co_await wait_for_lease(lease, framing);
        if (!paid) co_return false;
        (void)request_->meter.take_event();
    }
    co_return true;
}

// What a response waits with: the end of the connection and the client's leaving wake it, for as long as this is there.
struct Session::Waiting {
    explicit Waiting(Session& whose) : session(whose), wakeup(whose.worker_.context().get_executor()) {
        session.waiting_ = &wakeup;
        session.leaving_.wakes(&wakeup);
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() {
        session.waiting_ = nullptr;
        session.leaving_.wakes(nullptr);
    }

    Session& session;
    async::Wakeup wakeup;
};

// Until there is a lease: a further deposit wakes it, money that another request gives back, and all that ends the
// stream. The store alone does not say when it can be written again. False: the stream ends here.
http::Awaitable<bool> Session::wait_for_lease(Lease lease, relay::ClientFraming framing) {
    Exchange& x = *exchange_;
    Shared& shared = worker_.shared();
    const PaymentHash id = request_->visit->id();
    Waiting waiting(*this);
    const auto session_changed = shared.sessions.watch(id, waiting.wakeup.teller());
    const auto money_came_back = shared.ledger.watch(id, waiting.wakeup.teller());
    const auto end = Clock::now() + service().sessions->hold;
    auto next_beat = Clock::now() + heartbeat;
    bool asked_for_more = false;
    for (;;) {
        // A store that cannot be written is no matter of the client's money.
        if (lease == Lease::no_money && !std::exchange(asked_for_more, true))
            add_event(balance_event("payment-need-topup"), framing);
        http::ErrorCode failed;
        if (!x.to_client.empty()) failed = co_await write_client(x.to_client, {});
        x.to_client.clear();
        if (failed) co_return false;
        lease = co_await lease_events();
        if (lease == Lease::taken) co_return true;
        const auto now = Clock::now();
        if (!shared.sessions.is_open(id) || leaving_.left() || worker_.draining() || now >= end) break;
        if (lease == Lease::no_money && !asked_for_more) continue;
        auto until = std::min(end, next_beat);
        if (lease == Lease::not_recorded) until = std::min(until, now + store_pace);
        co_await waiting.wakeup.wait_until(until);
        if (Clock::now() < next_beat) continue;
        add_event(": waiting\n\n", framing);
        next_beat = Clock::now() + heartbeat;
    }
    if (asked_for_more) add_event(balance_event("session-timeout"), framing);
    co_return false;
}

void Session::add_event(std::string_view text, relay::ClientFraming framing) {
    std::string& out = exchange_->to_client;
    if (framing != relay::ClientFraming::chunked) {
        out.append(text);
        return;
    }
    exchange_->response_payload.assign(1, text);
    http::append_chunk(exchange_->response_payload, out);
}

// As forward_response(), event by event. False: the connection cannot go on.
http::Awaitable<bool> Session::forward_events(upstream::UpstreamConnection& upstream, bool* reusable) {
    Exchange& x = *exchange_;
    const http::ResponseHead& head = x.response.head();
    http::Buffer& in = x.from_upstream;
    const int version = x.request.head().version;
    // Events of ours come between the upstream's: the length it may have told is not the client's.
    const relay::ClientFraming framing = version >= 11 ? relay::ClientFraming::chunked : relay::ClientFraming::close;
    if (framing == relay::ClientFraming::close || worker_.draining() || !sent_whole()) request_->keep_alive = false;
    relay::OwnFields own{request_->own_lines,      request_->receipt, service().cost_header,
                         request_->free_for_all(), worker_.date(),    !service().cors.empty()};
    append_client_head(head, framing, version, request_->keep_alive, own, x.to_client);
    const unsigned status = head.status;
    const http::Framing from = head.framing;
    std::uint64_t left = head.content_length;
    *reusable = head.keep_alive && from != http::Framing::until_eof;
    request_->answered = true;
    http::Stream::Reading reading = upstream.stream.reading();
    paywall::EventStream events;
    bool done = false;
    bool ended = false;    // by the server closing
    bool broken = false;   // by the server, before its time
    bool stopped = false;  // for want of money
    bool receipted = false;
    std::optional<std::uint64_t> trailer_cost_told;
    for (;;) {
        if (from == http::Framing::chunked) {
            http::ChunkProgress progress = read_chunks();
            broken = progress.bad || (progress.used == 0 && in.size() > request_->site->config.limits.header);
            for (std::string_view piece : x.response_payload) events.feed(piece);
            if (progress.done) trailer_cost_told = trailer_cost();
            in.consume(progress.used);
            done = progress.done;
        } else {
            const std::size_t used = from == http::Framing::length
                                         ? static_cast<std::size_t>(std::min<std::uint64_t>(left, in.size()))
                                         : in.size();
            events.feed(in.view().substr(0, used));
            in.consume(used);
            left -= from == http::Framing::length ? used : 0;
            done = from == http::Framing::length ? left == 0 : ended;
        }
        while (auto event = events.next()) {
            if (event->is_done) {
                add_event(stream_receipt(), framing);
                receipted = true;
            } else if (event->has_data) {
                bool paid = co_await pay_for_event(framing);
                stopped = !paid;
                if (stopped) break;
            }
            add_event(event->text, framing);
        }
        if (done && !stopped) {
            // No blank line ends it, and whoever reads the stream as text has it all the same.
            const paywall::EventStream::Event rest = events.rest();
            if (rest.has_data) stopped = !co_await pay_for_event(framing);
            if (!stopped && !rest.text.empty()) add_event(rest.text, framing);
            end_events();  // what they do not need is there for it
            co_await settle_trailer(trailer_cost_told);
        }
        if (done && !stopped && !receipted) add_event(stream_receipt(), framing);
        if (done || stopped) {
            end_events();
            if (framing == relay::ClientFraming::chunked) x.to_client.append(http::last_chunk);
        }
        http::ErrorCode failed = co_await write_client(x.to_client, {});
        x.to_client.clear();
        if (failed) leaving_.set_left();
        if (failed || done || stopped || broken) {
            if (failed || stopped || broken || !in.empty()) *reusable = false;
            finish_request(status, broken ? Outcome::upstream_error : Outcome::served);
            // What the upstream has yet to say is not waited for.
            co_return !failed && !broken && done;
        }
        std::size_t room = 0;
        char* data = Exchange::prepare_body(in, &room);
        watch_.arm(request_->site->config.timeouts.body, upstream.stream);
        http::ErrorCode lost = http::asio::error::operation_aborted;
        std::size_t count = 0;
        if (!leaving_.left()) std::tie(lost, count) = co_await reading.read_some(data, room);
        watch_.disarm();
        in.commit(count);
        leaving_.touch();
        if (lost == http::asio::error::eof && from == http::Framing::until_eof) {
            ended = true;
        } else if (lost) {
            *reusable = false;
            finish_request(status, leaving_.left() ? Outcome::served : Outcome::upstream_error);
            co_return false;
        }
    }
}

// Events that were paid for and did not come.
void Session::end_events() {
    if (!request_->use || !service().sessions || !service().sessions->event) return;
    const std::uint64_t unused = request_->meter.end_events(*service().sessions->event);
    if (unused > 0) give_back({0, 0, unused});
}

}  // namespace millrace::front
