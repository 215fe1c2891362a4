#include "plugin/host/parameters.hpp"

#include <boost/json/parse.hpp>

#include "tests/unit/catch.hpp"

namespace millrace::host {
namespace {

const std::vector<Parameter> parameters{{"amount_msat", true}, {"description"}, {"expiry"}};

struct Read {
    Msat amount;
    std::string description;
    std::uint64_t expiry = 0;
    std::string fault;
};

Read read(std::string_view text) {
    const boost::json::value params = boost::json::parse(boost::json::string_view(text.data(), text.size()));
    Arguments in(parameters, params);
    Read out{in.msat("amount_msat"), in.text("description"), in.u64("expiry", 90, 600), {}};
    if (in.fault()) {
        CHECK(in.fault()->code == -32602);
        out.fault = in.fault()->message;
    }
    return out;
}

TEST_CASE("usage shows what may be left out") {
    CHECK(usage_of(parameters) == "amount_msat [description] [expiry]");
    CHECK(usage_of({}).empty());
}

TEST_CASE("parameters may come by position or by name, and amounts and numbers as text") {
    for (const char* text :
         {R"([1000,"d",100])", R"({"expiry":100,"amount_msat":1000,"description":"d"})", R"(["1sat","d","100"])",
          R"({"amount_msat":"1000msat","description":"d","expiry":"100"})"}) {
        INFO(text);
        const Read got = read(text);
        CHECK(got.fault.empty());
        CHECK(got.amount == Msat(1000));
        CHECK(got.description == "d");
        CHECK(got.expiry == 100);
    }
}

TEST_CASE("null and what is left out are the same") {
    for (const char* text : {"[5]", "[5,null]", "[5,null,null]", R"({"amount_msat":5,"expiry":null})"}) {
        INFO(text);
        const Read got = read(text);
        CHECK(got.fault.empty());
        CHECK(got.description.empty());
        CHECK(got.expiry == 0);
    }
}

TEST_CASE("a text that looks like a number is still a text") {
    CHECK(read("[5,123]").description == "123");
    CHECK(read("[5,true]").description == "true");
}

TEST_CASE("what is wrong is said with the parameter's name") {
    const std::pair<const char*, const char*> cases[] = {
        {"[]", "missing required parameter: amount_msat"},
        {"{}", "missing required parameter: amount_msat"},
        {"[null]", "missing required parameter: amount_msat"},
        {R"({"amount_msat":1,"colour":2})", "unknown parameter: colour"},
        {"[1,2,3,4]", "too many parameters: got 4, expected 3"},
        {R"(["many"])", R"(amount_msat: should be a millisatoshi amount: invalid token '"many"')"},
        {"[-5]", "amount_msat: should be a millisatoshi amount: invalid token '-5'"},
        {"[1.5]", "amount_msat: should be a millisatoshi amount: invalid token '1.5E0'"},
        {"[1,[]]", "description: should be a string: invalid token '[]'"},
        {R"([1,"d",89])", "expiry: should be a whole number from 90 to 600: invalid token '89'"},
        {R"([1,"d","x"])", R"(expiry: should be a whole number from 90 to 600: invalid token '"x"')"},
        {"7", "params must be an array or an object"},
    };
    for (const auto& [text, fault] : cases) {
        INFO(text);
        CHECK(read(text).fault == fault);
    }
}

TEST_CASE("a value that may be a secret is not repeated") {
    const boost::json::value params = boost::json::parse(R"(["hidden"])");
    Arguments in(parameters, params);
    in.refuse("amount_msat", "should be something else", false);
    CHECK(in.fault()->message == "amount_msat: should be something else");
}

}  // namespace
}  // namespace millrace::host
