#include "service/store/grant_table.hpp"

namespace millrace::store {
namespace {

template <class Fixed>
Fixed fixed_at(const SQLite::Column& column) {
    ByteView bytes{static_cast<const std::uint8_t*>(column.getBlob()), static_cast<std::size_t>(column.getBytes())};
    return Fixed::from_bytes(bytes).value();
}

void bind_bytes(SQLite::Statement& query, int index, ByteView bytes) {
    query.bind(index, bytes.data(), static_cast<int>(bytes.size()));
}

std::chrono::sys_seconds time_of(std::int64_t seconds) {
    return std::chrono::sys_seconds(std::chrono::seconds(seconds));
}

}  // namespace

TokenGrant grant_at(SQLite::Statement& query) {
    TokenGrant out;
    out.hash = fixed_at<PaymentHash>(query.getColumn(0));
    out.token_id = fixed_at<TokenId>(query.getColumn(1));
    out.service = query.getColumn(2).getString();
    out.route = query.getColumn(3).getString();
    if (!query.getColumn(4).isNull()) out.terms.uses = static_cast<std::uint64_t>(query.getColumn(4).getInt64());
    out.reason = query.getColumn(5).getString();
    out.granted_at = time_of(query.getColumn(6).getInt64());
    if (!query.getColumn(7).isNull()) out.terms.ends_at = time_of(query.getColumn(7).getInt64());
    return out;
}

std::vector<TokenGrant> read_grants(SQLite::Database& database) {
    SQLite::Statement query(database, grant_columns);
    std::vector<TokenGrant> out;
    while (query.executeStep()) out.push_back(grant_at(query));
    return out;
}

void write_grant(SQLite::Database& database, const TokenGrant& grant) {
    SQLite::Statement insert(database,
                             "INSERT INTO grants (payment_hash, token_id, service, route, uses, reason, granted_at, "
                             "ends_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    bind_bytes(insert, 1, grant.hash.view());
    bind_bytes(insert, 2, grant.token_id.view());
    insert.bind(3, grant.service);
    insert.bind(4, grant.route);
    if (grant.terms.uses) insert.bind(5, static_cast<std::int64_t>(*grant.terms.uses));
    insert.bind(6, grant.reason);
    insert.bind(7, static_cast<std::int64_t>(grant.granted_at.time_since_epoch().count()));
    if (grant.terms.ends_at) insert.bind(8, static_cast<std::int64_t>(grant.terms.ends_at->time_since_epoch().count()));
    insert.exec();
}

}  // namespace millrace::store
