// Closes sessions of the Payment scheme, and has the node pay back what is left of them.
//
//   close: nobody enters any more -> requests under way end, or 10 s pass -> closed, with what is owed: one commit
//          -> the plugin is asked to pay it -> how that ended: on disk
//
// A client closes its own session; one that is unused for as long as it may be, or that an operator has revoked, is
// closed here. What requests that do not end in time have set aside counts as spent. A refund is asked for until the
// plugin has said how it ended, also after a restart; the plugin pays it once, however often it is asked. One that it
// refuses for now or that failed is asked for again later, after longer and longer times, until the return invoice has
// expired: of that the plugin says that it can never be paid.
//
// Lives on one io_context; close() may be called from any thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <vector>

#include "service/gateway/client.hpp"
#include "service/http/asio.hpp"
#include "service/metrics/metrics.hpp"
#include "service/paywall/ledger.hpp"
#include "service/paywall/session_book.hpp"
#include "service/store/store.hpp"

namespace millrace::sessions {

class Closer {
  public:
    using Done = store::SessionStore::Done;

    // All references must outlive it.
    Closer(boost::asio::io_context& context, store::Store& store, gateway::Client& gateway, paywall::SessionBook& book,
           paywall::Ledger& ledger, metrics::Metrics& metrics);

    // Takes over what the store knows of: open ones go into the book, refunds that are pending are asked for.
    void start(std::vector<paywall::SessionRecord> known);
    void stop();  // on its io_context

    // `done` is called on its io_context, once the plugin has been asked for the refund, if there is one: where that is
    // still pending then, it goes on by itself. Errors: write_failed, and the session is as it was.
    void close(paywall::SessionClose close, Done done);

  private:
    using Clock = std::chrono::steady_clock;

    // A refund of which it is not known how it ended.
    struct Owed {
        paywall::SessionRecord session;
        Clock::time_point next;
        std::chrono::seconds pause;
        bool asking = false;
    };

    // `begun`: the book has it as closing already. `done`: the number of whom to tell; 0: nobody.
    http::Awaitable<> close_one(paywall::SessionClose close, bool begun, std::uint64_t done);
    void tell(std::uint64_t done, Result<paywall::SessionOutcome> outcome);
    http::Awaitable<bool> begin_close(PaymentHash id);
    http::Awaitable<> leave_time(PaymentHash id);
    http::Awaitable<> ask(paywall::SessionRecord& session, std::chrono::seconds pause);
    http::Awaitable<> record(paywall::SessionRecord& session, paywall::RefundResult result);
    http::Awaitable<> ask_again(Owed owed);
    void asked(const PaymentHash& id);
    http::Awaitable<> tick();
    void ask_what_is_due();
    void sweep();
    void close_revoked();

    boost::asio::io_context& context_;
    store::Store& store_;
    gateway::Client& gateway_;
    paywall::SessionBook& book_;
    paywall::Ledger& ledger_;
    metrics::Metrics& metrics_;
    http::Timer tick_timer_;
    std::map<PaymentHash, Owed> owed_;
    std::map<std::uint64_t, Done> waiting_;  // not in the coroutines, which may outlive whoever waits
    std::uint64_t last_done_ = 0;
    std::size_t asking_ = 0;
    std::uint64_t revocations_seen_ = 0;
    bool stopped_ = false;
};

}  // namespace millrace::sessions
