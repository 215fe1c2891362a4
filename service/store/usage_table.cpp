#include "service/store/usage_table.hpp"

#include <algorithm>

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
    const std::int64_t sign = change == UsageChange::used ? 1 : -1;
    Sum& sum = group_[hash];
    if (sum.service.empty()) sum.service = service;
    sum.uses += sign * static_cast<std::int64_t>(usage.uses);
    sum.bytes += sign * static_cast<std::int64_t>(usage.bytes);
    sum.msat += sign * static_cast<std::int64_t>(usage.spent_msat);
}

void UsageTable::write_group() {
    for (const auto& [hash, sum] : group_) {
        add_.tryReset();
        bind_bytes(add_, 1, hash.view());
        add_.bind(2, sum.service);
        add_.bind(3, sum.uses);
        add_.bind(4, sum.bytes);
        add_.bind(5, sum.msat);
        add_.exec();
    }
    group_.clear();
}

std::vector<PaymentHash> UsageTable::prune(const paywall::SoldTimes& sold, std::chrono::sys_seconds now,
                                           std::size_t step) {
    const Needless needless = remember(sold, now);
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
    std::map<std::string, std::chrono::sys_seconds> latest;  // start of what goes
    std::size_t seen = 0;
    while (rows.executeStep()) {
        ++seen;
        const PaymentHash hash = hash_at(rows.getColumn(0));
        looked_at_.assign(hash.view().begin(), hash.view().end());
        const std::string service = rows.getColumn(1).getString();
        auto end = needless.find(service);
        if (end == needless.end() || rows.getColumn(2).isNull()) continue;
        const std::chrono::sys_seconds start = time_at(rows.getColumn(2));
        if (start >= end->second) continue;
        out.push_back(hash);
        std::chrono::sys_seconds& last = latest.try_emplace(service, start).first->second;
        last = std::max(last, start);
    }
    if (seen < step) looked_at_.clear();  // from the beginning the next time
    SQLite::Statement remove(database_, "DELETE FROM token_usage WHERE payment_hash = ?");
    for (const PaymentHash& hash : out) {
        remove.tryReset();
        bind_bytes(remove, 1, hash.view());
        remove.exec();
    }
    for (const auto& [service, start] : latest) end_before(service, start + std::chrono::seconds(1));
    return out;
}

UsageTable::Needless UsageTable::remember(const paywall::SoldTimes& sold, std::chrono::sys_seconds now) {
    SQLite::Statement raise(
        database_,
        "INSERT INTO sold_terms (service, longest) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET longest = "
        "?2 WHERE longest IS NOT NULL AND (?2 IS NULL OR ?2 > longest)");
    for (const auto& [service, time] : sold) {
        raise.tryReset();
        raise.clearBindings();
        raise.bind(1, service);
        if (time) raise.bind(2, static_cast<std::int64_t>(time->count()));
        raise.exec();
    }
    Needless out;
    SQLite::Statement ever(database_, "SELECT service, longest FROM sold_terms WHERE longest IS NOT NULL");
    while (ever.executeStep()) {
        std::string service = ever.getColumn(0).getString();
        if (!sold.contains(service)) continue;
        out.emplace(std::move(service),
                    paywall::needless_before(std::chrono::seconds(ever.getColumn(1).getInt64()), now));
    }
    return out;
}

void UsageTable::end_before(const std::string& service, std::chrono::sys_seconds start) {
    SQLite::Statement end(database_, "UPDATE sold_terms SET ended_before = max(ended_before, ?) WHERE service = ?");
    end.bind(1, unix_seconds(start));
    end.bind(2, service);
    end.exec();
}

EndedBefore UsageTable::ended_before() {
    EndedBefore out;
    SQLite::Statement rows(database_, "SELECT service, ended_before FROM sold_terms WHERE ended_before > 0");
    while (rows.executeStep()) out.emplace(rows.getColumn(0).getString(), time_at(rows.getColumn(1)));
    return out;
}

}  // namespace millrace::store
