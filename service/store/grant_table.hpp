// The table of tokens that were given away, for the store's writer thread.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <vector>

#include "service/store/store.hpp"

namespace millrace::store {

// All of them. Throws SQLite::Exception, as the others.
[[nodiscard]] std::vector<TokenGrant> read_grants(SQLite::Database& database);
void write_grant(SQLite::Database& database, const TokenGrant& grant);

// One row of "SELECT payment_hash, token_id, service, route, uses, reason, granted_at, ends_at FROM grants".
[[nodiscard]] TokenGrant grant_at(SQLite::Statement& query);

inline constexpr const char* grant_columns =
    "SELECT payment_hash, token_id, service, route, uses, reason, granted_at, ends_at FROM grants ";

}  // namespace millrace::store
