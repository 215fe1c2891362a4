#include "plugin/host/filter.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "tests/unit/catch.hpp"

namespace millrace::host {
namespace {

namespace bj = boost::json;

const char* const result =
    R"({"version":"1","node":{"id":"02","blockheight":7},"clients":[{"client":"a","subscribed":true},{"client":"b"}],"tags":["x","y"],"deep":[[{"n":1,"m":2}]],"empty":{}})";

TEST_CASE("N10: a filter keeps what lightningd's own keeps") {
    struct {
        const char* filter;
        const char* kept;
    } const cases[] = {
        {R"({})", result},
        {R"({"version":true})", R"({"version":"1"})"},
        {R"({"version":true,"no such":true})", R"({"version":"1"})"},
        {R"({"no such":true})", "{}"},
        {R"({"node":true})", R"({"node":{"id":"02","blockheight":7}})"},
        {R"({"node":{}})", R"({"node":{"id":"02","blockheight":7}})"},
        {R"({"node":{"blockheight":true}})", R"({"node":{"blockheight":7}})"},
        {R"({"clients":[{"client":true}]})", R"({"clients":[{"client":"a"},{"client":"b"}]})"},
        {R"({"clients":[true]})", R"({"clients":[{"client":"a","subscribed":true},{"client":"b"}]})"},
        {R"({"tags":[{"x":true}]})", R"({"tags":["x","y"]})"},
        {R"({"deep":[[{"m":true}]]})", R"({"deep":[[{"m":2}]]})"},
        // A scalar that the filter takes for more is there; what is more than the filter took it for is not.
        {R"({"version":{"a":true}})", R"({"version":"1"})"},
        {R"({"clients":{"client":true}})", R"({"clients":[],"warning_parameter_filter":".clients is an array"})"},
        {R"({"node":[{"id":true}]})", R"({"node":{}})"},
        {R"({"deep":[{"n":true}]})", R"({"deep":[[]],"warning_parameter_filter":".deep[] is an array"})"},
    };
    for (const auto& one : cases) {
        INFO(one.filter);
        auto filter = Filter::parse(bj::parse(one.filter));
        REQUIRE(std::holds_alternative<Filter>(filter));
        CHECK(bj::serialize(std::get<Filter>(filter).apply(bj::parse(result).as_object())) == one.kept);
    }
}

TEST_CASE("N10: a filter that is none is refused in lightningd's words") {
    struct {
        const char* filter;
        const char* message;
    } const cases[] = {
        {"[]", "filter: Expected object: invalid token '[]'"},
        {"true", "filter: Expected object: invalid token 'true'"},
        {R"({"a":false})", "filter: value must be true: invalid token 'false'"},
        {R"({"a":1})", "filter: value must be true: invalid token '1'"},
        {R"({"a":[]})", "filter: Arrays can only have one element: invalid token '[]'"},
        {R"({"a":[true,true]})", "filter: Arrays can only have one element: invalid token '[true,true]'"},
        {R"({"a":{"b":null}})", "filter: value must be true: invalid token 'null'"},
    };
    for (const auto& one : cases) {
        INFO(one.filter);
        const auto filter = Filter::parse(bj::parse(one.filter));
        REQUIRE(std::holds_alternative<gateway::RpcError>(filter));
        CHECK(std::get<gateway::RpcError>(filter).code == -32602);
        CHECK(std::get<gateway::RpcError>(filter).message == one.message);
    }
}

}  // namespace
}  // namespace millrace::host
