#include "service/config/units.hpp"

#include <algorithm>
#include <charconv>
#include <string>

namespace millrace {

const char* ErrcText<config::Errc>::text(config::Errc errc) {
    switch (errc) {
        case config::Errc::unreadable:
            return "cannot read the configuration";
        case config::Errc::bad_syntax:
            return "the configuration is not TOML";
        case config::Errc::bad_value:
            return "bad value";
    }
    return "unknown configuration error";
}

namespace config {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr Unit duration_units[] = {{"ms", 1},        {"s", 1000},       {"m", 60'000},
                                   {"h", 3'600'000}, {"d", 86'400'000}, {"w", 604'800'000}};
constexpr Unit size_units[] = {{"", 1}, {"B", 1}, {"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024}};
constexpr std::uint64_t hundred_years_ms = 100ULL * 365 * 86'400'000;

// digits and a unit; false where the text is anything else, or the product exceeds `max`.
template <std::size_t N>
bool parse_with_unit(std::string_view text, const Unit (&units)[N], std::uint64_t max, std::uint64_t& out) {
    std::uint64_t number = 0;
    auto [end, errc] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (errc != std::errc{} || end == text.data()) return false;
    std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    for (const Unit& known : units) {
        if (known.name != unit) continue;
        if (number > max / known.factor) return false;
        out = number * known.factor;
        return true;
    }
    return false;
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
    std::uint64_t milliseconds = 0;
    if (!parse_with_unit(text, duration_units, hundred_years_ms, milliseconds)) {
        return fail(Errc::bad_value,
                    "must be a duration such as \"90s\", \"30m\", \"1h\" or \"7d\", not \"" + std::string(text) + '"');
    }
    return std::chrono::milliseconds(milliseconds);
}

Result<limits::Rate> parse_rate(std::string_view text) {
    std::size_t slash = std::min(text.find('/'), text.size());
    std::uint32_t count = 0;
    auto [end, errc] = std::from_chars(text.data(), text.data() + slash, count);
    bool good = errc == std::errc{} && end == text.data() + slash && count >= 1 && count <= 1'000'000;
    std::string time(text.substr(std::min(slash + 1, text.size())));
    if (!time.empty() && (time.front() < '0' || time.front() > '9')) time.insert(0, "1");
    std::uint64_t milliseconds = 0;
    good = good && parse_with_unit(time, duration_units, 604'800'000, milliseconds) && milliseconds > 0;
    if (!good) {
        return fail(Errc::bad_value, "must be a count in a time such as \"5/s\", \"20/10s\" or \"600/h\", not \"" +
                                         std::string(text) + '"');
    }
    return limits::Rate{count, std::chrono::milliseconds(milliseconds)};
}

Result<std::uint64_t> parse_size(std::string_view text) {
    std::uint64_t bytes = 0;
    if (!parse_with_unit(text, size_units, UINT64_MAX / 2, bytes)) {
        return fail(Errc::bad_value, "must be a size such as \"64KiB\" or \"10MiB\", not \"" + std::string(text) + '"');
    }
    return bytes;
}

}  // namespace config
}  // namespace millrace
