#include "service/store/queued_sessions.hpp"

#include <memory>

namespace millrace::store {

QueuedSessions::QueuedSessions(SQLite::Database& database, Enqueue enqueue)
    : table_(database), enqueue_(std::move(enqueue)), loaded_(table_.all()) {}

void QueuedSessions::open(paywall::SessionOpen open, Done done) {
    decide([this, open = std::move(open)] { return table_.open(open); }, std::move(done));
}

void QueuedSessions::top_up(paywall::SessionTopUp top_up, Done done) {
    decide([this, top_up = std::move(top_up)] { return table_.top_up(top_up); }, std::move(done));
}

void QueuedSessions::close(paywall::SessionClose close, Done done) {
    decide([this, close = std::move(close)] { return table_.close(close); }, std::move(done));
}

void QueuedSessions::record_refund(const PaymentHash& session, paywall::RefundResult result, Written done) {
    enqueue_({[this, session, result = std::move(result)] { table_.record_refund(session, result); },
              [done = std::move(done)](const Result<void>& committed) { done(committed); }});
}

void QueuedSessions::touch(const PaymentHash& session, std::chrono::sys_seconds at) {
    // Of use to whoever looks at the table; nothing depends on it.
    enqueue_({[this, session, at] { table_.touch(session, at); }, [](const Result<void>&) {}});
}

void QueuedSessions::decide(std::function<paywall::SessionOutcome()> step, Done done) {
    auto outcome = std::make_shared<paywall::SessionOutcome>();
    enqueue_({[step = std::move(step), outcome] { *outcome = step(); },
              [done = std::move(done), outcome](const Result<void>& committed) {
                  if (!committed) return done(committed.error());
                  done(std::move(*outcome));
              }});
}

}  // namespace millrace::store
