// The tables of what tokens have used of their quotas, and of for how long that matters, for the store's writer thread,
// inside its transactions.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <chrono>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "service/store/store.hpp"

namespace millrace::store {

class UsageTable {
  public:
    // Throws SQLite::Exception, as all of it does.
    explicit UsageTable(SQLite::Database& database);

    [[nodiscard]] std::vector<TokenUsage> load();
    // What a group of changes comes to is written in one row of each token:
    //   begin_group() ... add() ... write_group()
    void begin_group() { group_.clear(); }
    void add(const PaymentHash& hash, const std::string& service, UsageChange change, const paywall::Usage& usage);
    void write_group();

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

    struct Sum {
        std::string service;
        std::int64_t uses = 0;
        std::int64_t bytes = 0;
        std::int64_t msat = 0;
    };

    SQLite::Database& database_;
    SQLite::Statement add_;
    std::unordered_map<PaymentHash, Sum> group_;
    Bytes looked_at_;  // up to this payment hash
};

}  // namespace millrace::store
