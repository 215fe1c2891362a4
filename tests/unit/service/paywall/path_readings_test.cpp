#include "service/paywall/path_readings.hpp"

#include <set>

#include "service/paywall/request_target.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace::paywall;

namespace {

// All readings of a path, those of the default first.
std::set<std::string> readings(const std::string& path) {
    RequestTarget target;
    REQUIRE(parse_target(path, target) == nullptr);
    std::set<std::string> out{target.path};
    if (!target.readings) return out;
    auto add = [&out](const PathReading& one) { out.insert({one.kept, one.cut, one.cut_decoded, one.cut_last}); };
    add(target.readings->plain);
    for (const PathReading& one : target.readings->others) add(one);
    return out;
}

}  // namespace

TEST_CASE("M12: what kinds of servers make of a path") {
    struct {
        const char* path;
        std::set<std::string> expected;
    } const cases[] = {
        {"/docs/edit", {"/docs/edit"}},
        {"/a b", {}},
        {"/docs/edit;/x", {"/docs/edit;/x", "/docs/edit/x"}},
        {"/docs/edit;a=b/x", {"/docs/edit;a=b/x", "/docs/edit/x"}},
        {"/a;x/b;y", {"/a;x/b;y", "/a;x/b", "/a/b"}},
        {"/docs/;x/edit", {"/docs/;x/edit", "/docs/edit"}},
        {"/docs/edit%3Bx", {"/docs/edit;x", "/docs/edit", "/docs/edit%3Bx"}},
        {"/a;x%2Fb", {"/a;x%2Fb", "/a", "/a;x/b", "/a/b"}},
        {"/a%2Fb", {"/a%2Fb", "/a/b"}},
        {"/a%252Fb", {"/a%2Fb", "/a/b"}},
        {"/a/%2565dit", {"/a/%65dit", "/a/edit"}},
        {"/edit%3Fx", {"/edit?x", "/edit"}},
        {"/edit%23x", {"/edit#x", "/edit"}},
        {"/a%40b", {"/a@b", "/a%40b"}},
        {"/edit.", {"/edit.", "/edit"}},
        {"/edit%20/x", {"/edit /x", "/edit/x"}},
        {"/edit...", {"/edit...", "/edit"}},
        {"/edit::$DATA", {"/edit::$DATA", "/edit"}},
        {"/docs:$I30:$INDEX_ALLOCATION/edit", {"/docs:$I30:$INDEX_ALLOCATION/edit", "/docs/edit"}},
        {"/v1/models:predict", {"/v1/models:predict"}},
        {"/a%20b", {"/a b"}},
        {"/100%25", {"/100%"}},
        {"/%C3%A9t%C3%A9", {"/\xc3\xa9t\xc3\xa9"}},
    };
    for (const auto& c : cases) {
        INFO(c.path);
        if (c.expected.empty()) continue;
        CHECK(readings(c.path) == c.expected);
    }
}

TEST_CASE("M12: a path that hides something from us is refused whatever is sold") {
    RequestTarget target;
    for (const char* path :
         {"/a/%252e%252e/b", "/a/..%20/b", "/a/.%20", "/a%252f..%252fb", "/a%255cb", "/a%2500", "/a%250ab", "/%c0%af..",
          "/a%c0%aeb", "/a%e0%80%afb", "/a%f0%80%80%afb", "/%2e%2e%2fa", "/a/..;x/b", "/a/..%3bx/b", "/a/%2e;x"}) {
        INFO(path);
        CHECK(parse_target(path, target) != nullptr);
    }
    // A path for each of whose many readings there is no time.
    std::string long_one = "/";
    while (long_one.size() < 14'000) long_one += "a%2Fb%3B%2565.;x/";
    CHECK(parse_target(long_one, target) != nullptr);
}

TEST_CASE("M12: escapes have one spelling on their way") {
    RequestTarget target;
    REQUIRE(parse_target("/a%3fb%c3%a9?q=%c3", target) == nullptr);
    CHECK(target.forward == "/a%3Fb%C3%A9?q=%c3");
    CHECK(encode_path("/caf\xc3\xa9 x@%2Fy%") == "/caf%C3%A9%20x@%2Fy%25");
}

TEST_CASE("M12: a front proxy that hands on what the client wrote adds the readings of that") {
    RequestTarget target;
    REQUIRE(parse_target("/a/../b", target, Carried::as_sent) == nullptr);
    CHECK(target.path == "/b");
    REQUIRE(target.readings);
    CHECK(target.readings->others.back().kept == "/a/../b");
    REQUIRE(parse_target("/%61//b", target, Carried::as_sent) == nullptr);
    REQUIRE(target.readings);
    REQUIRE(target.readings->others.size() == 2);
    CHECK(target.readings->others[0].kept == "/%61//b");
    CHECK(target.readings->others[1].kept == "/a//b");
    for (const char* path :
         {"/a%2fb/../c", "/a%252fb/..", "/a/../b%3Fc", "/a;x/../c", "/a//b/../../c", "/x/..;/../c"}) {
        CHECK(parse_target(path, target, Carried::as_sent) != nullptr);
        CHECK(parse_target(path, target) == nullptr);
    }
    REQUIRE(parse_target("/a/b", target, Carried::as_sent) == nullptr);
    CHECK_FALSE(target.readings);
}

TEST_CASE("M12: each reading comes with what to do") {
    for (Quirk quirk : {Quirk::none, Quirk::encoded_slash, Quirk::decoded_again, Quirk::escapes_kept, Quirk::file_name,
                        Quirk::as_sent, Quirk::parameters}) {
        CHECK(advice(quirk).size() > 20);
        CHECK(advice(quirk).back() == '.');
    }
}
