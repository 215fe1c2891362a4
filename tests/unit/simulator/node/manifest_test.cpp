#include "contrib/simulator/node/manifest.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "tests/unit/catch.hpp"

namespace millrace::sim {
namespace {

TEST_CASE("a manifest is read with its options, methods, hooks and topics") {
    const auto read = read_manifest(boost::json::parse(R"({
        "options":[{"name":"a-b","type":"int","default":5,"description":"d","dynamic":true}],
        "rpcmethods":[{"name":"x","usage":"[y]","description":"ignored"}],
        "subscriptions":["*"],"hooks":["rpc_command",{"name":"htlc_accepted","before":["keysend"]}],
        "notifications":[{"method":"topic"}],"dynamic":true,"cancheck":true,"nonnumericids":true})"));
    REQUIRE(std::holds_alternative<Manifest>(read));
    const Manifest& manifest = std::get<Manifest>(read);
    REQUIRE(manifest.options.size() == 1);
    CHECK(manifest.options[0].dynamic);
    CHECK(manifest.methods[0].usage == "[y]");
    CHECK(manifest.hooks[1].before == std::vector<std::string>{"keysend"});
    CHECK(manifest.topics == std::vector<std::string>{"topic"});
    CHECK((manifest.dynamic && manifest.can_check));
}

TEST_CASE("what lightningd does not take in a manifest is refused, and why is said") {
    const std::pair<const char*, const char*> cases[] = {
        {R"({"rpcmethods":[]})", "\"options\" missing"},
        {R"({"options":[]})", "\"rpcmethods\" missing"},
        {R"({"options":[{"name":"A","type":"int","description":"d"}],"rpcmethods":[]})", "cannot contain characters"},
        {R"({"options":[{"name":"a","type":"float","description":"d"}],"rpcmethods":[]})", "supported, not float"},
        {R"({"options":[{"name":"a","type":"bool","description":"d","multi":true}],"rpcmethods":[]})",
         "cannot have multi"},
        {R"({"options":[{"name":"a","type":"flag","description":"d","default":true}],"rpcmethods":[]})",
         "must be 'false'"},
        {R"({"options":[],"rpcmethods":[{"name":"x"}]})", "\"usage\" not provided"},
        {R"({"options":[],"rpcmethods":[],"hooks":["no_such_hook"]})", "could not register hook"},
        {R"({"options":[],"rpcmethods":[],"hooks":[{"name":"htlc_accepted","filters":["x"]}]})",
         "does not allow filters"},
        {R"({"options":[],"rpcmethods":[],"nonnumericids":false})", "must be true"},
        {R"([])", "not an object"},
    };
    for (const auto& [text, message] : cases) {
        INFO(text);
        const auto read = read_manifest(boost::json::parse(text));
        REQUIRE(std::holds_alternative<std::string>(read));
        CHECK(std::get<std::string>(read).find(message) != std::string::npos);
    }
}

struct ValueCase {
    OptionType type;
    bool multi;
    const char* default_json;
    std::vector<std::string> given;
    const char* expected;  // JSON, or null for an error
};

TEST_CASE("options come out as init shows them: defaults, types, arrays for multi, nothing for unset") {
    const ValueCase cases[] = {
        {OptionType::string, false, "null", {}, "null"},
        {OptionType::string, false, "\"d\"", {}, "\"d\""},
        {OptionType::string, false, "\"d\"", {"a", "b"}, "\"b\""},
        {OptionType::integer, false, "5", {"-7"}, "-7"},
        {OptionType::integer, false, "5", {"x"}, nullptr},
        {OptionType::boolean, false, "null", {"true"}, "true"},
        {OptionType::boolean, false, "null", {"maybe"}, nullptr},
        {OptionType::flag, false, "null", {}, "null"},
        {OptionType::flag, false, "null", {""}, "true"},
        {OptionType::integer, true, "null", {"1", "2"}, "[1,2]"},
        {OptionType::string, true, "\"d\"", {}, "[\"d\"]"},
    };
    for (const ValueCase& tested : cases) {
        PluginOption option;
        option.name = "o";
        option.type = tested.type;
        option.multi = tested.multi;
        option.default_value = boost::json::parse(tested.default_json);
        option.given = tested.given;
        const auto value = option_value(option);
        if (tested.expected == nullptr) {
            CHECK(std::holds_alternative<std::string>(value));
        } else {
            REQUIRE(std::holds_alternative<boost::json::value>(value));
            CHECK(boost::json::serialize(std::get<boost::json::value>(value)) == tested.expected);
        }
    }
}

}  // namespace
}  // namespace millrace::sim
