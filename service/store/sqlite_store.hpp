// The store in one SQLite file: WAL, synchronous=FULL, and one writer thread that commits whatever has queued up while
// the last commit was under way.
//
//   Result<std::unique_ptr<Store>> store = open_sqlite("millrace.db");
//
// A store of a newer version, or another program's database, is refused and not written to. One process at a time.
#pragma once

#include <filesystem>
#include <memory>

#include "service/store/store.hpp"

namespace millrace::store {

// Opens or creates the file and applies the migrations it lacks. Errors: cannot_open, foreign, newer, in_use.
[[nodiscard]] Result<std::unique_ptr<Store>> open_sqlite(const std::filesystem::path& file);

}  // namespace millrace::store
