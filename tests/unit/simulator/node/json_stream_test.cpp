#include "contrib/simulator/node/json_stream.hpp"

#include <vector>

#include "tests/unit/catch.hpp"

namespace millrace::sim {
namespace {

std::vector<std::string> split(std::string_view text, std::size_t step) {
    JsonSplitter splitter;
    std::vector<std::string> out;
    for (std::size_t at = 0; at < text.size(); at += step) {
        splitter.feed(text.substr(at, step));
        while (auto message = splitter.next()) out.push_back(*message);
    }
    return out;
}

TEST_CASE("messages are cut out of a stream whatever separates them and however it is chopped") {
    const std::string_view text = R"({"a":"}\"{"} [1,[2]]  {"b":{}}{"c":"\\"}
)";
    const std::vector<std::string> expected{R"({"a":"}\"{"})", "[1,[2]]", R"({"b":{}})", R"({"c":"\\"})"};
    for (const std::size_t step : {1U, 2U, 3U, 7U, 1000U}) CHECK(split(text, step) == expected);
}

TEST_CASE("what is not an object or an array breaks the stream, after what came before it") {
    JsonSplitter splitter;
    splitter.feed("{\"a\":1} hello {\"b\":2}");
    CHECK(splitter.next() == "{\"a\":1}");
    CHECK_FALSE(splitter.broken());
    CHECK_FALSE(splitter.next());
    CHECK(splitter.broken());
    CHECK_FALSE(splitter.next());
}

TEST_CASE("an unfinished message is no message yet and breaks nothing") {
    JsonSplitter splitter;
    splitter.feed("{\"a\":[");
    CHECK_FALSE(splitter.next());
    CHECK_FALSE(splitter.broken());
    splitter.feed("]}");
    CHECK(splitter.next() == "{\"a\":[]}");
}

struct MemberCase {
    const char* text;
    const char* name;
    const char* raw;  // null: absent
};

TEST_CASE("a member's raw bytes are what was sent, escapes and spaces inside included") {
    const MemberCase cases[] = {
        {R"({"id":"a\/b"})", "id", R"("a\/b")"},
        {R"({ "x" : { "id" : 1 } , "id" : 7 })", "id", "7"},
        {R"({"params":[1, {"id":"no"}],"id":null})", "id", "null"},
        {R"({"params": {"a" : 1 } })", "params", R"({"a" : 1 })"},
        {R"({"a":"\"id\":1,","b":true})", "b", "true"},
        {R"({"a":1})", "id", nullptr},
        {R"({})", "id", nullptr},
        {R"([1])", "id", nullptr},
    };
    for (const MemberCase& tested : cases) {
        INFO(tested.text);
        const auto raw = raw_member(tested.text, tested.name);
        if (tested.raw == nullptr) {
            CHECK_FALSE(raw);
        } else {
            REQUIRE(raw);
            CHECK(*raw == tested.raw);
        }
    }
}

}  // namespace
}  // namespace millrace::sim
