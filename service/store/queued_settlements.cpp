#include "service/store/queued_settlements.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace millrace::store {

QueuedSettlements::QueuedSettlements(SQLite::Database& database, FactsMap& facts, QueuedSessions::Enqueue enqueue)
    : table_(database), facts_(facts), enqueue_(std::move(enqueue)) {
    table_.load(facts_);
    cursors_ = table_.cursors();
    home_node_ = table_.home_node();
}

std::uint64_t QueuedSettlements::resume_from(std::string_view node_id) {
    ++subscription_;
    std::lock_guard lock(mutex_);
    auto cursor = cursors_.find(node_id);
    return cursor == cursors_.end() ? 1 : cursor->second;
}

std::optional<std::string> QueuedSettlements::home_node() const {
    std::lock_guard lock(mutex_);
    return home_node_;
}

void QueuedSettlements::remember_node(std::string node_id, Store::RememberedDone done) {
    {
        std::lock_guard lock(mutex_);
        home_node_ = node_id;
    }
    enqueue_({[this, node_id = std::move(node_id)] { table_.remember(node_id); },
              [done = std::move(done)](const Result<void>& committed) { done(committed); }});
}

void QueuedSettlements::record(std::string_view node_id, gateway::Settlement settlement, Store::SettlementDone done) {
    struct Write {
        std::string node_id;
        gateway::Settlement settlement;
        std::uint64_t subscription;
        bool behind_gap = false;
        bool is_new = false;
    };
    auto write = std::make_shared<Write>(Write{std::string(node_id), std::move(settlement), subscription_});
    enqueue_({[this, write] {
                  write->behind_gap = write->subscription <= failed_subscription_;
                  if (!write->behind_gap) write->is_new = table_.add(write->node_id, write->settlement);
              },
              [this, write, done = std::move(done)](const Result<void>& committed) {
                  if (write->behind_gap)
                      return done(fail(Errc::write_failed, "an earlier settlement could not be stored"));
                  if (!committed) {
                      failed_subscription_ = std::max(failed_subscription_, write->subscription);
                      return done(committed.error());
                  }
                  const gateway::Settlement& known = write->settlement;
                  if (write->is_new) facts_.set_settled(known.payment_hash, known.settled_at, known.amount);
                  {
                      std::lock_guard lock(mutex_);
                      std::uint64_t& next = cursors_[write->node_id];
                      next = std::max(next, known.pay_index + 1);
                  }
                  done(write->is_new);
              }});
}

}  // namespace millrace::store
