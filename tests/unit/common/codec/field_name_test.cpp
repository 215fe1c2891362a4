#include "common/codec/field_name.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace::codec;

TEST_CASE("H11: every character but letters and digits counts as a hyphen in a field's name") {
    for (const char* name : {"X-L402-Tier", "x_l402_tier", "X.L402.Tier", "x~l402|TIER", "X!L402#Tier"}) {
        INFO(name);
        CHECK(same_variable(name, "X-L402-Tier"));
        CHECK(begins_variable(name, "x-l402-"));
    }
    for (const char* name : {"X-L402-Tie", "X-L402-Tiers", "XL402Tier", "X--L402-Tier", ""})
        CHECK_FALSE(same_variable(name, "X-L402-Tier"));
    CHECK_FALSE(begins_variable("X-L40", "x-l402-"));
}
