#include "service/store/grant_table.hpp"

#include "service/store/columns.hpp"

namespace millrace::store {
TokenGrant grant_at(SQLite::Statement& query) {
    TokenGrant out;
    out.hash = hash_at(query.getColumn(0));
    out.token_id = token_id_at(query.getColumn(1));
    out.service = query.getColumn(2).getString();
    out.route = query.getColumn(3).getString();
    if (!query.getColumn(4).isNull()) out.terms.uses = static_cast<std::uint64_t>(query.getColumn(4).getInt64());
    out.reason = query.getColumn(5).getString();
    out.granted_at = time_at(query.getColumn(6));
    if (!query.getColumn(7).isNull()) out.terms.ends_at = time_at(query.getColumn(7));
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
    insert.bind(7, unix_seconds(grant.granted_at));
    if (grant.terms.ends_at) insert.bind(8, unix_seconds(*grant.terms.ends_at));
    insert.exec();
}

}  // namespace millrace::store
