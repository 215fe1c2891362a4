#include <algorithm>
#include <array>

#include "service/front/own_endpoints.hpp"
#include "service/front/session.hpp"
#include "service/pages/pay_page.hpp"

namespace millrace::front {
namespace {

// Proxies close what is silent for a minute or less.
constexpr std::chrono::seconds heartbeat{15};
constexpr std::chrono::seconds longest_wait = std::chrono::hours(1);

// A client that waits sends nothing; beyond this it is no such client.
constexpr std::size_t max_ignored = 64 * 1024;

constexpr std::string_view settled_event = "event: settled\ndata: {}\n\n";

}  // namespace

// A browser that leaves closes the connection: its place is given up at once. Reads until then, or until its reading
// is cancelled.
http::Awaitable<> Session::notice_leaving(http::Stream::Reading client,
                                          std::shared_ptr<SettlementWaiters::Waiter> waiter) {
    std::array<char, 64> bytes{};
    for (std::size_t ignored = 0; ignored < max_ignored && !waiter->over;) {
        auto [failed, count] = co_await client.read_some(bytes.data(), bytes.size());
        if (failed) break;
        ignored += count;
    }
    waiter->left = true;
    waiter->wakeup.tell();
}

// Until it is settled and the client has been told, the client left, or there is an end to it.
http::Awaitable<> Session::wait_for_settlement(const SettlementWaiters::Place& place, PaymentHash hash,
                                               Clock::time_point end) {
    http::ErrorCode failed;
    while (!failed && !place->left && !worker_.draining()) {
        if (place->settled || worker_.shared().store.facts(hash).settled_at) {
            co_await write_client(settled_event, {});
            break;
        }
        auto now = Clock::now();
        if (now >= end) break;
        co_await place->wakeup.wait_until(std::min(end, now + heartbeat));
        if (!place->settled && !place->left && !worker_.draining()) failed = co_await write_client(": waiting\n\n", {});
    }
}

// Server-Sent Events for one pay page: authorised by its cookie, since a payment hash is no secret. Tells once that the
// payment is in the store, and ends; the page comes back by itself where the connection breaks before.
//
//   retry: 3000
//   : waiting                 every 15 seconds
//   event: settled
http::Awaitable<bool> Session::send_events() {
    std::string_view offer = query_parameter(exchange_->target.forward, "offer");
    const l402::KeyRing* keys = worker_.keys();
    std::optional<pages::SealedTicket> ticket;
    for (const pages::PayCookie& cookie : pages::find_offer_cookies(exchange_->request.head(), offer)) {
        ticket = pages::parse_pay_cookie(cookie.value);
        if (ticket && keys && pages::is_genuine(*ticket, *keys)) break;
        ticket.reset();
    }
    if (!ticket) {
        http::Problem refused{403, "Only the browser that was shown the pay page may listen here."};
        co_return co_await answer(std::move(refused), Outcome::rejected);
    }
    PaymentHash hash = ticket->credential.identifier.payment_hash;
    auto left = ticket->ticket.expires_at + pages::expiry_grace - std::chrono::system_clock::now();
    auto end = Clock::now() + std::min<Clock::duration>(left, longest_wait);
    http::Executor executor = worker_.context().get_executor();
    const config::PayPages& bounds = request_->site->config.pay_page;
    const SettlementWaiters::Who who{hash, limits::prefix_of(request_->client)};
    SettlementWaiters::Place place =
        worker_.shared().waiters.join(who, executor, {bounds.max_waiting, bounds.max_waiting_per_prefix});
    if (!place) {
        http::Problem full{503, "Too many pages wait for their payment. Load the page again instead."};
        full.retry_after = 15;
        co_return co_await answer(std::move(full), Outcome::rejected);
    }
    bool head_only = exchange_->request.head().verb == http::Verb::head;
    std::string text = "HTTP/1.1 200 OK\r\nDate: " + std::string(worker_.date()) +
                       "\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nX-Accel-Buffering: no\r\n"
                       "Connection: close\r\n" +
                       request_->own_lines + "\r\n";
    if (!head_only) text += "retry: 3000\n\n";
    request_->answered = true;
    http::ErrorCode failed = co_await write_client(text, {});
    finish_request(200, Outcome::served);
    // It may wait for long: without the buffers of a request.
    exchange_->clear();
    exchange_->from_client.release();
    if (failed || head_only) co_return false;
    waiting_ = &place->wakeup;
    http::Watch leaving(worker_.watchdog());
    leaving.arm(longest_wait + heartbeat, stream_);
    http::Companion reader(executor);
    http::Stream::Reading client = stream_.reading();
    reader.start(notice_leaving(std::move(client), place.waiter()));
    std::exception_ptr thrown;
    try {
        co_await wait_for_settlement(place, hash, end);
    } catch (...) {
        thrown = std::current_exception();
    }
    waiting_ = nullptr;
    place->over = true;
    leaving.fire();
    co_await reader.ended();
    if (thrown) std::rethrow_exception(thrown);
    co_return false;
}

}  // namespace millrace::front
