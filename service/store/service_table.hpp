// The table of services that were made through the admin API, for whoever has the database open.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <vector>

#include "service/config/definition.hpp"

namespace millrace::store {

// In their order. Throws SQLite::Exception, and ResultError where a row holds no definition.
[[nodiscard]] std::vector<config::StoredService> read_services(SQLite::Database& database);

// Puts these in the place of all. Inside a transaction. Throws SQLite::Exception.
void write_services(SQLite::Database& database, const std::vector<config::StoredService>& services);

}  // namespace millrace::store
