#include "service/store/settlement_table.hpp"

#include "service/store/columns.hpp"

namespace millrace::store {

SettlementTable::SettlementTable(SQLite::Database& database)
    : database_(database),
      insert_(database,
              "INSERT INTO settlements (payment_hash, node_id, pay_index, label, service, description, amount_msat, "
              "amount_received_msat, settled_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"),
      move_cursor_(database,
                   "INSERT INTO gateway_cursors (node_id, next_pay_index) VALUES (?, ?) ON CONFLICT DO UPDATE SET "
                   "next_pay_index = max(next_pay_index, excluded.next_pay_index)") {}

void SettlementTable::load(FactsMap& facts) {
    SQLite::Statement rows(database_, "SELECT payment_hash, settled_at, amount_msat FROM settlements");
    while (rows.executeStep()) {
        const Msat amount(static_cast<std::uint64_t>(rows.getColumn(2).getInt64()));
        facts.set_settled(hash_at(rows.getColumn(0)), time_at(rows.getColumn(1)), amount);
    }
}

SettlementTable::Cursors SettlementTable::cursors() {
    Cursors out;
    SQLite::Statement rows(database_, "SELECT node_id, next_pay_index FROM gateway_cursors");
    while (rows.executeStep())
        out[rows.getColumn(0).getString()] = static_cast<std::uint64_t>(rows.getColumn(1).getInt64());
    return out;
}

std::optional<std::string> SettlementTable::home_node() {
    SQLite::Statement home(database_,
                           "SELECT node_id FROM gateway_cursors ORDER BY (SELECT max(settled_at) FROM settlements "
                           "WHERE settlements.node_id = gateway_cursors.node_id) DESC NULLS LAST LIMIT 1");
    if (!home.executeStep()) return std::nullopt;
    return home.getColumn(0).getString();
}

bool SettlementTable::add(const std::string& node_id, const gateway::Settlement& settlement) {
    insert_.tryReset();
    bind_bytes(insert_, 1, settlement.payment_hash.view());
    insert_.bind(2, node_id);
    insert_.bind(3, static_cast<std::int64_t>(settlement.pay_index));
    insert_.bind(4, settlement.label);
    insert_.bind(5, settlement.service);
    insert_.bind(6, settlement.description);
    insert_.bind(7, static_cast<std::int64_t>(settlement.amount.value()));
    insert_.bind(8, static_cast<std::int64_t>(settlement.amount_received.value()));
    insert_.bind(9, unix_seconds(settlement.settled_at));
    const bool is_new = insert_.exec() > 0;
    move_cursor(node_id, settlement.pay_index + 1);
    return is_new;
}

void SettlementTable::remember(const std::string& node_id) {
    move_cursor(node_id, 1);
}

void SettlementTable::move_cursor(const std::string& node_id, std::uint64_t next_pay_index) {
    move_cursor_.tryReset();
    move_cursor_.bind(1, node_id);
    move_cursor_.bind(2, static_cast<std::int64_t>(next_pay_index));
    move_cursor_.exec();
}

}  // namespace millrace::store
