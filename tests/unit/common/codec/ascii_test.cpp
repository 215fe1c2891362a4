#include "common/codec/ascii.hpp"

#include <memory>

#include "tests/unit/catch.hpp"

using namespace millrace;

TEST_CASE("names are equal without regard to case, of ASCII alone") {
    struct {
        std::string_view left;
        std::string_view right;
        bool equal;
    } const cases[] = {
        {"", "", true},    {"Host", "hOST", true}, {"Host", "Hosts", false}, {"Hosts", "Host", false}, {"Q", "q", true},
        {"@", "`", false}, {"[", "{", false},      {"a-b", "A_B", false},    {"\xc4", "\xe4", false},  {"Z", "z", true},
    };
    for (const auto& c : cases) {
        INFO(c.left << " " << c.right);
        CHECK(codec::iequals(c.left, c.right) == c.equal);
    }
}

TEST_CASE("nothing behind a name is read") {
    // In a place of its own, so that the address sanitizer sees it.
    const std::unique_ptr<char[]> name(new char[1]{'Q'});
    CHECK(codec::iequals({name.get(), 1}, "q"));
}
