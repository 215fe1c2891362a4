// The table of what tokens have used of their quotas, for the store's writer thread, inside its transactions.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <chrono>
#include <vector>

#include "service/store/store.hpp"

namespace millrace::store {

class UsageTable {
  public:
    // Throws SQLite::Exception, as all of it does.
    explicit UsageTable(SQLite::Database& database);

    [[nodiscard]] std::vector<TokenUsage> load();
    void add(const PaymentHash& hash, const std::string& service, UsageChange change, const paywall::Usage& usage);

    // Looks at the next `step` rows, and removes those whose token's clock started before what `ended` has for their
    // service. Whose they were. What was neither settled nor used for the first time, as far as is known, stays.
    [[nodiscard]] std::vector<PaymentHash> prune(const UsageEnds& ended, std::size_t step);

  private:
    SQLite::Database& database_;
    SQLite::Statement add_;
    Bytes looked_at_;  // up to this payment hash
};

}  // namespace millrace::store
