// Settlements as part of a store whose one thread writes: what was sold, how far each node's stream of it was read, and
// whose sales they are.
//
// Once a settlement of one subscription could not be stored, all later ones of it fail too, so that no cursor ever passes
// a gap: the next subscription begins with it.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "service/store/queued_sessions.hpp"
#include "service/store/settlement_table.hpp"

namespace millrace::store {

class QueuedSettlements {
  public:
    // `database` is the writer's. What is on disk is put into `facts`, and what becomes true later.
    QueuedSettlements(SQLite::Database& database, FactsMap& facts, QueuedSessions::Enqueue enqueue);

    // As in Store.
    [[nodiscard]] std::uint64_t resume_from(std::string_view node_id);
    [[nodiscard]] std::optional<std::string> home_node() const;
    void remember_node(std::string node_id, Store::RememberedDone done);
    void record(std::string_view node_id, gateway::Settlement settlement, Store::SettlementDone done);

  private:
    SettlementTable table_;
    FactsMap& facts_;
    QueuedSessions::Enqueue enqueue_;

    std::atomic<std::uint64_t> subscription_{1};
    std::uint64_t failed_subscription_ = 0;  // the writer's own

    mutable std::mutex mutex_;
    SettlementTable::Cursors cursors_;
    std::optional<std::string> home_node_;
};

}  // namespace millrace::store
