#include "service/store/operator_table.hpp"

#include "service/store/columns.hpp"

namespace millrace::store {

OperatorTable::OperatorTable(SQLite::Database& database)
    : database_(database),
      insert_audit_(database, "INSERT INTO audit (at, role, action, subject, detail) VALUES (?, ?, ?, ?, ?)") {}

void OperatorTable::load(FactsMap& facts) {
    SQLite::Statement revoked(database_, "SELECT payment_hash FROM revocations");
    while (revoked.executeStep()) facts.set_revoked(hash_at(revoked.getColumn(0)), true);
}

bool OperatorTable::revoke(const PaymentHash& hash, const std::string& reason, std::chrono::sys_seconds at) {
    SQLite::Statement insert(database_,
                             "INSERT INTO revocations (payment_hash, reason, revoked_at) VALUES (?, ?, ?) ON CONFLICT "
                             "DO NOTHING");
    bind_bytes(insert, 1, hash.view());
    insert.bind(2, reason);
    insert.bind(3, unix_seconds(at));
    return insert.exec() > 0;
}

bool OperatorTable::restore(const PaymentHash& hash) {
    SQLite::Statement erase(database_, "DELETE FROM revocations WHERE payment_hash = ?");
    bind_bytes(erase, 1, hash.view());
    return erase.exec() > 0;
}

void OperatorTable::audit(const AuditEntry& entry) {
    insert_audit_.tryReset();
    insert_audit_.bind(1, unix_seconds(entry.at));
    insert_audit_.bind(2, entry.role);
    insert_audit_.bind(3, entry.action);
    insert_audit_.bind(4, entry.subject);
    insert_audit_.bind(5, entry.detail);
    insert_audit_.exec();
}

}  // namespace millrace::store
