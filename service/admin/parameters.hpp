// Values in the queries and bodies of the admin API.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "service/admin/message.hpp"

namespace millrace::admin {

// Reads parameters one by one; the first fault is kept and says what would be right.
class Parameters {
  public:
    explicit Parameters(const Request& request) : request_(request) {}

    std::optional<std::string> text(std::string_view key);
    // A whole number from `min` to `max`.
    std::optional<std::int64_t> number(std::string_view key, std::int64_t min, std::int64_t max);
    // "true" or "false"; false without.
    bool flag(std::string_view key);
    // Unix seconds, a date (its midnight, UTC), or a date and time of RFC 3339.
    std::optional<std::chrono::sys_seconds> time(std::string_view key);

    void note(std::string_view key, std::string_view fault);
    // 400; empty where all is well.
    [[nodiscard]] const std::optional<Answer>& fault() const { return fault_; }

  private:
    const Request& request_;
    std::optional<Answer> fault_;
};

}  // namespace millrace::admin
