#include "service/log/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <charconv>
#include <cstdio>
#include <memory>
#include <new>

namespace millrace::log {
namespace {

spdlog::level::level_enum level_of(Level level) {
    switch (level) {
        case Level::debug:
            return spdlog::level::debug;
        case Level::info:
            return spdlog::level::info;
        case Level::warn:
            return spdlog::level::warn;
        case Level::error:
            return spdlog::level::err;
        case Level::critical:
            break;
    }
    return spdlog::level::critical;
}

}  // namespace

void open() {
    spdlog::set_default_logger(
        std::make_shared<spdlog::logger>("millraced", std::make_shared<spdlog::sinks::stderr_sink_mt>()));
    spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
    spdlog::flush_on(spdlog::level::info);
}

void set_level(const std::string& level) {
    spdlog::set_level(spdlog::level::from_str(level));
}

bool writes(Level level) {
    return spdlog::should_log(level_of(level));
}

void Value::put(long long number) {
    const auto written = std::to_chars(digits_.data(), digits_.data() + digits_.size(), number);
    text_ = {digits_.data(), written.ptr};
}

void Value::put(unsigned long long number) {
    const auto written = std::to_chars(digits_.data(), digits_.data() + digits_.size(), number);
    text_ = {digits_.data(), written.ptr};
}

void Value::put(double number) {
    const auto written =
        std::to_chars(digits_.data(), digits_.data() + digits_.size(), number, std::chars_format::fixed, 1);
    // Whoever logs a number of thirty digits reads how large it is.
    if (written.ec != std::errc{}) {
        const int size = std::snprintf(digits_.data(), digits_.size(), "%.1e", number);
        text_ = {digits_.data(), static_cast<std::size_t>(size)};
        return;
    }
    text_ = {digits_.data(), written.ptr};
}

std::string fill_in(std::string_view format, std::span<const Value> values) {
    std::string line;
    for (const Value& value : values) {
        const std::size_t at = format.find("{}");
        line.append(format.substr(0, at)).append(value.text());
        format.remove_prefix(at + 2);
    }
    return line.append(format);
}

void write(Level level, std::string_view format, std::span<const Value> values) {
    spdlog::logger* logger = spdlog::default_logger_raw();
    try {
        const std::string line = fill_in(format, values);
        logger->log(level_of(level), spdlog::string_view_t(line.data(), line.size()));
    } catch (const std::bad_alloc&) {
        logger->log(level_of(level), spdlog::string_view_t(format.data(), format.size()));
    }
}

}  // namespace millrace::log
