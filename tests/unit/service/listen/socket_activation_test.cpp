#include "service/listen/socket_activation.hpp"

#include <map>

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::listen;

namespace {

using Variables = std::map<std::string, std::string>;
using Sockets = std::vector<ActivatedSocket>;

Result<Sockets> sockets(const Variables& variables) {
    auto variable = [&](const std::string& name) {
        auto entry = variables.find(name);
        return entry == variables.end() ? std::nullopt : std::optional(entry->second);
    };
    return activated_sockets(variable, 77);
}

}  // namespace

TEST_CASE("sockets are taken from systemd where they are for this process") {
    struct {
        Variables variables;
        Sockets expected;
    } const cases[] = {
        {{}, {}},
        {{{"LISTEN_FDS", "1"}}, {}},
        {{{"LISTEN_PID", "77"}}, {}},
        {{{"LISTEN_PID", "78"}, {"LISTEN_FDS", "1"}}, {}},
        {{{"LISTEN_PID", "x"}, {"LISTEN_FDS", "1"}}, {}},
        {{{"LISTEN_PID", "77"}, {"LISTEN_FDS", "0"}, {"LISTEN_FDNAMES", ""}}, {}},
        {{{"LISTEN_PID", "77"}, {"LISTEN_FDS", "1"}}, {{3, "unknown"}}},
        {{{"LISTEN_PID", "77"}, {"LISTEN_FDS", "1"}, {"LISTEN_FDNAMES", "web"}}, {{3, "web"}}},
        {{{"LISTEN_PID", "77"}, {"LISTEN_FDS", "3"}, {"LISTEN_FDNAMES", "web:admin:"}},
         {{3, "web"}, {4, "admin"}, {5, ""}}},
    };
    for (const auto& c : cases) {
        auto found = sockets(c.variables);
        REQUIRE(found);
        CHECK(*found == c.expected);
    }
    for (const char* count : {"", "-1", "1x", "257"}) {
        auto found = sockets({{"LISTEN_PID", "77"}, {"LISTEN_FDS", count}});
        REQUIRE_FALSE(found);
        CHECK(found.error().message.find("LISTEN_FDS must be a number up to 256") != std::string::npos);
    }
    auto found = sockets({{"LISTEN_PID", "77"}, {"LISTEN_FDS", "2"}, {"LISTEN_FDNAMES", "web"}});
    REQUIRE_FALSE(found);
    CHECK(found.error().message.find("LISTEN_FDNAMES must have 2 names, not \"web\"") != std::string::npos);
}

TEST_CASE("a name claims all sockets of that name, no name the first one left") {
    Sockets passed{{3, "web"}, {4, "admin"}, {5, "web"}, {6, "more"}};
    CHECK(claim_sockets(passed, "nothing").empty());
    CHECK(claim_sockets(passed, "web") == Sockets{{3, "web"}, {5, "web"}});
    CHECK(passed == Sockets{{4, "admin"}, {6, "more"}});
    CHECK(claim_sockets(passed, "web").empty());
    CHECK(claim_sockets(passed, "") == Sockets{{4, "admin"}});
    CHECK(claim_sockets(passed, "") == Sockets{{6, "more"}});
    CHECK(claim_sockets(passed, "").empty());
}
