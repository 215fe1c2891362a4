#include "plugin/host/envelope.hpp"

#include "tests/unit/catch.hpp"
#include "tests/unit/plugin/transcripts.hpp"

namespace millrace::host {
namespace {

TEST_CASE("id and method are found, the id as it was written") {
    struct {
        std::string_view message, id, method;
    } const cases[] = {
        {R"({"jsonrpc":"2.0","id":"cln:init#46","method":"init","params":{}})", R"("cln:init#46")", "init"},
        {R"({ "id" : 7 , "method" : "x" })", "7", "x"},
        {R"({"method":"x","params":{"id":"inner","method":"inner"},"id":"outer"})", R"("outer")", "x"},
        {R"({"params":["}{][","\"id\":1",{"id":[{}]}],"method":"x","id":null})", "null", "x"},
        {"{\"id\":\"a\\/b\\\"c\\\\\",\"method\":\"x\"}", "\"a\\/b\\\"c\\\\\"", "x"},
        {R"({"jsonrpc":"2.0","method":"shutdown","params":{"shutdown":{}}})", "", "shutdown"},
        {R"({"jsonrpc":"2.0","id":{"a":[1,2]},"method":"x"})", R"({"a":[1,2]})", "x"},
    };
    for (const auto& one : cases) {
        INFO(one.message);
        const auto envelope = scan_envelope(one.message);
        REQUIRE(envelope);
        CHECK(envelope->id == one.id);
        CHECK(envelope->method == one.method);
    }
}

TEST_CASE("what is no call and no notification is not taken for one") {
    for (std::string_view message :
         {"", "{", "{}", "[]", "null", "7", "\"method\"", R"({"id":1})", R"({"method":7})", R"({"method":"})",
          R"({"method")", R"({"method":)", R"({"method"="x"})", R"({"a":{"method":"x"})", R"({"a":[}],"method":"x")"}) {
        INFO(message);
        const auto envelope = scan_envelope(message);
        if (envelope) CHECK(envelope->method != "x");
        if (message.size() < 12) CHECK_FALSE(envelope);
    }
}

TEST_CASE("every prefix of a real message is safe to scan") {
    const std::string message = test::htlc_accepted_final();
    for (std::size_t size = 0; size < message.size(); ++size)
        (void)scan_envelope(std::string_view(message).substr(0, size));
    const auto whole = scan_envelope(message);
    REQUIRE(whole);
    CHECK(whole->id == R"("cln:htlc_accepted#2242")");
    CHECK(whole->method == "htlc_accepted");
}

TEST_CASE("a forward has no payment_secret, a payment to this node has one") {
    CHECK_FALSE(lacks_payment_secret(test::htlc_accepted_final()));
    CHECK(lacks_payment_secret(test::htlc_accepted_forward()));
}

}  // namespace
}  // namespace millrace::host
