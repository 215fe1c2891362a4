// The tables of settlements, and of how far each node's stream of them was read, for the store's writer thread, inside
// its transactions.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "service/store/facts_map.hpp"
#include "service/store/store.hpp"

namespace millrace::store {

class SettlementTable {
  public:
    // By node: the pay_index to go on from.
    using Cursors = std::map<std::string, std::uint64_t, std::less<>>;

    // Throws SQLite::Exception, as all of it does.
    explicit SettlementTable(SQLite::Database& database);

    void load(FactsMap& facts);
    [[nodiscard]] Cursors cursors();
    // Whose sales the store's are; empty: nobody's.
    [[nodiscard]] std::optional<std::string> home_node();

    // False: it was there already. Its stream is read up to it either way.
    [[nodiscard]] bool add(const std::string& node_id, const gateway::Settlement& settlement);
    void remember(const std::string& node_id);

  private:
    void move_cursor(const std::string& node_id, std::uint64_t next_pay_index);

    SQLite::Database& database_;
    SQLite::Statement insert_, move_cursor_;
};

}  // namespace millrace::store
