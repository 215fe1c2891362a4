#include "plugin/host/utf8.hpp"

#include "tests/unit/catch.hpp"

namespace millrace::host {
namespace {

const std::string mark = "\xef\xbf\xbd";

TEST_CASE("valid text stays as it is") {
    for (const std::string text :
         {"", "plain", "gr\xc3\xbc\xc3\x9f", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"}) {
        CHECK(is_utf8(text));
        CHECK(to_utf8(text) == text);
    }
}

TEST_CASE("bytes that are no UTF-8 are replaced, the rest stays") {
    const std::pair<std::string, std::string> cases[] = {
        {"a\xff"
         "b",
         "a" + mark + "b"},
        {"\x80", mark},
        {"cut \xe2\x82", "cut " + mark + mark},
        {"overlong \xc0\xaf", "overlong " + mark + mark},
        {"overlong \xe0\x80\xaf", "overlong " + mark + mark + mark},
        {"surrogate \xed\xa0\x80", "surrogate " + mark + mark + mark},
        {"too high \xf4\x90\x80\x80", "too high " + mark + mark + mark + mark},
        {"\xc3(", mark + "("},
    };
    for (const auto& [in, out] : cases) {
        CHECK_FALSE(is_utf8(in));
        CHECK(to_utf8(in) == out);
        CHECK(is_utf8(to_utf8(in)));
    }
}

}  // namespace
}  // namespace millrace::host
