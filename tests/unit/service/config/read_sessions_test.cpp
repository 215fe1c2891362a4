#include <string>

#include "service/config/load.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;

namespace {

using Offer = config::PaymentSessions::Offer;

// Lines are counted in the messages: keep the layout.
const std::string weather = R"([listen]
address = "127.0.0.1:8402"
[node]
gateway = "g.sock"
[store]
path = "m.db"
[[service]]
name = "weather"
path = "/weather/"
upstream = "http://127.0.0.1:9000"
price_msat = 1500
)";

Result<config::Config> parsed(const std::string& lines) {
    return config::parse(weather + lines, "m.toml");
}

}  // namespace

TEST_CASE("how a service is sold by sessions") {
    const std::string payment = "schemes = [\"payment\"]\n";
    struct {
        std::string lines;
        config::PaymentSessions sessions;
    } const cases[] = {
        {"session = {}\n", {Msat(30'000), 5min, Offer::any}},
        {"session = { deposit_msat = 2000 }\n", {Msat(2'000), 5min, Offer::any}},
        {"session = { deposit_msat = 20000, idle_timeout = \"90s\", offer = \"alone\" }\n",
         {Msat(20'000), 90s, Offer::alone}},
        {"session = { event_msat = 250, hold = \"5s\" }\n",
         {Msat(30'000), 5min, Offer::any, Msat(250), std::chrono::milliseconds(5000)}},
        {"session = { offer = \"asked\" }\n", {Msat(30'000), 5min, Offer::asked}},
        {"[service.session]\noffer = \"any\"\nidle_timeout = \"30d\"\n", {Msat(30'000), 24h * 30, Offer::any}},
        {"session = { offer = \"always\" }\n", {Msat(30'000), 5min, Offer::any}},  // as it was called before
    };
    for (const auto& c : cases) {
        INFO(c.lines);
        auto config = parsed(payment + c.lines);
        REQUIRE(config);
        REQUIRE(config->services[0].sessions);
        CHECK(*config->services[0].sessions == c.sessions);
        CHECK(config->services[0].charges() == (c.sessions.offer != Offer::alone));
    }
    CHECK_FALSE(parsed(payment)->services[0].sessions);
    CHECK(parsed(payment)->services[0].charges());
    CHECK_FALSE(parsed("")->services[0].charges());
    CHECK(parsed(payment + "cost_header = \"X-Cost\"\nsession = {}\n"));
    CHECK(parsed("schemes = [\"l402\", \"payment\"]\ncredit_msat = 9000\nsession = { offer = \"alone\" }\n"));
}

TEST_CASE("a deposit pays for one request at least, in whole satoshi") {
    const config::PaymentSessions sessions{Msat(10'000), 5min, Offer::asked};
    CHECK(sessions.deposit_due(Msat(1)) == Msat(10'000));
    CHECK(sessions.deposit_due(Msat(10'001)) == Msat(11'000));
    CHECK(sessions.deposit_due(Msat(40'000)) == Msat(40'000));
}

TEST_CASE("sessions that make no sense are refused with what would be right") {
    const std::string payment = "schemes = [\"payment\"]\n";
    struct {
        std::string lines;
        std::string fault;
    } const cases[] = {
        {"session = {}\n", "m.toml:12: service.session: is a part of the Payment scheme: add \"payment\" to schemes"},
        {payment + "session = true\n", "m.toml:13: service.session: must be a table such as { deposit_msat"},
        {payment + "session = { deposit_msat = 2500 }\n", "service.session.deposit_msat: must be whole satoshi"},
        {payment + "session = { deposit_msat = 1000 }\n", "must be at least price_msat, 1500"},
        {payment + "session = { deposit_msat = 0 }\n", "service.session.deposit_msat: must be"},
        {payment + "session = { idle_timeout = \"10ms\" }\n", "service.session.idle_timeout: must be from \"1s\""},
        {payment + "session = { idle_timeout = \"31d\" }\n", "service.session.idle_timeout: must be from \"1s\""},
        {payment + "session = { offer = \"never\" }\n",
         "service.session.offer: must be \"any\", \"asked\" or \"alone\", not \"never\""},
        {payment + "session = { event_msat = 0 }\n", "service.session.event_msat: must be"},
        {payment + "session = { hold = \"5s\" }\n", "service.session.hold: needs event_msat"},
        {payment + "session = { deposit = 1 }\n", "service.session.deposit: unknown key"},
        {payment + "session = {}\ncredit_msat = 9000\n", "service.credit_msat: a balance is a token's"},
        {payment + "cost_header = \"X-Cost\"\n", "service.cost_header: needs credit_msat"},
    };
    for (const auto& c : cases) {
        INFO(c.lines);
        auto config = parsed(c.lines);
        REQUIRE_FALSE(config);
        INFO(config.error().message);
        CHECK(config.error().message.find(c.fault) != std::string::npos);
    }
}
