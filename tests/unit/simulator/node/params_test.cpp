#include "contrib/simulator/node/params.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "tests/unit/catch.hpp"

namespace millrace::sim {
namespace {

struct Answered {
    std::string text;
    Reply reply{"\"r\"", [this](std::string given) { text = std::move(given); }};
    [[nodiscard]] std::string message() const {
        const auto value = boost::json::parse(text);
        return std::string(value.at("error").at("message").as_string());
    }
};

constexpr const char* usage = "amount_msat label [expiry]";

Params read(std::string_view json, bool checking = false) {
    return Params("invoice", usage, boost::json::parse(json), checking);
}

TEST_CASE("parameters are the same by name and by position, and null counts as absent") {
    for (const char* text :
         {R"(["10sat","x",null])", R"({"amount_msat":10000,"label":"x"})", R"(["10000msat","x"])", R"([10000,"x"])"}) {
        INFO(text);
        Params in = read(text);
        Answered answered;
        CHECK(in.msat("amount_msat") == Msat(10'000));
        CHECK(in.string("label") == "x");
        CHECK_FALSE(in.optional_u64("expiry"));
        CHECK_FALSE(in.ends(answered.reply));
    }
}

struct FaultCase {
    const char* json;
    const char* message;
};

TEST_CASE("faults are told with lightningd's words") {
    const FaultCase cases[] = {
        {R"({"label":"x"})", "missing required parameter: amount_msat"},
        {R"({"amount_msat":-1,"label":"x"})", "amount_msat: should be a millisatoshi amount: invalid token '-1'"},
        {R"({"amount_msat":"lots","label":"x"})",
         "amount_msat: should be a millisatoshi amount: invalid token '\"lots\"'"},
        {R"([1,"x",2,3])", "too many parameters: got 4, expected 3"},
        {R"([1,"x","soon"])", "expiry: should be an unsigned 64 bit integer: invalid token '\"soon\"'"},
        {R"("text")", "Expected array or object for params"},
    };
    for (const FaultCase& tested : cases) {
        INFO(tested.json);
        Params in = read(tested.json);
        static_cast<void>(in.msat("amount_msat"));
        static_cast<void>(in.string("label"));
        static_cast<void>(in.optional_u64("expiry"));
        Answered answered;
        REQUIRE(in.ends(answered.reply));
        CHECK(answered.message() == tested.message);
    }
}

TEST_CASE("an unknown name is a fault") {
    Params in = read(R"({"amount_msat":1,"label":"x","lable":"y"})");
    Answered answered;
    REQUIRE(in.ends(answered.reply));
    CHECK(answered.message().find("unknown parameter: lable") == 0);
}

TEST_CASE("a checked command ends after its parameters were read") {
    Params in = read(R"([1,"x"])", true);
    static_cast<void>(in.msat("amount_msat"));
    Answered answered;
    REQUIRE(in.ends(answered.reply));
    CHECK(answered.text == "{\"jsonrpc\":\"2.0\",\"id\":\"r\",\"result\":{\"command_to_check\":\"invoice\"}}\n\n");
}

TEST_CASE("a request is answered once") {
    Answered answered;
    answered.reply.error(5, "first");
    answered.reply.result(boost::json::object{});
    CHECK(answered.message() == "first");
    CHECK(answered.reply.answered());
}

TEST_CASE("\"any\" is an amount where it is allowed, and nought is not") {
    Params any = read(R"(["any","x"])");
    Answered first;
    CHECK_FALSE(any.msat_or_any("amount_msat"));
    CHECK_FALSE(any.ends(first.reply));
    Params nought = read(R"([0,"x"])");
    Answered second;
    static_cast<void>(nought.msat_or_any("amount_msat"));
    CHECK(nought.ends(second.reply));
}

TEST_CASE("numbers beyond 2^53 keep every digit") {
    Params in = read(R"([18446744073709551615,"x","18446744073709551614"])");
    CHECK(in.u64("amount_msat") == UINT64_MAX);
    CHECK(in.u64("expiry") == UINT64_MAX - 1);
}

}  // namespace
}  // namespace millrace::sim
