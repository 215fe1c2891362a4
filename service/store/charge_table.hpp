// The table of charges that were used, for the store's writer thread, inside its transactions.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <chrono>

#include "service/paywall/charge_use.hpp"

namespace millrace::store {

class ChargeTable {
  public:
    explicit ChargeTable(SQLite::Database& database);

    // Decides upon what is recorded, and records. Throws SQLite::Exception.
    [[nodiscard]] paywall::ChargeAdmission use(const paywall::ChargeUse& use);
    // Takes one use back. True: none stands any more.
    bool release(const PaymentHash& hash);

  private:
    [[nodiscard]] bool token_was_used(const PaymentHash& hash);
    [[nodiscard]] std::optional<paywall::ChargeRecord> find(const PaymentHash& hash);
    void insert(const paywall::ChargeUse& use);
    void count_replay(const PaymentHash& hash);
    void prune(std::chrono::sys_seconds now);

    SQLite::Statement select_token_use_, select_, insert_, count_replay_, release_, prune_;
    std::chrono::sys_seconds pruned_at_{};
};

}  // namespace millrace::store
