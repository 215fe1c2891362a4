// The table of when tokens were used first, for the store's writer thread, inside its transactions.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <string>

#include "service/store/facts_map.hpp"
#include "service/store/store.hpp"

namespace millrace::store {

class FirstUseTable {
  public:
    // Throws SQLite::Exception, as all of it does.
    explicit FirstUseTable(SQLite::Database& database);

    void load(FactsMap& facts);
    // False: it was used before; `at` is when.
    [[nodiscard]] bool add(const PaymentHash& hash, const TokenId& token, const std::string& service,
                           std::chrono::sys_seconds& at);

  private:
    SQLite::Database& database_;
    SQLite::Statement insert_, select_;
};

}  // namespace millrace::store
