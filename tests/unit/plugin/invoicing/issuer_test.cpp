#include "plugin/invoicing/issuer.hpp"

#include "common/codec/base64.hpp"
#include "common/l402/identifier.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/plugin/fake_node.hpp"

namespace millrace::invoicing {
namespace {

namespace asio = boost::asio;
using test::FakeNode;

const std::chrono::sys_seconds now{std::chrono::seconds(1795172000)};

struct Shop {
    FakeNode node;
    asio::any_io_executor executor = node.server().context().get_executor();
    host::Log log{[](std::string_view, std::string_view) {}};
    KeyStore keys{executor, node.server().client()};
    node::NodeWatch watch{executor, node.server().client(), log};
    host::Readiness ready{executor};
    ChallengeCache cache;
    InvoiceStyle style{"bcrt", codec::from_hex("02000002024100").value(), 21};
    std::uint8_t random = 0;
    std::chrono::steady_clock::time_point tick{std::chrono::seconds(100)};
    Issuer issuer{{node.server().client(),
                   keys,
                   watch,
                   ready,
                   cache,
                   style,
                   {[] { return now; }, [this] { return tick; },
                    [this](std::span<std::uint8_t> out) { std::fill(out.begin(), out.end(), ++random); }}},
                  std::chrono::seconds(600),
                  3};

    Shop() {
        node.server().run([this]() -> asio::awaitable<void> {
            const auto keys_loaded = co_await keys.load();
            const auto node_loaded = co_await watch.load();
            REQUIRE(keys_loaded);
            REQUIRE(node_loaded);
        });
        ready.set();
    }

    Issuer::Outcome issue(gateway::IssueRequest request) {
        std::optional<Issuer::Outcome> out;
        node.server().run([&]() -> asio::awaitable<void> { out = co_await issuer.issue(request); });
        return std::move(*out);
    }
};

gateway::IssueRequest request(std::uint64_t amount) {
    return {Msat(amount), ServiceName::parse("weather").value(), std::nullopt, std::nullopt};
}

int code(const Issuer::Outcome& outcome) {
    const auto* error = std::get_if<gateway::RpcError>(&outcome);
    return error == nullptr ? 0 : error->code;
}

TEST_CASE("a challenge is an invoice that lightningd signs and a token for its hash; nothing is written") {
    Shop shop;
    const auto outcome = shop.issue(request(1000));
    REQUIRE(std::holds_alternative<gateway::IssuedChallenge>(outcome));
    const auto& challenge = std::get<gateway::IssuedChallenge>(outcome);
    CHECK(challenge.amount == Msat(1000));
    CHECK(challenge.expires_at == now + std::chrono::seconds(600));
    CHECK(challenge.www_authenticate.size() == 2);
    const auto token = macaroon::decode(codec::from_base64(challenge.token_base64).value()).value();
    const auto identifier = l402::Identifier::decode(token.identifier).value();
    CHECK(identifier.payment_hash == challenge.payment_hash);
    CHECK(identifier.epoch() == 1);
    REQUIRE(token.caveats.size() == 2);  // M2: what it is good for stands in front of its service
    CHECK(token.caveats[0].text() == "weather_max_price_msat=1000");
    CHECK(token.caveats[1].text() == "services=weather:0");
    CHECK(token.verifies(shop.keys.ring().find(1)->reveal()) == false);  // the root key is derived for each token
    REQUIRE(shop.cache.find(challenge.payment_hash) != nullptr);
    CHECK(*shop.cache.find(challenge.payment_hash) == challenge.bolt11);
    for (const char* writing : {"invoice", "createinvoice", "datastore"}) CHECK(shop.node.calls(writing) == 0);
    CHECK(shop.issuer.counters().issued == 1);
}

TEST_CASE("a deposit comes with an invoice and no token") {
    Shop shop;
    gateway::IssueRequest asked = request(1000);
    asked.deposit = true;
    const auto outcome = shop.issue(asked);
    REQUIRE(std::holds_alternative<gateway::IssuedChallenge>(outcome));
    const auto& challenge = std::get<gateway::IssuedChallenge>(outcome);
    CHECK(challenge.deposit);
    CHECK(challenge.token_base64.empty());
    CHECK(challenge.www_authenticate.empty());
    CHECK(shop.cache.find(challenge.payment_hash) != nullptr);
}

TEST_CASE("what cannot be sold is refused with the parameter's name, and costs no share of the limit") {
    Shop shop;
    gateway::IssueRequest wrong[] = {
        request(0), request(Terms::max_amount_msat + 1), request(1), request(1), request(1), request(1)};
    wrong[2].description = std::string(640, 'x');
    wrong[3].expiry = std::chrono::seconds(89);
    wrong[4].expiry = max_expiry + std::chrono::seconds(1);
    wrong[5].description = std::string("cut\0off", 7);
    const char* const names[] = {"amount_msat", "amount_msat", "description", "expiry", "expiry", "description"};
    for (std::size_t i = 0; i < std::size(wrong); ++i) {
        INFO(i);
        const auto fault = fault_of(wrong[i]);
        REQUIRE(fault);
        CHECK(fault->code == -32602);
        CHECK(fault->message.starts_with(names[i]));
        CHECK(code(shop.issue(wrong[i])) == -32602);
    }
    CHECK(code(shop.issue(request(1))) == 0);
    gateway::IssueRequest longest = request(Terms::max_amount_msat);
    longest.description = std::string(639, 'x');
    longest.expiry = std::chrono::seconds(90);
    CHECK(code(shop.issue(longest)) == 0);
}

TEST_CASE("N10: a description with control characters is refused") {
    Shop shop;
    for (const std::string& control :
         {std::string("\0", 1), std::string("\x01"), std::string("\t"), std::string("\n"), std::string("\r"),
          std::string("\x1b[2J"), std::string("\x7f"), std::string("\xc2\x80"), std::string("\xc2\x9b")}) {
        gateway::IssueRequest asked = request(1);
        asked.description = "rain" + control + "shine";
        const auto refused = shop.issue(asked);
        REQUIRE(code(refused) == -32602);
        CHECK(std::get<gateway::RpcError>(refused).message ==
              "description: should not hold control characters, line ends and tabs included");
    }
    gateway::IssueRequest fine = request(1);
    fine.description = "M\xc3\xbcnchen \xc2\xa0 \xe2\x98\x80 \xc3\x9b";
    CHECK(code(shop.issue(fine)) == 0);
}

TEST_CASE("N10: expiry and rate can be changed while challenges are issued") {
    Shop shop;
    shop.issuer.configure(std::chrono::seconds(120), 1);
    const auto first = shop.issue(request(1));
    REQUIRE(code(first) == 0);
    CHECK(std::get<gateway::IssuedChallenge>(first).expires_at == now + std::chrono::seconds(120));
    const auto refused = shop.issue(request(1));
    REQUIRE(code(refused) == 4020);
    CHECK(std::get<gateway::RpcError>(refused).message.find("millrace-challenges-per-second=1") != std::string::npos);
    shop.issuer.configure(std::chrono::seconds(120), 1000);
    shop.tick += std::chrono::milliseconds(10);
    CHECK(code(shop.issue(request(1))) == 0);
}

TEST_CASE("more than the rate allows is refused, and says which option does so") {
    Shop shop;
    for (int i = 0; i < 3; ++i) CHECK(code(shop.issue(request(1))) == 0);
    const auto refused = shop.issue(request(1));
    REQUIRE(code(refused) == 4020);
    CHECK(std::get<gateway::RpcError>(refused).message.find("millrace-challenges-per-second=3") != std::string::npos);
    CHECK(shop.issuer.counters().rate_limited == 1);
    shop.tick += std::chrono::milliseconds(334);
    CHECK(code(shop.issue(request(1))) == 0);
    CHECK(code(shop.issue(request(1))) == 4020);
}

TEST_CASE("a lightningd that does not sign is said to have failed") {
    Shop shop;
    shop.node.answer("signinvoice", [](FakeNode::Peer& peer, const boost::json::object& asked) {
        peer.send(lightning::refusal(asked, -1, "no hsm"));
    });
    CHECK(code(shop.issue(request(1))) == 4021);
    shop.node.answer("signinvoice", [](FakeNode::Peer& peer, const boost::json::object& asked) {
        peer.send(lightning::reply(asked, boost::json::object{}));
    });
    CHECK(code(shop.issue(request(1))) == 4021);
    CHECK(shop.issuer.counters().failed == 2);
    CHECK(shop.cache.size() == 0);
}

TEST_CASE("a rotation changes who signs from then on, and is stored before it counts") {
    Shop shop;
    CHECK(shop.node.datastore().empty());
    shop.node.server().run([&]() -> asio::awaitable<void> {
        shop.node.answer("datastore", [](FakeNode::Peer& peer, const boost::json::object& asked) {
            peer.send(lightning::refusal(asked, 1202, "no"));
        });
        const auto refused = co_await shop.keys.rotate(now);
        CHECK_FALSE(refused);
        CHECK(shop.keys.ring().current == 1);
        shop.node.answer_as_usual("datastore");
        const auto rotated = co_await shop.keys.rotate(now);
        CHECK(rotated);
        CHECK(shop.keys.ring().current == 2);
        CHECK(shop.keys.ring().find(1) != nullptr);
        const auto retired = co_await shop.keys.retire(1, now);
        CHECK(retired);
        CHECK(shop.keys.ring().find(1) == nullptr);
    });
    KeyStore again(shop.executor, shop.node.server().client());
    shop.node.server().run([&]() -> asio::awaitable<void> {
        const auto loaded = co_await again.load();
        CHECK(loaded);
    });
    CHECK(again.epochs() == shop.keys.epochs());
    CHECK(again.ring().find(1) == nullptr);
}

}  // namespace
}  // namespace millrace::invoicing
