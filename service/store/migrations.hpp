// The schema's history, embedded from sql/ at build time. PRAGMA user_version holds the number of the last one applied.
#pragma once

#include <span>
#include <string_view>

namespace millrace::store {

struct Migration {
    int version;  // 1, 2, ... without a gap
    std::string_view name;
    std::string_view sql;
};

[[nodiscard]] std::span<const Migration> migrations();

}  // namespace millrace::store
