#include "service/store/free_use_table.hpp"

#include <sqlite3.h>

#include <algorithm>

#include "common/crypto/hash.hpp"
#include "service/store/columns.hpp"

namespace millrace::store {
namespace {

SecretKey read_key(SQLite::Database& database) {
    SQLite::Statement insert(database, "INSERT INTO free_use_key (id, key) VALUES (1, ?) ON CONFLICT DO NOTHING");
    const SecretKey drawn(crypto::random_bytes<SecretKey::length>());
    bind_bytes(insert, 1, drawn.reveal());
    // Its page goes from the log into the file, where is_of_this_store() finds it, and is never written again.
    if (insert.exec() > 0) (void)database.tryExec("PRAGMA wal_checkpoint(RESTART)");
    SQLite::Statement select(database, "SELECT key FROM free_use_key WHERE id = 1");
    select.executeStep();
    return SecretKey::from_bytes(bytes_at(select.getColumn(0))).value();
}

}  // namespace

FreeUseTable::FreeUseTable(SQLite::Database& database)
    : database_(database),
      key_(read_key(database)),
      add_(database,
           "INSERT INTO free_uses (service, prefix, started_at, ends_at, used) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO "
           "UPDATE SET used = CASE WHEN started_at = excluded.started_at THEN used + excluded.used ELSE excluded.used "
           "END, started_at = excluded.started_at, ends_at = excluded.ends_at WHERE excluded.started_at >= started_at "
           "OR started_at > excluded.ends_at"),
      prune_(database,
             "DELETE FROM free_uses WHERE (service, prefix) IN (SELECT service, prefix FROM free_uses WHERE ends_at <= "
             "? LIMIT 2)") {}

bool is_of_this_store(const std::string& file, const SecretKey& key) {
    try {
        SQLite::Database database(file, SQLite::OPEN_READONLY, 1000);
        SQLite::Statement select(database, "SELECT key FROM free_use_key WHERE id = 1");
        if (!select.executeStep()) return false;
        ByteView found = bytes_at(select.getColumn(0));
        ByteView ours = key.reveal();
        return std::equal(found.begin(), found.end(), ours.begin(), ours.end());
    } catch (const SQLite::Exception& error) {
        const int code = error.getErrorCode();
        return code != SQLITE_NOTADB && code != SQLITE_CORRUPT && code != SQLITE_ERROR;
    }
}

std::vector<paywall::FreeUses> FreeUseTable::load() {
    std::vector<paywall::FreeUses> out;
    SQLite::Statement rows(database_,
                           "SELECT service, prefix, started_at, ends_at, used FROM free_uses ORDER BY started_at");
    while (rows.executeStep()) {
        out.push_back({rows.getColumn(0).getString(),
                       paywall::PrefixTag::from_bytes(bytes_at(rows.getColumn(1))).value(), time_at(rows.getColumn(2)),
                       time_at(rows.getColumn(3)), static_cast<std::uint64_t>(rows.getColumn(4).getInt64())});
    }
    return out;
}

void FreeUseTable::add(const paywall::FreeUses& uses) {
    // What is over at the beginning of this window is over now.
    prune_.tryReset();
    prune_.bind(1, unix_seconds(uses.started_at));
    prune_.exec();
    add_.tryReset();
    add_.bind(1, uses.service);
    bind_bytes(add_, 2, uses.prefix.view());
    add_.bind(3, unix_seconds(uses.started_at));
    add_.bind(4, unix_seconds(uses.ends_at));
    add_.bind(5, static_cast<std::int64_t>(uses.used));
    add_.exec();
}

}  // namespace millrace::store
