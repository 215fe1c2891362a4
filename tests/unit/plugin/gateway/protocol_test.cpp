#include "plugin/gateway/protocol.hpp"

#include <boost/json/parse.hpp>

#include "tests/unit/catch.hpp"

namespace millrace::gateway {
namespace {

const std::string hello = R"({"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":1,"client":"test"}})";

int refusal_code(Protocol& protocol, std::string_view line) {
    const auto message = protocol.on_line(line);
    const auto* refusal = std::get_if<Refusal>(&message);
    return refusal == nullptr ? 0 : refusal->error.code;
}

template <class Wanted>
Wanted call(Protocol& protocol, std::string_view line) {
    auto message = protocol.on_line(line);
    REQUIRE(std::holds_alternative<Request>(message));
    auto& request = std::get<Request>(message);
    REQUIRE(std::holds_alternative<Wanted>(request.call));
    return std::move(std::get<Wanted>(request.call));
}

TEST_CASE("hello comes first, and in a version that is spoken here") {
    Protocol protocol;
    CHECK(refusal_code(protocol, R"({"jsonrpc":"2.0","id":1,"method":"keys","params":{}})") == -32600);
    CHECK(refusal_code(protocol, R"({"jsonrpc":"2.0","id":1,"method":"no-such","params":{}})") == -32600);
    CHECK(refusal_code(protocol, R"({"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":2,"client":"t"}})") ==
          4023);
    CHECK_FALSE(protocol.greeted());
    CHECK(call<HelloCall>(protocol, hello).client == "test");
    CHECK(protocol.greeted());
    CHECK(refusal_code(protocol, R"({"jsonrpc":"2.0","id":"x","method":"keys","params":{}})") == 0);
}

TEST_CASE("calls are read, and those that cannot be are refused with a code") {
    struct {
        const char* line;
        int code;
    } const cases[] = {
        {R"({"jsonrpc":"2.0","id":1,"method":"status","params":{}})", 0},
        {R"({"jsonrpc":"2.0","id":1,"method":"status"})", 0},
        {R"({"jsonrpc":"2.0","id":1,"method":"issue","params":{"amount_msat":1000,"service":"weather"}})", 0},
        {R"({"jsonrpc":"2.0","id":1,"method":"issue","params":{"amount_msat":1000}})", -32602},
        {R"({"jsonrpc":"2.0","id":1,"method":"issue","params":{"amount_msat":1000,"service":"No Name"}})", -32602},
        {R"({"jsonrpc":"2.0","id":1,"method":"issue","params":{"amount_msat":1000,"service":"a","colour":1}})", -32602},
        {R"({"jsonrpc":"2.0","id":1,"method":"issue","params":[]})", -32602},
        {R"({"jsonrpc":"2.0","id":1,"method":"issue","params":{"batch":[]}})", -32602},
        {R"({"jsonrpc":"2.0","id":1,"method":"issue","params":{"batch":{}}})", -32602},
        {R"({"jsonrpc":"2.0","id":1,"method":"issue","params":{"batch":[{}],"service":"a"}})", -32602},
        {R"({"jsonrpc":"2.0","id":1,"method":"subscribe","params":{}})", -32602},
        {R"({"jsonrpc":"2.0","id":1,"method":"subscribe","params":{"next_pay_index":-1}})", -32602},
        {R"({"jsonrpc":"2.0","id":1,"method":"xpay","params":{}})", -32601},
        {R"({"jsonrpc":"2.0","id":1,"method":7,"params":{}})", -32600},
        {R"({"jsonrpc":"2.0","method":"status","params":{}})", -32600},
        {R"({"jsonrpc":"2.0","id":{},"method":"status","params":{}})", -32600},
        {"[]", -32600},
        {"nonsense", -32700},
        {"", -32700},
        {"\xff\xfe", -32700},
    };
    for (const auto& one : cases) {
        INFO(one.line);
        Protocol protocol;
        (void)protocol.on_line(hello);
        CHECK(refusal_code(protocol, one.line) == one.code);
    }
}

TEST_CASE("a batch keeps its order, and one bad item spoils no other") {
    Protocol protocol;
    (void)protocol.on_line(hello);
    const auto batch = call<BatchCall>(
        protocol,
        R"({"id":1,"method":"issue","params":{"batch":[{"amount_msat":1,"service":"a"},{"amount_msat":"x","service":"b"},{"amount_msat":3,"service":"c"}]}})");
    REQUIRE(batch.items.size() == 3);
    CHECK(std::get<IssueRequest>(batch.items[0]).service.text() == "a");
    CHECK(std::get<RpcError>(batch.items[1]).code == -32602);
    CHECK(std::get<IssueRequest>(batch.items[2]).amount == Msat(3));
}

TEST_CASE("a batch has a greatest size") {
    Protocol protocol;
    (void)protocol.on_line(hello);
    const auto line = [](std::size_t count) {
        std::string items;
        for (std::size_t i = 0; i < count; ++i)
            items += (i == 0 ? "" : ",") + std::string(R"({"amount_msat":1,"service":"a"})");
        return R"({"id":1,"method":"issue","params":{"batch":[)" + items + "]}}";
    };
    CHECK(refusal_code(protocol, line(max_batch)) == 0);
    CHECK(refusal_code(protocol, line(max_batch + 1)) == -32602);
}

TEST_CASE("a connection subscribes once") {
    Protocol protocol;
    (void)protocol.on_line(hello);
    const std::string line = R"({"id":1,"method":"subscribe","params":{"next_pay_index":41}})";
    CHECK(call<SubscribeCall>(protocol, line).next_pay_index == 41);
    CHECK(refusal_code(protocol, line) == -32600);
}

TEST_CASE("N13: the id leaves as it came, or there is an error") {
    struct {
        const char* id;
        const char* echoed;  // nullptr: an error under the id null
    } const cases[] = {
        {"1", "1"},
        {"-0", "-0"},
        {"1e400", "1e400"},
        {"-1E+400", "-1E+400"},
        {"1.50", "1.50"},
        {"18446744073709551615", "18446744073709551615"},
        {"18446744073709551616", "18446744073709551616"},
        {"123456789012345678901234567890123456789012345678901234567890",
         "123456789012345678901234567890123456789012345678901234567890"},
        {R"("")", R"("")"},
        {R"("a\/b\u0041\n")", R"("a\/b\u0041\n")"},
        {R"("\ud83d\ude00")", R"("\ud83d\ude00")"},
        {R"("\ud800")", nullptr},
        {"\"\xff\"", nullptr},
        {"null", nullptr},
        {"true", nullptr},
        {"[1]", nullptr},
        {R"({"id":1})", nullptr},
        {"1e99999999999", nullptr},
        {"NaN", nullptr},
        {"01", nullptr},
    };
    for (const auto& one : cases) {
        INFO(one.id);
        for (const char* method : {"status", "no-such"}) {
            Protocol protocol;
            (void)protocol.on_line(hello);
            const auto read = protocol.on_line(R"({"jsonrpc":"2.0","method":")" + std::string(method) +
                                               R"(","params":{"id":7}, "id" : )" + one.id + " }");
            if (const auto* refusal = std::get_if<Refusal>(&read)) {
                CHECK(refusal->id == (one.echoed == nullptr ? "null" : one.echoed));
                CHECK((one.echoed == nullptr || std::string_view(method) == "no-such"));
                boost::json::parse(error_line(refusal->id, refusal->error));
            } else {
                REQUIRE(one.echoed != nullptr);
                CHECK(std::get<Request>(read).id == one.echoed);
                boost::json::parse(result_line(std::get<Request>(read).id, {}));
            }
        }
    }
}

TEST_CASE("N13: of a repeated id the last one counts, as a parser has it") {
    Protocol protocol;
    (void)protocol.on_line(hello);
    const auto read = protocol.on_line(R"({"id":1,"method":"status","id":"two"})");
    REQUIRE(std::holds_alternative<Request>(read));
    CHECK(std::get<Request>(read).id == R"("two")");
}

TEST_CASE("what is written is one line, with the id as it was") {
    CHECK(result_line(R"("a\n\"b")", {{"x", 1}}) ==
          "{\"jsonrpc\":\"2.0\",\"id\":\"a\\n\\\"b\",\"result\":{\"x\":1}}\n");
    CHECK(error_line("7", {-32601, "no"}) ==
          "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32601,\"message\":\"no\"}}\n");
    CHECK(notice_line("node", {{"node", nullptr}}) ==
          "{\"jsonrpc\":\"2.0\",\"method\":\"node\",\"params\":{\"node\":null}}\n");
}

}  // namespace
}  // namespace millrace::gateway
