#include "service/ctl/table.hpp"

#include <boost/json/parse.hpp>

#include "tests/unit/catch.hpp"

using namespace millrace::ctl;

namespace {

std::string text(const char* json, const View& view = {}) {
    return to_text(boost::json::parse(json).as_object(), view);
}

}  // namespace

TEST_CASE("rows stand in columns, numbers to the right, times as dates") {
    const View view{"rows", {"at", "service", "count"}};
    CHECK(text(R"({"rows":[{"at":1795262400,"service":"weather","count":12},{"at":0,"service":null,"count":3}]})",
               view) ==
          "at                    service  count\n"
          "2026-11-21T12:00:00Z  weather     12\n"
          "1970-01-01T00:00:00Z  -            3\n");
    CHECK(text(R"({"rows":[{"opened_at":0,"start":0,"seat":0}]})", {"rows", {"opened_at", "start", "seat"}}) ==
          "opened_at             start                 seat\n"
          "1970-01-01T00:00:00Z  1970-01-01T00:00:00Z  0\n");
    CHECK(text(R"({"rows":[],"next_cursor":null})", view) == "at  service  count\n");
    CHECK(text(R"({"rows":[{}],"next_cursor":"7"})", view).ends_with("more: --cursor 7\n"));
}

TEST_CASE("other answers are members, one a line") {
    CHECK(
        text(R"({"ready":true,"started_at":1795262400,"node":{"alias":"a"},"why":null,"list":["x","y"],"none":[]})") ==
        "ready       true\n"
        "started_at  2026-11-21T12:00:00Z\n"
        "node.alias  a\n"
        "why         -\n"
        "list        x, y\n"
        "none        -\n");
}

TEST_CASE("no text reaches the terminal as a command to it") {
    CHECK(text("{\"a\":\"\\u001b[2Jx\\u009by\\u007f\\n\"}") == "a  \\u001b[2Jx\\u009by\\u007f\\u000a\n");
    CHECK(text("{\"a\":\"gr\\u00fc\\u00df\"}") == "a  gr\xC3\xBC\xC3\x9F\n");
}
