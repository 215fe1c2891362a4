#include "common/payment/timestamp.hpp"

#include <array>
#include <cstdio>
#include <optional>

namespace millrace::payment {
namespace {

using namespace std::chrono;

std::optional<int> take_digits(std::string_view& in, std::size_t count) {
    if (in.size() < count) return std::nullopt;
    int out = 0;
    for (const char c : in.substr(0, count)) {
        if (c < '0' || c > '9') return std::nullopt;
        out = out * 10 + (c - '0');
    }
    in.remove_prefix(count);
    return out;
}

bool take(std::string_view& in, std::string_view any_of) {
    if (in.empty() || any_of.find(in.front()) == std::string_view::npos) return false;
    in.remove_prefix(1);
    return true;
}

std::optional<minutes> take_offset(std::string_view& in) {
    if (take(in, "Zz")) return minutes{0};
    const bool east = in.starts_with('+');
    if (!take(in, "+-")) return std::nullopt;
    const auto hour = take_digits(in, 2);
    if (!hour || !take(in, ":")) return std::nullopt;
    const auto minute = take_digits(in, 2);
    if (!minute || *hour > 23 || *minute > 59) return std::nullopt;
    const minutes offset = hours{*hour} + minutes{*minute};
    return east ? offset : -offset;
}

std::optional<sys_seconds> parse(std::string_view in) {
    const auto y = take_digits(in, 4);
    if (!y || !take(in, "-")) return std::nullopt;
    const auto m = take_digits(in, 2);
    if (!m || !take(in, "-")) return std::nullopt;
    const auto d = take_digits(in, 2);
    if (!d || !take(in, "Tt ")) return std::nullopt;
    const auto h = take_digits(in, 2);
    if (!h || !take(in, ":")) return std::nullopt;
    const auto min = take_digits(in, 2);
    if (!min || !take(in, ":")) return std::nullopt;
    const auto s = take_digits(in, 2);
    if (!s) return std::nullopt;
    if (take(in, ".")) {
        if (!take(in, "0123456789")) return std::nullopt;
        while (take(in, "0123456789")) {
        }
    }
    const auto offset = take_offset(in);
    const year_month_day date{year{*y}, month{static_cast<unsigned>(*m)}, day{static_cast<unsigned>(*d)}};
    // 60: a leap second, which system_clock does not count.
    if (!offset || !in.empty() || !date.ok() || *h > 23 || *min > 59 || *s > 60) return std::nullopt;
    return sys_days{date} + hours{*h} + minutes{*min} + seconds{*s} - *offset;
}

}  // namespace

std::string write_timestamp(sys_seconds time) {
    const auto days = floor<std::chrono::days>(time);
    const year_month_day date{days};
    const hh_mm_ss clock{time - days};
    std::array<char, 40> out{};
    const int length = std::snprintf(
        out.data(), out.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
        static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
    return {out.data(), static_cast<std::size_t>(length)};
}

Result<sys_seconds> parse_timestamp(std::string_view text) {
    const std::optional<sys_seconds> time = parse(text);
    if (!time) return fail(Errc::malformed_time, "it must be like 2026-03-15T12:05:00Z");
    return *time;
}

}  // namespace millrace::payment
