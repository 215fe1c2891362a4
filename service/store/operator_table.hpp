// The tables of what operators do, revocations and the audit, for the store's writer thread, inside its transactions.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <string>

#include "service/store/facts_map.hpp"
#include "service/store/store.hpp"

namespace millrace::store {

class OperatorTable {
  public:
    // Throws SQLite::Exception, as all of it does.
    explicit OperatorTable(SQLite::Database& database);

    void load(FactsMap& facts);
    // False: it was so already.
    [[nodiscard]] bool revoke(const PaymentHash& hash, const std::string& reason, std::chrono::sys_seconds at);
    [[nodiscard]] bool restore(const PaymentHash& hash);
    void audit(const AuditEntry& entry);

  private:
    SQLite::Database& database_;
    SQLite::Statement insert_audit_;
};

}  // namespace millrace::store
