#include "service/gateway/protocol.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "service/gateway/open_invoices.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

const std::string node(66, '2');
const std::string hash(64, 'a');

struct Fixture {
    std::vector<std::string> happened;
    std::uint64_t cursor = 41;
    std::optional<Error> objection;
    gateway::Protocol::Clock::time_point now{};
    gateway::Protocol protocol{events()};

    gateway::Protocol::Events events() {
        gateway::Protocol::Events out;
        out.objection = [this](const gateway::HelloReply&) { return objection; };
        out.next_pay_index = [this](const std::string& id) {
            happened.push_back("resume " + id.substr(0, 2));
            return cursor;
        };
        out.ready = [this](const gateway::HelloReply& reply) { happened.push_back("ready " + reply.alias); };
        out.keys = [this](const gateway::Keys& keys) {
            happened.push_back("keys " + std::to_string(keys.epochs.size()));
        };
        out.settlement = [this](const std::string&, const gateway::Settlement& s) {
            happened.push_back("settled " + std::to_string(s.pay_index));
        };
        out.node = [this](const gateway::NodeFigures& figures) {
            happened.push_back("node " + std::to_string(figures.peers));
        };
        out.answered = [](std::string_view, std::chrono::duration<double>) {};
        return out;
    }

    std::vector<json::object> sent() {
        std::vector<json::object> out;
        std::string text = protocol.take_output(now);
        for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
            out.push_back(json::parse(text.substr(at, text.find('\n', at) - at)).as_object());
        }
        return out;
    }

    Result<void> answer(const json::object& request, const std::string& result) {
        return protocol.receive("{\"jsonrpc\":\"2.0\",\"id\":" + json::serialize(request.at("id")) + "," + result + "}",
                                now);
    }

    std::string keys_json =
        R"({"current":1,"epochs":[{"epoch":1,"key":")" + std::string(64, '1') + R"(","created_at":5}]})";

    void make_ready() {
        protocol.connected(now);
        auto hello = sent();
        REQUIRE(answer(hello.at(0), R"("result":{"protocol":1,"version":"1","node_id":")" + node +
                                        R"(","alias":"mill","network":"regtest","blockheight":7})"));
        auto both = sent();
        REQUIRE(both.size() == 2);
        REQUIRE(answer(both[0], "\"result\":" + keys_json));
        CHECK_FALSE(protocol.ready());
        REQUIRE(answer(both[1], R"("result":{"next_pay_index":41})"));
    }

    gateway::IssueRequest request(const char* service = "weather") {
        return {Msat(1000), ServiceName::parse(service).value(), std::nullopt, std::nullopt};
    }

    std::vector<std::string> issued;
    void issue() {
        protocol.issue(request(), now, [this](Result<gateway::IssuedChallenge> challenge) {
            issued.push_back(challenge ? challenge->bolt11 : challenge.error().message);
        });
    }

    static std::string challenge(const std::string& bolt11) {
        return R"({"payment_hash":")" + hash + R"(","bolt11":")" + bolt11 +
               R"(","amount_msat":1000,"expires_at":9,"token":"AA==","www_authenticate":["x"]})";
    }
};

}  // namespace

TEST_CASE("hello comes first, then keys and the settlements that are missing") {
    Fixture f;
    f.make_ready();
    CHECK(f.protocol.ready());
    CHECK(f.happened == std::vector<std::string>{"resume 22", "keys 1", "ready mill"});
}

TEST_CASE("subscription begins where the store ends") {
    Fixture f;
    f.protocol.connected(f.now);
    auto hello = f.sent();
    CHECK(hello[0].at("method") == "hello");
    CHECK(hello[0].at("params").at("protocol") == 1);
    REQUIRE(f.answer(hello[0], R"("result":{"protocol":1,"version":"1","node_id":")" + node +
                                   R"(","alias":"","network":"regtest","blockheight":7})"));
    auto both = f.sent();
    CHECK(both[0].at("method") == "keys");
    CHECK(both[1].at("method") == "subscribe");
    CHECK(both[1].at("params").at("next_pay_index") == 41);
}

TEST_CASE("N8: a node that is not sold for hears no more than hello") {
    Fixture f;
    f.objection = fail(gateway::ClientErrc::foreign_node, "another one");
    f.protocol.connected(f.now);
    auto hello = f.sent();
    const auto ended = f.answer(hello[0], R"("result":{"protocol":1,"version":"1","node_id":")" + node +
                                              R"(","alias":"","network":"regtest","blockheight":7})");
    REQUIRE_FALSE(ended);
    CHECK(is(ended.error(), gateway::ClientErrc::foreign_node));
    CHECK(f.sent().empty());
    CHECK(f.happened.empty());
    CHECK_FALSE(f.protocol.ready());
}

TEST_CASE("notifications are told as they come, and unknown ones are left alone") {
    Fixture f;
    f.make_ready();
    f.happened.clear();
    REQUIRE(f.protocol.receive(
        R"({"jsonrpc":"2.0","method":"node","params":{"node":{"blockheight":1,"peers":2,"active_channels":3,"spendable_msat":4,"receivable_msat":5}}})",
        f.now));
    REQUIRE(f.protocol.receive(
        R"({"jsonrpc":"2.0","method":"settlement","params":{"settlement":{"payment_hash":")" + hash +
            R"(","label":"millrace-x","amount_msat":1,"amount_received_msat":1,"settled_at":1,"service":"weather","description":"","pay_index":44}}})",
        f.now));
    REQUIRE(f.protocol.receive(R"({"jsonrpc":"2.0","method":"keys","params":)" + f.keys_json + "}", f.now));
    REQUIRE(f.protocol.receive(R"({"jsonrpc":"2.0","method":"weather","params":{}})", f.now));
    REQUIRE(f.protocol.receive("", f.now));
    CHECK(f.happened == std::vector<std::string>{"node 2", "settled 44", "keys 1"});
}

TEST_CASE("what is not the protocol ends the connection") {
    for (const char* line :
         {"x", "[]", "1", R"({"jsonrpc":"2.0","method":1,"params":{}})", R"({"jsonrpc":"2.0","method":"node"})",
          R"({"jsonrpc":"2.0","method":"settlement","params":{}})",
          R"({"jsonrpc":"2.0","method":"keys","params":[]})"}) {
        Fixture f;
        f.make_ready();
        INFO(line);
        auto received = f.protocol.receive(line, f.now);
        REQUIRE_FALSE(received);
        CHECK(is(received.error(), gateway::ClientErrc::bad_answer));
    }
}

TEST_CASE("a plugin of another protocol is refused with advice") {
    Fixture f;
    f.protocol.connected(f.now);
    auto refused = f.answer(f.sent()[0], R"("error":{"code":4023,"message":"protocol 1 is not spoken here"})");
    REQUIRE_FALSE(refused);
    CHECK(is(refused.error(), gateway::ClientErrc::refused));
    f.protocol.connected(f.now);
    auto other = f.answer(f.sent()[0], R"("result":{"protocol":2,"version":"9","node_id":")" + node +
                                           R"(","alias":"","network":"regtest","blockheight":7})");
    REQUIRE_FALSE(other);
    CHECK(other.error().message.find("same version of both") != std::string::npos);
}

TEST_CASE("one challenge travels alone, several together, each gets its own answer") {
    Fixture f;
    f.make_ready();
    f.issue();
    auto one = f.sent();
    REQUIRE(one.size() == 1);
    CHECK(one[0].at("method") == "issue");
    CHECK(one[0].at("params").at("service") == "weather");
    for (int i = 0; i < 3; ++i) f.issue();
    auto three = f.sent();
    REQUIRE(three.size() == 1);
    CHECK(three[0].at("params").at("batch").as_array().size() == 3);
    REQUIRE(f.answer(three[0], R"("result":{"batch":[{"result":)" + Fixture::challenge("b1") +
                                   R"(},{"error":{"code":4020,"message":"slow down"}},{"result":)" +
                                   Fixture::challenge("b3") + "}]}"));
    REQUIRE(f.answer(one[0], "\"result\":" + Fixture::challenge("a")));
    CHECK(f.issued ==
          std::vector<std::string>{"b1", "the node issues no more challenges at the moment: slow down", "b3", "a"});
}

TEST_CASE("more than a hundred challenges go in several batches") {
    Fixture f;
    f.make_ready();
    for (int i = 0; i < 201; ++i) f.issue();
    auto sent = f.sent();
    REQUIRE(sent.size() == 3);
    CHECK(sent[0].at("params").at("batch").as_array().size() == 100);
    CHECK(sent[1].at("params").at("batch").as_array().size() == 100);
    CHECK(sent[2].at("params").as_object().contains("service"));
}

TEST_CASE("every waiting challenge is answered, whatever happens") {
    Fixture f;
    SECTION("not connected") {
        f.issue();
        CHECK(f.issued == std::vector<std::string>{"the node cannot be reached: no connection to the plugin"});
    }
    SECTION("the connection breaks") {
        f.make_ready();
        f.issue();
        f.sent();
        f.issue();
        f.protocol.disconnected("gone");
        CHECK(f.issued.size() == 2);
        CHECK_FALSE(f.protocol.ready());
        f.make_ready();
        CHECK(f.issued.size() == 2);
    }
    SECTION("no answer comes") {
        f.make_ready();
        f.issue();
        auto late = f.sent();
        f.now += 9s;
        CHECK(f.protocol.expire(f.now));
        CHECK(f.issued.empty());
        f.now += 2s;
        CHECK_FALSE(f.protocol.expire(f.now));
        CHECK(f.issued.size() == 1);
        CHECK(f.answer(late[0], "\"result\":" + Fixture::challenge("late")));
        CHECK(f.issued.size() == 1);
    }
    SECTION("the answer is no challenge") {
        f.make_ready();
        f.issue();
        CHECK(f.answer(f.sent()[0], R"("result":{"bolt11":1})"));
        CHECK(f.issued.size() == 1);
    }
    SECTION("a batch has too few answers") {
        f.make_ready();
        f.issue();
        f.issue();
        CHECK(f.answer(f.sent()[0], R"("result":{"batch":[{"result":)" + Fixture::challenge("a") + "}]}"));
        CHECK(f.issued.size() == 2);
        CHECK(f.issued[0] == "a");
    }
    SECTION("too many wait") {
        f.make_ready();
        for (std::size_t i = 0; i < gateway::Protocol::max_waiting; ++i) f.issue();
        CHECK(f.issued.empty());
        f.issue();
        REQUIRE(f.issued.size() == 1);
        CHECK(f.issued[0].find("too many") != std::string::npos);
    }
}

TEST_CASE("open invoices are those neither paid nor expired") {
    using Time = gateway::OpenInvoices::Time;
    gateway::OpenInvoices open;
    auto hash_of = [](std::uint8_t mark) { return PaymentHash(std::array<std::uint8_t, 32>{mark}); };
    Time start{};
    open.add(hash_of(1), {"b", Msat(1), start, start + 10s});
    open.add(hash_of(2), {"a", Msat(2), start + 1s, start + 11s});
    open.add(hash_of(3), {"b", Msat(3), start + 2s, start + 12s});
    auto sums = open.by_service(start);
    CHECK(sums["b"].count == 2);
    CHECK(sums["b"].amount_msat == 4);
    CHECK(open.newest(2, start, std::nullopt).front().first == hash_of(3));
    CHECK(open.newest(9, start, "a").size() == 1);
    CHECK(open.newest(9, start + 11s, std::nullopt).size() == 1);
    CHECK(open.paid(hash_of(2)) == start + 1s);
    CHECK_FALSE(open.paid(hash_of(2)));
    CHECK_FALSE(open.paid(hash_of(9)));
    CHECK(open.size() == 2);
    CHECK(open.expire(start + 9s) == 0);
    CHECK(open.expire(start + 11s) == 1);
    CHECK(open.expire(start + 20s) == 1);
    CHECK(open.size() == 0);
    for (std::size_t i = 0; i < gateway::OpenInvoices::max_size + 10; ++i) {
        std::array<std::uint8_t, 32> bytes{};
        for (std::size_t b = 0; b < 4; ++b) bytes[24 + b] = static_cast<std::uint8_t>(i >> (8 * b));
        open.add(PaymentHash(bytes), {"a", Msat(1), start, start + 10s});
    }
    CHECK(open.size() == gateway::OpenInvoices::max_size);
}

TEST_CASE("a refund is asked for, and what becomes of it is told as it is") {
    Fixture f;
    std::vector<std::string> told;
    auto refund = [&] {
        const gateway::RefundRequest request{{PaymentHash::from_hex(hash).value()}, Msat(8500), "lnbc1"};
        f.protocol.refund(request, f.now, [&told](Result<gateway::Protocol::RefundAnswer> answer) {
            if (!answer) {
                told.push_back(answer.error().message);
            } else if (const auto* refused = std::get_if<gateway::Protocol::RefundRefused>(&*answer)) {
                told.push_back((refused->why ? "known: " : "unknown: ") + refused->message);
            } else {
                told.push_back(std::string(name(std::get<gateway::RefundReply>(*answer).state)));
            }
        });
    };
    refund();
    CHECK(told == std::vector<std::string>{"the node cannot be reached: no connection to the plugin"});
    told.clear();
    f.make_ready();
    const char* answers[] = {
        R"("result":{"state":"complete","amount_msat":8500,"fee_msat":3})",
        R"("result":{"state":"failed","amount_msat":8500,"reason":"no route"})",
        R"("error":{"code":4026,"message":"daily-limit: nothing is left for today"})",
        R"("error":{"code":4026,"message":"whim: no"})",
        R"("error":{"code":4021,"message":"the node failed"})",
        R"("result":{"state":"maybe"})",
    };
    for (const char* answer : answers) {
        refund();
        auto sent = f.sent();
        REQUIRE(sent.size() == 1);
        CHECK(sent[0].at("method") == "refund");
        CHECK(sent[0].at("params").at("deposits").as_array().size() == 1);
        CHECK(sent[0].at("params").at("amount_msat") == 8500);
        REQUIRE(f.answer(sent[0], answer));
    }
    REQUIRE(told.size() == 6);
    CHECK(told[0] == "complete");
    CHECK(told[1] == "failed");
    CHECK(told[2] == "known: daily-limit: nothing is left for today");
    CHECK(told[3] == "unknown: whim: no");
    CHECK(told[4].find("the node failed") != std::string::npos);
    CHECK(told[5].find("not understood") != std::string::npos);
    refund();
    f.now += gateway::Protocol::call_timeout;
    CHECK_FALSE(f.protocol.expire(f.now));
    CHECK(told.back().find("in time") != std::string::npos);
    refund();
    f.protocol.disconnected("gone");
    CHECK(told.back().find("gone") != std::string::npos);
}
