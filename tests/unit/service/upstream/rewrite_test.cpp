#include "service/upstream/rewrite.hpp"

#include "service/paywall/request_target.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;

namespace {

std::string rewritten(const std::string& strip, const std::string& prefix, std::string_view target,
                      const config::PathRules& rules = {}) {
    std::string out = "left over from the request before";
    upstream::rewrite_target({strip, prefix}, rules, target, out);
    return out;
}

}  // namespace

TEST_CASE("the beginning of a path is replaced, the rest and the query stay") {
    struct {
        const char* strip;
        const char* prefix;
        const char* target;
        const char* expected;
    } const cases[] = {
        {"/api", "/v2", "/api/x?y=1", "/v2/x?y=1"},
        {"/api", "/v2", "/api", "/v2"},
        {"/api", "/v2", "/api?y=/api/", "/v2?y=/api/"},
        {"/api", "/v2", "/api/", "/v2/"},
        {"/api", "", "/api/x", "/x"},
        {"/api", "", "/api", "/"},
        {"/api", "", "/api?y", "/?y"},
        {"/api", "", "/api/api/x", "/api/x"},
        {"/api/v1", "", "/api/v1/x", "/x"},
        {"", "/v2", "/x/y?z", "/v2/x/y?z"},
        {"", "/v2", "/", "/v2/"},
        {"/api", "/a%20b", "/api/x%20y", "/a%20b/x%20y"},
        // Encoded in the request, where that is its normal form.
        {"/caf\xc3\xa9", "/tea", "/caf%C3%A9/x", "/tea/x"},
        {"/caf\xc3\xa9", "/tea", "/caf%c3%a9", "/tea"},
        {"/a b", "", "/a%20b/c%2Fd", "/c%2Fd"},
        // What does not begin with it keeps its path.
        {"/api", "/v2", "/apis/x", "/v2/apis/x"},
        {"/api", "", "/ap", "/ap"},
        {"/a/b", "", "/a%2Fb/x", "/a%2Fb/x"},
    };
    for (const auto& c : cases) {
        INFO(c.target);
        CHECK(rewritten(c.strip, c.prefix, c.target) == c.expected);
    }
}

TEST_CASE("what is rewritten is in normal form, whatever the spelling of the request") {
    for (const char* target :
         {"/api/x", "/api//x", "//api/./x", "/b/../api/x", "/%61pi/x", "/api/y/../x", "/api/%78"}) {
        paywall::RequestTarget parsed;
        REQUIRE_FALSE(paywall::parse_target(target, parsed));
        CHECK(rewritten("/api", "/v2", parsed.forward) == "/v2/x");
    }
}

TEST_CASE("M12: what is stripped is compared by the rules of the service") {
    const config::PathRules cut{config::PathRules::Parameters::cut};
    const config::PathRules fold{.fold_case = true};
    CHECK(rewritten("/api/v1", "/v2", "/api;x/v1;y=1/a;z", cut) == "/v2/a;z");
    CHECK(rewritten("/api", "/v2", "/api;x", cut) == "/v2");
    CHECK(rewritten("/api", "/v2", "/api;x/a") == "/v2/api;x/a");
    CHECK(rewritten("/api", "/v2", "/API/a?B=1", fold) == "/v2/a?B=1");
    CHECK(rewritten("/Api", "/v2", "/api/A", fold) == "/v2/A");
    CHECK(rewritten("/api", "/v2", "/API/a") == "/v2/API/a");
}
