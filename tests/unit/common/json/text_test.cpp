#include "common/json/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <limits>

#include "tests/unit/catch.hpp"

namespace millrace::json {
namespace {

namespace bj = boost::json;

TEST_CASE("N10: numbers are plain decimals") {
    struct {
        double number;
        const char* text;
    } const cases[] = {
        {0.0, "0"},
        {5242.879, "5242.879"},
        {0.5, "0.5"},
        {-1.25, "-1.25"},
        {1e21, "1000000000000000000000"},
        {1e-7, "0.0000001"},
        {1.0, "1"},
        {100000, "100000"},
        {1795173140.9184406, "1795173140.9184406"},
        {std::numeric_limits<double>::infinity(), "null"},
        {std::numeric_limits<double>::quiet_NaN(), "null"},
    };
    for (const auto& one : cases) {
        CHECK(to_text(bj::value(one.number)) == one.text);
        CHECK(to_text(bj::object{{"p50", one.number}}) == "{\"p50\":" + std::string(one.text) + "}");
        CHECK(to_text(bj::array{one.number, one.number}) == "[" + std::string(one.text) + "," + one.text + "]");
    }
    for (const double extreme : {std::numeric_limits<double>::max(), std::numeric_limits<double>::min(),
                                 std::numeric_limits<double>::denorm_min(), 1.0 / 3}) {
        const std::string text = to_text(bj::value(extreme));
        CHECK(text.find_first_of("eE") == std::string::npos);
        CHECK(std::strtod(text.c_str(), nullptr) == extreme);
    }
}

TEST_CASE("what holds no double is written as it always was") {
    for (const char* text : {"null", "true", "[]", "{}", "-7", "18446744073709551615", R"("a\"\u0000\n/")",
                             R"({"a\"b":[1,{"c":[]},"d"],"e":null})"}) {
        const bj::value value = bj::parse(text);
        CHECK(to_text(value) == bj::serialize(value));
    }
}

}  // namespace
}  // namespace millrace::json
