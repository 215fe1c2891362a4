#include "contrib/simulator/node/node_log.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace millrace::sim {
namespace {

const char* word(LogLevel level) {
    switch (level) {
        case LogLevel::trace:
            return "TRACE  ";
        case LogLevel::debug:
            return "DEBUG  ";
        case LogLevel::info:
            return "INFO   ";
        case LogLevel::unusual:
            return "UNUSUAL";
        case LogLevel::broken:
            return "**BROKEN**";
    }
    return "";
}

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view word) {
    if (word == "trace" || word == "io") return LogLevel::trace;
    if (word == "debug") return LogLevel::debug;
    if (word == "info") return LogLevel::info;
    if (word == "warn" || word == "unusual") return LogLevel::unusual;
    if (word == "error" || word == "broken") return LogLevel::broken;
    return std::nullopt;
}

std::string iso_time(Time time) {
    const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
    const std::time_t seconds = static_cast<std::time_t>(milliseconds / 1000);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 80> out{};
    std::snprintf(out.data(), out.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                  parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(milliseconds % 1000));
    return out.data();
}

void NodeLog::write(LogLevel level, std::string_view source, std::string_view text) {
    if (level < least_) return;
    const std::string prefix = iso_time(now_()) + " " + word(level) + " " + std::string(source) + ": ";
    for (;;) {
        const std::size_t end = text.find('\n');
        file_ << prefix << text.substr(0, end) << '\n';
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    file_.flush();
}

}  // namespace millrace::sim
