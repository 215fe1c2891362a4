#include "service/config/units.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;

TEST_CASE("durations are whole numbers with a unit") {
    struct {
        const char* text;
        std::chrono::milliseconds value;
    } const good[] = {{"500ms", 500ms}, {"90s", 90s}, {"30m", 30min}, {"1h", 1h},
                      {"7d", 168h},     {"2w", 336h}, {"0s", 0s},     {"876000h", 876000h}};
    for (const auto& c : good) {
        INFO(c.text);
        CHECK(config::parse_duration(c.text).value() == c.value);
    }
    for (const char* text : {"", "1", "h", "1 h", " 1h", "1h ", "-1h", "+1h", "1.5h", "1H", "1h30m", "1y",
                             "99999999999999999999s", "36501d"}) {
        INFO(text);
        auto parsed = config::parse_duration(text);
        REQUIRE_FALSE(parsed);
        CHECK(is(parsed.error(), config::Errc::bad_value));
        CHECK(parsed.error().message.find("must be a duration such as") != std::string::npos);
    }
}

TEST_CASE("sizes are bytes or binary multiples") {
    struct {
        const char* text;
        std::uint64_t value;
    } const good[] = {{"0", 0},         {"512", 512},        {"512B", 512},
                      {"64KiB", 65536}, {"10MiB", 10485760}, {"2GiB", 2147483648}};
    for (const auto& c : good) {
        INFO(c.text);
        CHECK(config::parse_size(c.text).value() == c.value);
    }
    for (const char* text : {"", "KiB", "1kb", "1KB", "-1", "1 KiB", "99999999999GiB"}) {
        INFO(text);
        CHECK_FALSE(config::parse_size(text));
    }
}
