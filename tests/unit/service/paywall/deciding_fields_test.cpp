#include "service/paywall/deciding_fields.hpp"

#include "service/relay/header_rules.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/service/config/one_service.hpp"

using namespace millrace;
using namespace millrace::http;
using namespace millrace::paywall;
using namespace millrace::relay;

namespace {

const std::string priced =
    "pricer = { url = \"http://127.0.0.1:1/\", headers = [\"X-Model\"] }\n"
    "[[service.tier]]\nname = \"a\"\ntier = 1\n"
    "[[service.route]]\nname = \"r\"\nper_unit_msat = 1\nunit_header = \"X-Max-Tokens\"\n";

DecidingFields fields_of(const std::string& lines) {
    return DecidingFields(parse_one_service(lines, "/etc/m.toml").value().services.front());
}

std::string fault(const DecidingFields& fields, const std::string& lines, bool front = false) {
    const std::string head = "GET /x HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n";
    RequestReader reader;
    REQUIRE_FALSE(reader.parse(head, {65536, 16384}));
    return fields.fault_of(reader.head(), front).value_or("");
}

}  // namespace

TEST_CASE("M5: what decides a price is there once, and M6: does not end at this hop") {
    const DecidingFields fields = fields_of(priced);
    for (const std::string name : {"X-Max-Tokens", "X-Model", "X-L402-Tier"}) {
        CHECK(fault(fields, "") == "");
        CHECK(fault(fields, name + ": 1\r\n") == "");
        CHECK(fault(fields, name + ": 1\r\n" + name + ": 1\r\n").find("twice") != std::string::npos);
        CHECK(fault(fields, "Connection: close, " + name + "\r\n").find("Connection") != std::string::npos);
        CHECK(fault(fields, "Connection: X_MAX.Tokens\r\n").find("Connection") != std::string::npos);
    }
    CHECK(fault(fields, "X-Other: 1\r\nX-Other: 2\r\nConnection: X-Other\r\n") == "");
    CHECK(fault(DecidingFields{}, "X-Model: 1\r\nX-Model: 2\r\n") == "");
    CHECK(fault(fields_of(""), "X-L402-Tier: 1\r\nX-L402-Tier: 2\r\n") == "");
}

TEST_CASE(
    "M6: another spelling of a deciding field goes no further, and is refused where a front proxy carries it on") {
    const DecidingFields fields = fields_of(priced);
    for (const char* twin : {"X_Max_Tokens", "x.max.tokens", "X-Max_Tokens", "x_model"}) {
        INFO(twin);
        CHECK(fields.is_twin(twin));
        CHECK(fault(fields, std::string(twin) + ": 1\r\n") == "");
        CHECK(fault(fields, std::string(twin) + ": 1\r\n", true) != "");
    }
    for (const char* other : {"X-Max-Tokens", "x-model", "X-Max-Token", "XMaxTokens"})
        CHECK_FALSE(fields.is_twin(other));
}

TEST_CASE("M6: fields that put another method in place are read in every spelling") {
    RequestReader reader;
    const std::string head =
        "POST /x HTTP/1.1\r\nHost: h\r\nX-HTTP-Method-Override: delete\r\nx_http_method: PUT\r\n"
        "X-Method-Override: \r\nX-HTTP-Methods: GET\r\n\r\n";
    REQUIRE_FALSE(reader.parse(head, {65536, 16384}));
    CHECK(overriding_methods(reader.head()) == std::vector<std::string>{"DELETE", "PUT"});
}

TEST_CASE("M6: of a list each method may be the one that is taken, and a method in lower case is one in capitals") {
    RequestReader reader;
    const std::string head = "pOst /x HTTP/1.1\r\nHost: h\r\nX-HTTP-Method-Override: delete ,, Put,\r\n\r\n";
    REQUIRE_FALSE(reader.parse(head, {65536, 16384}));
    CHECK(overriding_methods(reader.head()) == std::vector<std::string>{"DELETE", "PUT", "POST"});
}
