// Brings a database to the newest schema: each migration that it lacks, in one transaction with the number that says
// so.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <string>
#include <string_view>

#include "service/store/examine.hpp"
#include "service/store/migrations.hpp"

namespace millrace::store {

[[nodiscard]] inline std::string pragma(std::string_view name, int value) {
    return "PRAGMA " + std::string(name) + " = " + std::to_string(value);
}

// Throws SQLite::Exception.
inline void migrate(SQLite::Database& database) {
    int version = database.execAndGet("PRAGMA user_version").getInt();
    for (const Migration& migration : migrations()) {
        if (migration.version <= version) continue;
        SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
        database.exec(std::string(migration.sql));
        database.exec(pragma("application_id", application_id));
        database.exec(pragma("user_version", migration.version));
        transaction.commit();
    }
}

}  // namespace millrace::store
