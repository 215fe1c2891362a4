#include "service/log/log.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <string>

#include "tests/unit/catch.hpp"

using namespace millrace;

namespace {

template <class... Values>
std::string line(const char* format, const Values&... values) {
    const std::array<log::Value, sizeof...(Values)> list{log::Value(values)...};
    return log::fill_in(format, list);
}

}  // namespace

TEST_CASE("a line has each value in place of its braces") {
    CHECK(line("stopped") == "stopped");
    CHECK(line("{}", "all of it") == "all of it");
    CHECK(line("service {}: {} msat for {}", std::string("a"), 1000U, std::string_view("b")) ==
          "service a: 1000 msat for b");
    CHECK(line("{}{}", 1, 2) == "12");
}

TEST_CASE("braces in a value are text") {
    CHECK(line("{}, {}", "{}", "{x}") == "{}, {x}");
}

TEST_CASE("whole numbers are written in full, others with one decimal") {
    CHECK(line("{} {}", std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::uint64_t>::max()) ==
          "-9223372036854775808 18446744073709551615");
    CHECK(line("{} ms, {} ms", 0.04, 12.25) == "0.0 ms, 12.2 ms");
    CHECK(line("{}", 1e60) == "1.0e+60");
}

TEST_CASE("what is below the level is not written") {
    log::set_level("warn");
    CHECK_FALSE(log::writes(log::Level::debug));
    CHECK_FALSE(log::writes(log::Level::info));
    CHECK(log::writes(log::Level::warn));
    CHECK(log::writes(log::Level::critical));
    log::set_level("info");
    CHECK(log::writes(log::Level::info));
}
