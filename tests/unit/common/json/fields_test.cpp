#include "common/json/fields.hpp"

#include <boost/json/parse.hpp>

#include "tests/unit/catch.hpp"

namespace millrace::json {
namespace {

boost::json::value parse(std::string_view text) {
    return boost::json::parse(text);
}

TEST_CASE("Members of the right type are read") {
    const boost::json::value value = parse(R"({
        "u": 7, "big": 18446744073709551615, "d": 1.5, "yes": true, "no": false, "text": "x\u00e9", "empty": "",
        "m1": 1000, "m2": "1000msat", "m3": "10sat", "time": 1700000000, "list": ["a", "b"], "object": {"k": 1},
        "service": "my_api", "hash": "E0e77a507412b120f6ede61f62295b1a7b2ff19d3dcc8f7253e51663470c888e"})");
    Fields in(value, "test");
    CHECK(in.u64("u") == 7);
    CHECK(in.u64("big") == UINT64_MAX);
    CHECK(in.number("d") == 1.5);
    CHECK(in.number("u") == 7);
    CHECK(in.boolean("yes"));
    CHECK_FALSE(in.boolean("no"));
    CHECK(in.string("text") == "x\xc3\xa9");
    CHECK(in.string("empty").empty());
    CHECK(in.msat("m1") == Msat(1000));
    CHECK(in.msat("m2") == Msat(1000));
    CHECK(in.msat("m3") == Msat(10'000));
    CHECK(in.time("time") == std::chrono::sys_seconds(std::chrono::seconds(1'700'000'000)));
    CHECK(in.strings("list") == std::vector<std::string>{"a", "b"});
    CHECK(in.object("object").size() == 1);
    CHECK(in.array("list").size() == 2);
    CHECK(in.service("service").text() == "my_api");
    CHECK(in.hex<PaymentHash>("hash").hex() == "e0e77a507412b120f6ede61f62295b1a7b2ff19d3dcc8f7253e51663470c888e");
    in.no_others();
    CHECK_FALSE(in.fault());
}

TEST_CASE("Absent and null optional members are empty, present ones are read") {
    const boost::json::value value = parse(R"({"null": null, "u": 1, "b": false, "s": "", "m": 5, "t": 60})");
    Fields in(value, "test");
    for (const char* name : {"absent", "null"}) {
        CHECK_FALSE(in.has(name));
        CHECK(in.optional_u64(name) == std::nullopt);
        CHECK(in.optional_boolean(name) == std::nullopt);
        CHECK(in.optional_string(name) == std::nullopt);
        CHECK(in.optional_msat(name) == std::nullopt);
        CHECK(in.optional_seconds(name) == std::nullopt);
    }
    CHECK(in.has("b"));
    CHECK(in.optional_u64("u") == 1);
    CHECK(in.optional_boolean("b") == false);
    CHECK(in.optional_string("s") == "");
    CHECK(in.optional_msat("m") == Msat(5));
    CHECK(in.optional_seconds("t") == std::chrono::seconds(60));
    CHECK_FALSE(in.fault());
}

// Reads one member by one getter, and answers the fault.
template <class Getter>
Error fault_of(std::string_view json, Getter get) {
    const boost::json::value value = parse(json);
    Fields in(value, "issue");
    get(in);
    REQUIRE(in.fault());
    return *in.fault();
}

TEST_CASE("A missing, null or wrong member is a fault that names object and member") {
    struct Case {
        const char* json;
        void (*get)(Fields&);
        Errc errc;
    };
    const Case cases[] = {
        {"{}", [](Fields& in) { in.u64("x"); }, Errc::missing},
        {"{}", [](Fields& in) { in.number("x"); }, Errc::missing},
        {"{}", [](Fields& in) { in.boolean("x"); }, Errc::missing},
        {"{}", [](Fields& in) { in.string("x"); }, Errc::missing},
        {"{}", [](Fields& in) { in.msat("x"); }, Errc::missing},
        {"{}", [](Fields& in) { in.time("x"); }, Errc::missing},
        {"{}", [](Fields& in) { in.array("x"); }, Errc::missing},
        {"{}", [](Fields& in) { in.object("x"); }, Errc::missing},
        {"{}", [](Fields& in) { in.strings("x"); }, Errc::missing},
        {"{}", [](Fields& in) { in.service("x"); }, Errc::missing},
        {"{}", [](Fields& in) { in.hex<PaymentHash>("x"); }, Errc::missing},
        {R"({"x": null})", [](Fields& in) { in.u64("x"); }, Errc::missing},
        {R"({"x": "1"})", [](Fields& in) { in.u64("x"); }, Errc::wrong_type},
        {R"({"x": -1})", [](Fields& in) { in.u64("x"); }, Errc::wrong_type},
        {R"({"x": 1.0})", [](Fields& in) { in.u64("x"); }, Errc::wrong_type},
        {R"({"x": 1e3})", [](Fields& in) { in.u64("x"); }, Errc::wrong_type},
        {R"({"x": true})", [](Fields& in) { in.u64("x"); }, Errc::wrong_type},
        {R"({"x": 18446744073709551616})", [](Fields& in) { in.u64("x"); }, Errc::wrong_type},
        {R"({"x": 11})", [](Fields& in) { in.u64("x", 10); }, Errc::out_of_range},
        {R"({"x": 11})", [](Fields& in) { in.optional_u64("x", 10); }, Errc::out_of_range},
        {R"({"x": "a"})", [](Fields& in) { in.number("x"); }, Errc::wrong_type},
        {R"({"x": 1})", [](Fields& in) { in.boolean("x"); }, Errc::wrong_type},
        {R"({"x": "true"})", [](Fields& in) { in.optional_boolean("x"); }, Errc::wrong_type},
        {R"({"x": 1})", [](Fields& in) { in.string("x"); }, Errc::wrong_type},
        {R"({"x": []})", [](Fields& in) { in.optional_string("x"); }, Errc::wrong_type},
        {R"({"x": "10 sat"})", [](Fields& in) { in.msat("x"); }, Errc::out_of_range},
        {R"({"x": -5})", [](Fields& in) { in.msat("x"); }, Errc::wrong_type},
        {R"({"x": 1.5})", [](Fields& in) { in.msat("x"); }, Errc::wrong_type},
        {R"({"x": 2100000000000000001})", [](Fields& in) { in.msat("x"); }, Errc::out_of_range},
        {R"({"x": "2100000000000000001msat"})", [](Fields& in) { in.optional_msat("x"); }, Errc::out_of_range},
        {R"({"x": 4294967296})", [](Fields& in) { in.time("x"); }, Errc::out_of_range},
        {R"({"x": 4294967296})", [](Fields& in) { in.optional_seconds("x"); }, Errc::out_of_range},
        {R"({"x": "60"})", [](Fields& in) { in.optional_seconds("x"); }, Errc::wrong_type},
        {R"({"x": {}})", [](Fields& in) { in.array("x"); }, Errc::wrong_type},
        {R"({"x": []})", [](Fields& in) { in.object("x"); }, Errc::wrong_type},
        {R"({"x": ["a", 1]})", [](Fields& in) { in.strings("x"); }, Errc::wrong_type},
        {R"({"x": "Weather"})", [](Fields& in) { in.service("x"); }, Errc::out_of_range},
        {R"({"x": ""})", [](Fields& in) { in.service("x"); }, Errc::out_of_range},
        {R"({"x": "00"})", [](Fields& in) { in.hex<PaymentHash>("x"); }, Errc::out_of_range},
        {R"({"x": 0})", [](Fields& in) { in.hex<SecretKey>("x"); }, Errc::wrong_type},
    };
    int index = 0;
    for (const Case& c : cases) {
        CAPTURE(index++, c.json);
        const Error fault = fault_of(c.json, c.get);
        CAPTURE(fault.message);
        CHECK(is(fault, c.errc));
        CHECK(fault.message.starts_with("issue: x: "));
    }
}

TEST_CASE("What is not an object is a fault, and every getter then answers a zero value") {
    for (const char* json : {"null", "1", "\"x\"", "[]", "true"}) {
        CAPTURE(json);
        const boost::json::value value = parse(json);
        Fields in(value, "hello");
        CHECK(in.u64("x") == 0);
        CHECK(in.number("x") == 0);
        CHECK_FALSE(in.boolean("x"));
        CHECK(in.string("x").empty());
        CHECK(in.msat("x") == Msat());
        CHECK(in.array("x").empty());
        CHECK(in.object("x").empty());
        CHECK(in.strings("x").empty());
        CHECK(in.hex<PaymentHash>("x") == PaymentHash());
        in.service("x");
        in.no_others();
        REQUIRE(in.fault());
        CHECK(is(*in.fault(), Errc::not_an_object));
        CHECK(in.fault()->message.starts_with("hello: "));
    }
}

TEST_CASE("The first fault wins") {
    const boost::json::value value = parse(R"({"a": "x"})");
    Fields in(value, "issue");
    in.u64("a");
    in.u64("b");
    in.note(Errc::out_of_range, "c", "too late");
    REQUIRE(in.fault());
    CHECK(is(*in.fault(), Errc::wrong_type));
    CHECK(in.fault()->message.find("a") != std::string::npos);
}

TEST_CASE("A member that no getter asked for is a fault for no_others") {
    const boost::json::value value = parse(R"({"amount_msat": 1, "ammount": 2})");
    Fields in(value, "issue");
    in.msat("amount_msat");
    CHECK_FALSE(in.fault());
    in.no_others();
    REQUIRE(in.fault());
    CHECK(is(*in.fault(), Errc::unknown_member));
    CHECK(in.fault()->message.find("ammount") != std::string::npos);
}

TEST_CASE("A member that was asked for and absent or null does not disturb no_others") {
    const boost::json::value value = parse(R"({"a": null, "b": 1})");
    Fields in(value, "issue");
    in.optional_u64("a");
    in.optional_u64("b");
    in.optional_u64("c");
    in.no_others();
    CHECK_FALSE(in.fault());
}

TEST_CASE("A refused secret is not repeated in the fault") {
    const Error fault =
        fault_of(R"({"key": "00112233445566778899aabbccddee"})", [](Fields& in) { in.hex<SecretKey>("key"); });
    CHECK(fault.message.find("00112233") == std::string::npos);
}

}  // namespace
}  // namespace millrace::json
