// The tables of sessions and their deposits, for the store's writer thread, inside its transactions.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <optional>
#include <vector>

#include "service/store/session_store.hpp"

namespace millrace::store {

class SessionTable {
  public:
    explicit SessionTable(SQLite::Database& database);

    // Each decides upon what is recorded, and records. Throws SQLite::Exception.
    [[nodiscard]] paywall::SessionOutcome open(const paywall::SessionOpen& open);
    [[nodiscard]] paywall::SessionOutcome top_up(const paywall::SessionTopUp& top_up);
    [[nodiscard]] paywall::SessionOutcome close(const paywall::SessionClose& close);
    void record_refund(const PaymentHash& session, const paywall::RefundResult& result);
    void touch(const PaymentHash& session, std::chrono::sys_seconds at);
    [[nodiscard]] std::vector<paywall::SessionRecord> all();

  private:
    struct KnownDeposit {
        PaymentHash session;
        std::string challenge_id;
        std::chrono::sys_seconds at;
    };
    struct Known {
        paywall::SessionRecord session;
        std::string close_challenge;
    };

    [[nodiscard]] std::optional<Known> find(const PaymentHash& id);
    [[nodiscard]] std::optional<KnownDeposit> find_deposit(const PaymentHash& hash);
    [[nodiscard]] std::vector<PaymentHash> deposits_of(const PaymentHash& id);
    [[nodiscard]] Msat spent_of(const PaymentHash& id);
    void add_deposit(const PaymentHash& session, const paywall::Deposit& deposit, std::chrono::sys_seconds at);
    [[nodiscard]] Known read(SQLite::Statement& row);

    SQLite::Statement select_, select_all_, select_deposit_, select_deposits_, select_spent_, insert_, insert_deposit_,
        add_, close_, refund_, touch_;
};

}  // namespace millrace::store
