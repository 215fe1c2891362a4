// The table of requests that were served for nothing, for the store's writer thread, inside its transactions. Rows are
// removed after their window, two with each that is written: there are never many more than are in use.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <chrono>
#include <vector>

#include "service/paywall/free_use.hpp"

namespace millrace::store {

class FreeUseTable {
  public:
    // Draws the key where there is none yet. Throws SQLite::Exception, as all of it does.
    explicit FreeUseTable(SQLite::Database& database);

    [[nodiscard]] const SecretKey& key() const { return key_; }
    [[nodiscard]] std::vector<paywall::FreeUses> load();

    // Adds to the row of the same window; a later window takes the row over, and so does one that begins a whole window
    // before the row's, whose clock was wrong. What is left of an earlier one counts no more.
    void add(const paywall::FreeUses& uses);

  private:
    SQLite::Database& database_;
    SecretKey key_;
    SQLite::Statement add_, prune_;
};

// Whether the database in `file` is the one with this key: read on a connection of its own, past what is cached. True
// where it cannot be read at the moment.
[[nodiscard]] bool is_of_this_store(const std::string& file, const SecretKey& key);

}  // namespace millrace::store
