// The table of charges that were used, for the store's writer thread, inside its transactions. Rows stay: the payment
// of a charge may have bought a token as well, which must never be good again.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

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

    SQLite::Statement select_token_use_, select_, insert_, count_replay_, release_;
};

}  // namespace millrace::store
