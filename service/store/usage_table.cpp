#include "service/store/usage_table.hpp"

#include "service/store/columns.hpp"

namespace millrace::store {

UsageTable::UsageTable(SQLite::Database& database)
    : database_(database),
      add_(database,
           "INSERT INTO token_usage (payment_hash, service, uses, bytes, spent_msat) VALUES (?, ?, ?, ?, ?) ON "
           "CONFLICT DO UPDATE SET uses = uses + excluded.uses, bytes = bytes + excluded.bytes, spent_msat = "
           "spent_msat + excluded.spent_msat") {}

std::vector<TokenUsage> UsageTable::load() {
    std::vector<TokenUsage> out;
    auto amount = [](const SQLite::Column& column) { return static_cast<std::uint64_t>(column.getInt64()); };
    SQLite::Statement used(database_, "SELECT payment_hash, uses, bytes, spent_msat FROM token_usage");
    while (used.executeStep()) {
        out.push_back({hash_at(used.getColumn(0)),
                       {amount(used.getColumn(1)), amount(used.getColumn(2)), amount(used.getColumn(3))}});
    }
    return out;
}

void UsageTable::add(const PaymentHash& hash, const std::string& service, UsageChange change,
                     const paywall::Usage& usage) {
    std::int64_t sign = change == UsageChange::used ? 1 : -1;
    add_.tryReset();
    bind_bytes(add_, 1, hash.view());
    add_.bind(2, service);
    add_.bind(3, sign * static_cast<std::int64_t>(usage.uses));
    add_.bind(4, sign * static_cast<std::int64_t>(usage.bytes));
    add_.bind(5, sign * static_cast<std::int64_t>(usage.spent_msat));
    add_.exec();
}

std::vector<PaymentHash> UsageTable::prune(const UsageEnds& ended, std::size_t step) {
    // As the time that a token buys is counted: from its settlement, or else from its first use. What an open session
    // has spent is kept for as long as that is open, since the rest of its deposit is owed; what a token that was given
    // away has used, for good, since it has a time of its own.
    SQLite::Statement rows(
        database_,
        "SELECT u.payment_hash, u.service, coalesce(s.settled_at, f.first_used_at) FROM token_usage u LEFT JOIN "
        "settlements s ON s.payment_hash = u.payment_hash LEFT JOIN first_uses f ON f.payment_hash = u.payment_hash "
        "WHERE u.payment_hash > ? AND NOT EXISTS (SELECT 1 FROM sessions WHERE id = u.payment_hash AND closed_at IS "
        "NULL) "
        "AND NOT EXISTS (SELECT 1 FROM grants WHERE payment_hash = u.payment_hash) "
        "ORDER BY u.payment_hash LIMIT ?");
    // A null pointer would be bound as NULL, which nothing is greater than.
    const std::uint8_t none = 0;
    rows.bind(1, looked_at_.empty() ? &none : looked_at_.data(), static_cast<int>(looked_at_.size()));
    rows.bind(2, static_cast<std::int64_t>(step));
    std::vector<PaymentHash> out;
    std::size_t seen = 0;
    while (rows.executeStep()) {
        ++seen;
        const PaymentHash hash = hash_at(rows.getColumn(0));
        looked_at_.assign(hash.view().begin(), hash.view().end());
        auto end = ended.find(rows.getColumn(1).getString());
        if (end == ended.end() || rows.getColumn(2).isNull()) continue;
        if (std::chrono::sys_seconds(std::chrono::seconds(rows.getColumn(2).getInt64())) < end->second)
            out.push_back(hash);
    }
    if (seen < step) looked_at_.clear();  // from the beginning the next time
    SQLite::Statement remove(database_, "DELETE FROM token_usage WHERE payment_hash = ?");
    for (const PaymentHash& hash : out) {
        remove.tryReset();
        bind_bytes(remove, 1, hash.view());
        remove.exec();
    }
    return out;
}

}  // namespace millrace::store
