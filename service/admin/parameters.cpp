#include "service/admin/parameters.hpp"

#include <algorithm>
#include <charconv>

#include "common/payment/timestamp.hpp"

namespace millrace::admin {
namespace {

constexpr std::int64_t last_second = 253'402'300'799;  // of the year 9999

std::optional<std::int64_t> whole(std::string_view text) {
    std::int64_t out = 0;
    auto [end, errc] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (errc != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return out;
}

}  // namespace

void Parameters::note(std::string_view key, std::string_view fault) {
    if (!fault_) fault_ = problem(400, std::string(key) + ' ' + std::string(fault));
}

std::optional<std::string> Parameters::text(std::string_view key) {
    auto found = request_.query.find(key);
    return found == request_.query.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::int64_t> Parameters::number(std::string_view key, std::int64_t min, std::int64_t max) {
    auto given = text(key);
    if (!given) return std::nullopt;
    auto value = whole(*given);
    if (value && *value >= min && *value <= max) return value;
    note(key, "must be a whole number from " + std::to_string(min) + " to " + std::to_string(max));
    return std::nullopt;
}

bool Parameters::flag(std::string_view key) {
    auto given = text(key);
    if (!given || *given == "false") return false;
    if (*given != "true") note(key, "must be true or false");
    return true;
}

std::optional<std::chrono::sys_seconds> Parameters::time(std::string_view key) {
    auto given = text(key);
    if (!given) return std::nullopt;
    if (auto seconds = whole(*given); seconds && *seconds >= 0 && *seconds <= last_second)
        return std::chrono::sys_seconds(std::chrono::seconds(*seconds));
    bool date_alone = given->size() == std::string_view("2026-11-21").size();
    auto parsed = payment::parse_timestamp(date_alone ? *given + "T00:00:00Z" : *given);
    if (parsed) return *parsed;
    note(key, "must be unix seconds, a date as 2026-11-21 or a time as 2026-11-21T10:00:00Z");
    return std::nullopt;
}

}  // namespace millrace::admin
