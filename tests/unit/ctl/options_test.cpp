#include "service/ctl/options.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace::ctl;

namespace {

const std::string hash(64, 'a');

Options good(const std::vector<std::string>& arguments) {
    auto parsed = parse_options(arguments);
    if (const auto* stop = std::get_if<Stop>(&parsed)) FAIL(stop->text);
    return std::get<Options>(parsed);
}

}  // namespace

TEST_CASE("commands become requests") {
    struct {
        std::vector<std::string> arguments;
        std::string expected;
    } const cases[] = {
        {{"status"}, "GET http://127.0.0.1:9403/v1/status\n"},
        {{"--url", "http://[::1]:80/", "reload"}, "POST http://[::1]:80/v1/reload\n"},
        {{"service", "show", "a/b c"}, "GET http://127.0.0.1:9403/v1/services/a%2Fb%20c\n"},
        {{"settlements", "--service", "a&b", "--limit", "5"},
         "GET http://127.0.0.1:9403/v1/settlements?service=a%26b&limit=5\n"},
        {{"stats", "--period", "hour", "--socket", "/run/a.sock"}, "GET unix:/run/a.sock:/v1/stats?period=hour\n"},
        {{"token", "revoke", hash, "--reason", "\"leaked\""},
         "POST http://127.0.0.1:9403/v1/tokens/" + hash + "/revoke\n{\"reason\":\"\\\"leaked\\\"\"}\n"},
        {{"token", "restore", hash, "--dry-run"}, "POST http://127.0.0.1:9403/v1/tokens/" + hash + "/restore\n"},
        {{"audit", "--cursor", "7", "--json"}, "GET http://127.0.0.1:9403/v1/audit?cursor=7\n"},
    };
    for (const auto& one : cases) {
        INFO(one.expected);
        Options options = good(one.arguments);
        CHECK(written(options.place, make_request(*options.operation, options.values)) == one.expected);
    }
    CHECK(good({"token", "restore", hash, "--dry-run"}).dry_run);
    CHECK(good({"--json", "status"}).json);
}

TEST_CASE("wrong usage is told, with its own exit status") {
    const std::vector<std::vector<std::string>> cases = {
        {},
        {"nothing"},
        {"token"},
        {"token", "show"},
        {"status", "more"},
        {"settlements", "--colour", "red"},
        {"--url", "https://a", "status"},
        {"--url", "http://a/path", "status"},
        {"--url", "http://me:secret@a", "status"},
        {"--url", "http://a", "--socket", "/a", "status"},
        {"--token-file", "/nonexistent", "status"},
        {"--timeout", "0", "status"},
    };
    for (const auto& arguments : cases) {
        auto parsed = parse_options(arguments);
        INFO((arguments.empty() ? std::string() : arguments.back()));
        REQUIRE(std::holds_alternative<Stop>(parsed));
        CHECK(std::get<Stop>(parsed).exit == Exit::usage);
    }
    CHECK(std::get<Stop>(parse_options({"--help"})).exit == Exit::good);
    CHECK(std::get<Stop>(parse_options({"token", "revoke", "--help"})).text.find("--reason") != std::string::npos);
}

TEST_CASE("a script can tell answers apart") {
    CHECK(exit_of(200) == Exit::good);
    CHECK(exit_of(404) == Exit::not_found);
    for (unsigned status : {400U, 401U, 403U, 422U}) CHECK(exit_of(status) == Exit::refused);
    for (unsigned status : {301U, 500U, 503U}) CHECK(exit_of(status) == Exit::server);
}
