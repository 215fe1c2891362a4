// A writer for tests of what is queued: each write is a group of its own, committed at once, or not where `fails` is set.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include "service/store/migrations.hpp"
#include "service/store/queued_sessions.hpp"

namespace millrace::test {

struct InstantWriter {
    InstantWriter() : database(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE) {
        for (const store::Migration& migration : store::migrations()) database.exec(std::string(migration.sql));
    }

    store::QueuedSessions::Enqueue enqueue() {
        return [this](const store::QueuedWrite& write) {
            {
                SQLite::Transaction transaction(database);
                write.execute();
                if (!fails) transaction.commit();
            }
            write.finish(fails ? Result<void>(fail(store::Errc::write_failed, "on purpose")) : Result<void>());
        };
    }

    SQLite::Database database;
    bool fails = false;
};

}  // namespace millrace::test
