// What operators do, as part of a store whose one thread writes: revocations, tokens given away, services, the audit
// table. A change and its row of the audit table are one commit.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "service/store/operator_table.hpp"
#include "service/store/queued_sessions.hpp"

namespace millrace::store {

class QueuedOperators {
  public:
    // `database` is the writer's. What is on disk is put into `facts`, and what becomes true later.
    QueuedOperators(SQLite::Database& database, FactsMap& facts, QueuedSessions::Enqueue enqueue);

    // As in Store.
    void revoke(const PaymentHash& hash, std::string reason, AuditEntry entry, Store::RevokedDone done);
    void restore(const PaymentHash& hash, AuditEntry entry, Store::RevokedDone done);
    void grant(TokenGrant grant, AuditEntry entry, Store::GrantDone done);
    void replace_services(std::vector<config::StoredService> services, AuditEntry entry, Store::ServicesDone done);
    void audit(AuditEntry entry, Store::AuditDone done);

    [[nodiscard]] std::uint64_t revocations_version() const { return version_.load(std::memory_order_acquire); }
    [[nodiscard]] const std::vector<config::StoredService>& services() const { return services_; }  // at the start
    [[nodiscard]] std::uint64_t grants() const { return grants_; }                                  // since then

  private:
    void change(const PaymentHash& hash, bool revoked, std::function<bool()> step, AuditEntry entry,
                Store::RevokedDone done);

    SQLite::Database& database_;
    OperatorTable table_;
    FactsMap& facts_;
    QueuedSessions::Enqueue enqueue_;
    std::vector<config::StoredService> services_;
    std::atomic<std::uint64_t> version_{0};
    std::atomic<std::uint64_t> grants_{0};
};

}  // namespace millrace::store
