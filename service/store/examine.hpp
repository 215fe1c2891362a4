// Looks at a store's file before it is opened, and writes nothing to it.
//
//   no file, or an empty one                              -> good: it will be made
//   a database of another program                         -> foreign
//   of a newer schema                                     -> newer
//   damaged, or with a write-ahead log that is not one    -> corrupt
//   no database                                           -> cannot_open, and what to do if it was one
//
// What a damaged file says of uses and balances is worth nothing: a service that went on with it might hand out for
// nothing what was used up. So it does not start, and says how to get at what is left.
#pragma once

#include <filesystem>

#include "service/store/store.hpp"

namespace millrace::store {

inline constexpr int application_id = 0x4d696c6c;  // "Mill", in SQLite's header

// Errors: cannot_open, foreign, newer, corrupt.
[[nodiscard]] Result<void> examine(const std::filesystem::path& file);

// What an operator does with a damaged store.
[[nodiscard]] std::string remedy(const std::filesystem::path& file);

}  // namespace millrace::store
