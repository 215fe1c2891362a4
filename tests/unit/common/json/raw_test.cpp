#include "common/json/raw.hpp"

#include <string>

#include "tests/unit/catch.hpp"

namespace millrace::json {
namespace {

TEST_CASE("a member is found as the bytes that were written") {
    struct {
        std::string_view text, name, value;
    } const cases[] = {
        {R"({"id":1e400,"x":2})", "id", "1e400"},
        {R"({ "x" : [ {"id":3} ] , "id" : "a\/b" })", "id", R"("a\/b")"},
        {"{\n\n\"id\"\n:\n{\"id\":[1, 2]}\n}", "id", R"({"id":[1, 2]})"},
        {R"({"id":1,"id":2})", "id", "2"},
        {R"({"a":"\"id\":1","id":null})", "id", "null"},
        {R"({"id":"}"})", "id", R"("}")"},
    };
    for (const auto& one : cases) {
        INFO(one.text);
        const auto found = raw_member(one.text, one.name);
        REQUIRE(found);
        CHECK(*found == one.value);
    }
    for (std::string_view text : {"", "{", "{}", "[]", "7", R"(["id",1])", R"({"ID":1})", R"({"id")", R"({"id":)",
                                  R"({"x":{"id":1}})", R"({"id":"})"}) {
        INFO(text);
        CHECK_FALSE(raw_member(text, "id"));
    }
}

TEST_CASE("every prefix of a text is safe to look into") {
    const std::string text = "{\"a\\\\\":[\"\\\"\",{}],\"id\":\"x\\\\\",\"b\":1}";
    for (std::size_t size = 0; size < text.size(); ++size)
        (void)raw_member(std::string_view(text).substr(0, size), "id");
    CHECK(raw_member(text, "id") == std::string_view("\"x\\\\\""));
}

}  // namespace
}  // namespace millrace::json
