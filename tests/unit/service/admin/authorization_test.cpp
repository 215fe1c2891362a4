#include "service/admin/authorization.hpp"

#include "service/config/read_admin.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::admin;

namespace {

const std::string read_token(32, 'r');
const std::string write_token(40, 'w');

config::Admin settings(bool read, bool write) {
    config::Admin out;
    if (read) out.read_token = config::SecretText(read_token);
    if (write) out.write_token = config::SecretText(write_token);
    return out;
}

}  // namespace

TEST_CASE("a role is given for its token alone, and for nothing only where there are no tokens") {
    struct {
        bool read;
        bool write;
        std::string shown;
        std::optional<Role> expected;
    } const cases[] = {
        {true, true, "Bearer " + read_token, Role::read},
        {true, true, "Bearer " + write_token, Role::write},
        {true, true, "bEaReR  " + write_token, Role::write},
        {true, true, "", std::nullopt},
        {true, true, "Bearer ", std::nullopt},
        {true, true, "Bearer  ", std::nullopt},
        {true, true, read_token, std::nullopt},
        {true, true, "Basic " + read_token, std::nullopt},
        {true, true, "Bearer " + read_token + "r", std::nullopt},
        {true, true, "Bearer " + read_token.substr(1), std::nullopt},
        {true, false, "Bearer " + write_token, std::nullopt},
        {false, true, "Bearer " + read_token, std::nullopt},
        {false, true, "", std::nullopt},
        {false, false, "", Role::write},
        {false, false, "Bearer nonsense", Role::write},
    };
    for (const auto& one : cases) {
        INFO(one.shown);
        CHECK(role_of(settings(one.read, one.write), one.shown) == one.expected);
    }
}

TEST_CASE("writing includes reading, and not the other way round") {
    CHECK(may(Role::write, Role::read));
    CHECK(may(Role::write, Role::write));
    CHECK(may(Role::read, Role::read));
    CHECK_FALSE(may(Role::read, Role::write));
}

TEST_CASE("a token is long and made of what a bearer token may have") {
    CHECK(config::fault_of_admin_token(std::string(32, 'a')).empty());
    CHECK(config::fault_of_admin_token("ABCabc012-._~+/=ABCabc012-._~+/=").empty());
    CHECK_FALSE(config::fault_of_admin_token(std::string(31, 'a')).empty());
    CHECK_FALSE(config::fault_of_admin_token(std::string(32, 'a') + ' ').empty());
    CHECK_FALSE(config::fault_of_admin_token(std::string(32, '"')).empty());
}
