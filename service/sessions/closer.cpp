#include "service/sessions/closer.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "common/codec/log_text.hpp"
#include "service/async/spawn.hpp"
#include "service/async/wakeup.hpp"
#include "service/http/await_callback.hpp"
#include "service/log/log.hpp"

namespace millrace::sessions {
namespace {

using namespace std::chrono_literals;
using http::Awaitable;
using paywall::RefundProgress;

// A request that a close waits for is mostly done within a moment; one that streams for long is not waited for.
constexpr auto most_patience = 10s;
constexpr std::chrono::seconds first_pause{5};
constexpr std::chrono::seconds longest_pause{60};
// For what time alone can change, such as the operator's limit of a day; doubled each time for what failed.
constexpr std::chrono::seconds long_pause{600};
constexpr std::chrono::seconds longest_long_pause{6 * 3600};
constexpr std::size_t most_at_once = 8;

// Of a refusal: it stands until something happens.
bool may_change(const std::optional<gateway::RefundRefusal>& why) {
    return why == gateway::RefundRefusal::daily_limit || why == gateway::RefundRefusal::not_settled;
}

// It stands, unless the operator thinks better of it.
bool may_be_allowed(const std::optional<gateway::RefundRefusal>& why) {
    return why == gateway::RefundRefusal::off;
}

metrics::SessionEvent event_of(paywall::ClosedBy who) {
    switch (who) {
        case paywall::ClosedBy::client:
            return metrics::SessionEvent::closed_by_client;
        case paywall::ClosedBy::idle:
            return metrics::SessionEvent::closed_idle;
        case paywall::ClosedBy::operator_:
            break;
    }
    return metrics::SessionEvent::closed_by_operator;
}

std::chrono::sys_seconds seconds_now() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace

Closer::Closer(boost::asio::io_context& context, store::Store& store, gateway::Client& gateway,
               paywall::SessionBook& book, paywall::Ledger& ledger, metrics::Metrics& metrics)
    : context_(context),
      store_(store),
      gateway_(gateway),
      book_(book),
      ledger_(ledger),
      metrics_(metrics),
      tick_timer_(context.get_executor()) {}

void Closer::start(std::vector<paywall::SessionRecord> known) {
    using State = paywall::SessionBook::State;
    for (paywall::SessionRecord& session : known) {
        const State state = session.closed_at ? State::closed : State::open;
        book_.add(session.id, {session.scope, session.deposit, session.idle, state, session.deposits});
        const RefundProgress progress = session.refund_progress;
        if (progress != RefundProgress::pending && progress != RefundProgress::failed) continue;
        const PaymentHash id = session.id;
        owed_.emplace(id, Owed{std::move(session), Clock::now(), first_pause, false});
    }
    async::spawn(context_.get_executor(), tick(), "the clock of the sessions");
}

void Closer::stop() {
    stopped_ = true;
    tick_timer_.cancel();
    book_.tell_all();  // those among them that wait here
}

void Closer::close(paywall::SessionClose close, Done done) {
    boost::asio::post(context_, [this, close = std::move(close), done = std::move(done)]() mutable {
        const std::uint64_t number = ++last_done_;
        waiting_.emplace(number, std::move(done));
        // Whoever waits and was not told by then is told so by the end of what was to tell it.
        async::spawn(context_.get_executor(), close_one(std::move(close), false, number), "the end of a session",
                     [this, number] { waiting_.erase(number); });
    });
}

void Closer::tell(std::uint64_t done, Result<paywall::SessionOutcome> outcome) {
    auto place = waiting_.extract(done);
    if (place) place.mapped()(std::move(outcome));
}

Awaitable<> Closer::close_one(paywall::SessionClose close, bool begun, std::uint64_t done) {
    const PaymentHash id = close.session;
    bool mine = begun;
    if (!begun) mine = co_await begin_close(id);
    if (mine) {
        co_await leave_time(id);
        close.spent = Msat(ledger_.close(id).spent_msat);
    }
    auto start = [this, &close](auto told) { store_.sessions().close(close, std::move(told)); };
    Result<paywall::SessionOutcome> outcome =
        co_await http::await_callback<Result<paywall::SessionOutcome>>(context_.get_executor(), start);
    if (!outcome) {
        log::error("session {}: could not be closed: {}", id.hex(), outcome.error().message);
        if (mine) {
            ledger_.reopen(id);
            book_.reopen(id);
        }
        tell(done, std::move(outcome));
        co_return;
    }
    if (mine) book_.closed(id);
    const bool is_new = outcome->step == paywall::SessionStep::done;
    if (is_new) {
        metrics_.session(event_of(close.by));
        const paywall::SessionRecord& session = *outcome->session;
        log::info("session {} closed ({}): {} msat spent of {}, {} msat to pay back", id.hex(), name(close.by),
                  session.spent.value(), session.deposit.value(), session.refund.value());
    }
    const bool asked = is_new || outcome->step == paywall::SessionStep::repeated;
    if (asked && outcome->session->refund_progress == RefundProgress::pending)
        co_await ask(*outcome->session, first_pause);
    tell(done, std::move(outcome));
}

// False: somebody else has closed it, or there is none.
Awaitable<bool> Closer::begin_close(PaymentHash id) {
    async::Wakeup wakeup(context_.get_executor());
    const auto changed = book_.watch(id, wakeup.teller());
    while (!book_.begin_close(id)) {
        if (book_.state(id) != paywall::SessionBook::State::closing || stopped_) co_return false;
        co_await wakeup.wait();
    }
    co_return true;
}

Awaitable<> Closer::leave_time(PaymentHash id) {
    async::Wakeup wakeup(context_.get_executor());
    const auto left = book_.watch(id, wakeup.teller());
    const auto end = Clock::now() + most_patience;
    bool patient = true;
    while (patient && book_.in_use(id) && !stopped_) patient = co_await wakeup.wait_until(end);
}

// Asks the plugin once; what is not decided then, is asked for again after `pause`.
Awaitable<> Closer::ask(paywall::SessionRecord& session, std::chrono::seconds pause) {
    gateway::RefundRequest request{session.deposits, session.refund, session.return_invoice};
    auto start = [this, &request](auto told) { gateway_.refund(std::move(request), std::move(told)); };
    using Answer = Result<gateway::Protocol::RefundAnswer>;
    Answer answer = co_await http::await_callback<Answer>(context_.get_executor(), start);
    paywall::RefundResult result;
    std::chrono::seconds next = pause;
    bool again = true;  // where it is not paid by then
    if (!answer) {
        result.reason = answer.error().message;
    } else if (const auto* refused = std::get_if<gateway::Protocol::RefundRefused>(&*answer)) {
        result.reason = refused->message;
        if (may_change(refused->why))
            next = long_pause;
        else
            result.progress = RefundProgress::failed;
        again = may_change(refused->why) || may_be_allowed(refused->why);
    } else {
        const auto& reply = std::get<gateway::RefundReply>(*answer);
        if (reply.state == gateway::RefundState::complete) {
            result.progress = RefundProgress::succeeded;
            result.fee = reply.fee.value_or(Msat());
        } else if (reply.state == gateway::RefundState::failed) {
            result.progress = RefundProgress::failed;
            result.reason = reply.reason.value_or("the payment failed");
        }
    }
    std::chrono::seconds most = longest_pause;
    if (result.progress == RefundProgress::failed) {
        next = std::max(pause, long_pause);
        most = longest_long_pause;
    }
    bool written = false;
    if (result.progress != RefundProgress::pending) {
        co_await record(session, result);
        written = session.refund_progress == result.progress;
    } else if (!result.reason.empty() && pause == first_pause) {
        log::warn("session {}: {} msat are not paid back yet: {}; asking again", session.id.hex(),
                  session.refund.value(), codec::log_text(result.reason));
    }
    const bool ended = written && (result.progress != RefundProgress::failed || !again);
    if (ended)
        owed_.erase(session.id);
    else
        owed_.insert_or_assign(session.id, Owed{session, Clock::now() + next, std::min(next * 2, most), false});
}

Awaitable<> Closer::record(paywall::SessionRecord& session, paywall::RefundResult result) {
    if (result.progress == session.refund_progress && result.reason == session.refund_reason) co_return;  // no news
    auto start = [this, &session, &result](auto told) {
        store_.sessions().record_refund(session.id, result, std::move(told));
    };
    Result<void> written = co_await http::await_callback<Result<void>>(context_.get_executor(), start);
    if (!written) {
        log::error("session {}: the end of its refund could not be recorded: {}", session.id.hex(),
                   written.error().message);
        co_return;
    }
    const bool news = session.refund_progress != result.progress;
    session.refund_progress = result.progress;
    session.refund_reason = result.reason;
    const bool paid = result.progress == RefundProgress::succeeded;
    if (news) {
        metrics_.refunded(paid ? metrics::RefundResult::succeeded : metrics::RefundResult::failed, session.refund,
                          result.fee);
    }
    if (paid) {
        log::info("session {}: {} msat paid back, {} msat of fees", session.id.hex(), session.refund.value(),
                  result.fee.value());
    } else {
        log::error("session {}: {} msat could not be paid back: {}", session.id.hex(), session.refund.value(),
                   codec::log_text(result.reason));
    }
}

Awaitable<> Closer::tick() {
    while (!stopped_) {
        tick_timer_.expires_after(1s);
        co_await tick_timer_.async_wait(http::use_result);
        if (stopped_) break;
        sweep();
        close_revoked();
        metrics_.sessions_open(book_.open_count());
        metrics_.refunds_pending(owed_.size());
        if (gateway_.ready()) ask_what_is_due();
    }
}

void Closer::ask_what_is_due() {
    for (auto& [id, owed] : owed_) {
        if (owed.asking || owed.next > Clock::now()) continue;
        if (asking_ >= most_at_once) break;
        owed.asking = true;
        ++asking_;
        async::spawn(context_.get_executor(), ask_again(owed), "a refund", [this, id = id] { asked(id); });
    }
}

Awaitable<> Closer::ask_again(Owed owed) {
    co_await ask(owed.session, owed.pause);
}

// What could not be asked to its end is due again.
void Closer::asked(const PaymentHash& id) {
    --asking_;
    auto owed = owed_.find(id);
    if (owed == owed_.end() || !owed->second.asking) return;
    owed->second.asking = false;
    owed->second.next = Clock::now() + owed->second.pause;
}

void Closer::sweep() {
    paywall::SessionBook::Sweep swept = book_.sweep();
    for (const PaymentHash& id : swept.used) store_.sessions().touch(id, seconds_now());
    for (const PaymentHash& id : swept.idle) {
        paywall::SessionClose close{id, paywall::ClosedBy::idle, {}, {}, seconds_now()};
        async::spawn(context_.get_executor(), close_one(std::move(close), true, 0), "the end of a session");
    }
}

void Closer::close_revoked() {
    const std::uint64_t version = store_.revocations_version() + 1;  // the first look is at the start
    if (version == revocations_seen_) return;
    revocations_seen_ = version;
    const auto is_revoked = [this](const PaymentHash& hash) { return store_.facts(hash).revoked; };
    for (const PaymentHash& id : book_.open_ones(is_revoked)) {
        close({id, paywall::ClosedBy::operator_, {}, {}, seconds_now()}, [](const Result<paywall::SessionOutcome>&) {});
    }
}

}  // namespace millrace::sessions
