// The handlers of the admin API: each file names its own by the commands of their rows (service/operations), and
// endpoints.cpp joins them. A handler is asked what its row takes: parameters that it knows, in words that it has, and
// no body where it has none.
#pragma once

#include <chrono>
#include <span>
#include <string_view>

#include "service/admin/api.hpp"

namespace millrace::admin {

struct Handler {
    std::string_view command;  // of its row
    http::Awaitable<Answer> (*handle)(Api&, Request);
};

[[nodiscard]] std::span<const Handler> process_handlers();  // the process itself
[[nodiscard]] std::span<const Handler> record_handlers();   // what the store has on record, and challenges
[[nodiscard]] std::span<const Handler> service_handlers();
[[nodiscard]] std::span<const Handler> token_handlers();

inline std::chrono::sys_seconds now() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

// The store, or what the row needs, does not work.
inline Answer failed(const Error& error) {
    return problem(503, error.message);
}

}  // namespace millrace::admin
