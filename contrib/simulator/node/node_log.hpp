// A node's log file, in lightningd's format: "2026-11-20T11:03:28.220Z INFO    plugin-millrace: text".
#pragma once

#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "contrib/simulator/engine/scheduler.hpp"

namespace millrace::sim {

enum class LogLevel { trace, debug, info, unusual, broken };

// A plugin's word for it (trace debug info warn unusual error broken); empty for any other.
[[nodiscard]] std::optional<LogLevel> parse_log_level(std::string_view word);

// "2026-11-20T11:03:28.220Z"
[[nodiscard]] std::string iso_time(Time time);

class NodeLog {
  public:
    // Appends to the file.
    NodeLog(const std::string& path, std::function<Time()> now) : file_(path, std::ios::app), now_(std::move(now)) {}

    void set_level(LogLevel least) { least_ = least; }
    // A text of several lines becomes several entries.
    void write(LogLevel level, std::string_view source, std::string_view text);

  private:
    std::ofstream file_;
    std::function<Time()> now_;
    LogLevel least_ = LogLevel::debug;
};

}  // namespace millrace::sim
