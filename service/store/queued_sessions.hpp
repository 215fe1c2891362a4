// Sessions as part of a store whose one thread writes: each call waits in its queue, and becomes true with its group.
#pragma once

#include <functional>

#include "service/store/session_table.hpp"

namespace millrace::store {

// What a table does in the writer's transaction, and what is told once that is committed, or is not.
struct QueuedWrite {
    std::function<void()> execute;
    std::function<void(const Result<void>&)> finish;
};

class QueuedSessions final : public SessionStore {
  public:
    using Enqueue = std::function<void(QueuedWrite)>;

    // `database` is the writer's.
    QueuedSessions(SQLite::Database& database, Enqueue enqueue);

    void open(paywall::SessionOpen open, Done done) override;
    void top_up(paywall::SessionTopUp top_up, Done done) override;
    void close(paywall::SessionClose close, Done done) override;
    void record_refund(const PaymentHash& session, paywall::RefundResult result, Written done) override;
    void touch(const PaymentHash& session, std::chrono::sys_seconds at) override;
    [[nodiscard]] std::vector<paywall::SessionRecord> take_all() override { return std::move(loaded_); }

  private:
    void decide(std::function<paywall::SessionOutcome()> step, Done done);

    SessionTable table_;
    Enqueue enqueue_;
    std::vector<paywall::SessionRecord> loaded_;
};

}  // namespace millrace::store
