#include "service/store/first_use_table.hpp"

#include "service/store/columns.hpp"

namespace millrace::store {

FirstUseTable::FirstUseTable(SQLite::Database& database)
    : database_(database),
      insert_(database,
              "INSERT INTO first_uses (payment_hash, service, first_used_at, token_id) VALUES (?, ?, ?, ?) ON CONFLICT "
              "DO NOTHING"),
      select_(database, "SELECT first_used_at FROM first_uses WHERE payment_hash = ?") {}

void FirstUseTable::load(FactsMap& facts) {
    SQLite::Statement rows(database_, "SELECT payment_hash, first_used_at FROM first_uses");
    while (rows.executeStep()) facts.set_first_used(hash_at(rows.getColumn(0)), time_at(rows.getColumn(1)));
}

bool FirstUseTable::add(const PaymentHash& hash, const TokenId& token, const std::string& service,
                        std::chrono::sys_seconds& at) {
    insert_.tryReset();
    bind_bytes(insert_, 1, hash.view());
    insert_.bind(2, service);
    insert_.bind(3, unix_seconds(at));
    bind_bytes(insert_, 4, token.view());
    if (insert_.exec() > 0) return true;
    select_.tryReset();
    bind_bytes(select_, 1, hash.view());
    if (select_.executeStep()) at = time_at(select_.getColumn(0));
    select_.tryReset();
    return false;
}

}  // namespace millrace::store
