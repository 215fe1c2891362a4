// The tables of what tokens have used of their quotas, and of for how long that matters, for the store's writer thread,
// inside its transactions.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "service/store/store.hpp"

namespace millrace::store {

class UsageTable {
  public:
    // Throws SQLite::Exception, as all of it does.
    explicit UsageTable(SQLite::Database& database);

    [[nodiscard]] std::vector<TokenUsage> load();
    void add(const PaymentHash& hash, const std::string& service, UsageChange change, const paywall::Usage& usage);

    // Remembers for how long tokens are sold, where that is longer than ever before; looks at the next `step` rows, and
    // removes those that no token of their name can need any more: whose they were. What was neither settled nor used
    // for the first time, as far as is known, stays, and what is of a name that is not sold.
    [[nodiscard]] std::vector<PaymentHash> prune(const paywall::SoldTimes& sold, std::chrono::sys_seconds now,
                                                 std::size_t step);

    // By name: tokens whose clock started earlier have ended for good.
    [[nodiscard]] EndedBefore ended_before();

  private:
    using Needless = std::map<std::string, std::chrono::sys_seconds, std::less<>>;
    [[nodiscard]] Needless remember(const paywall::SoldTimes& sold, std::chrono::sys_seconds now);
    void end_before(const std::string& service, std::chrono::sys_seconds start);

    SQLite::Database& database_;
    SQLite::Statement add_;
    Bytes looked_at_;  // up to this payment hash
};

}  // namespace millrace::store
