#include "common/gateway/messages.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "tests/unit/catch.hpp"
#include "tests/unit/common/random.hpp"

namespace millrace::gateway {
namespace {

namespace bj = boost::json;

constexpr const char* hash_hex = "e0e77a507412b120f6ede61f62295b1a7b2ff19d3dcc8f7253e51663470c888e";
constexpr const char* key_hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

std::chrono::sys_seconds at(std::int64_t seconds) {
    return std::chrono::sys_seconds(std::chrono::seconds(seconds));
}

// As it goes over the wire: written, and read again from the text.
bj::value wire(const bj::object& message) {
    return bj::parse(bj::serialize(message));
}

TEST_CASE("Each message is written as the protocol states it") {
    CHECK(bj::serialize(to_json(Hello{1, "millraced 0.1"})) == R"({"protocol":1,"client":"millraced 0.1"})");
    CHECK(
        wire(to_json(HelloReply{1, "0.1.0", "02ab", "alice", "regtest", 108})) ==
        bj::parse(
            R"({"protocol":1,"version":"0.1.0","node_id":"02ab","alias":"alice","network":"regtest","blockheight":108})"));

    IssueRequest request{Msat(1000), ServiceName::parse("weather").value(), std::nullopt, std::nullopt};
    CHECK(wire(to_json(request)) == bj::parse(R"({"amount_msat":1000,"service":"weather"})"));
    request.description = "a forecast";
    request.expiry = std::chrono::seconds(600);
    CHECK(wire(to_json(request)) ==
          bj::parse(R"({"amount_msat":1000,"service":"weather","description":"a forecast","expiry":600})"));

    const IssuedChallenge challenge{PaymentHash::from_hex(hash_hex).value(),
                                    "lnbcrt1",
                                    Msat(1000),
                                    at(1'700'000'600),
                                    "AgEE",
                                    {"LSAT x", "L402 y"}};
    CHECK(wire(to_json(challenge)) ==
          bj::parse(std::string(R"({"payment_hash":")") + hash_hex +
                    R"(","bolt11":"lnbcrt1","amount_msat":1000,"expires_at":1700000600,"token":"AgEE",)"
                    R"("www_authenticate":["LSAT x","L402 y"]})"));

    const Keys keys{3, {{3, SecretKey::from_hex(key_hex).value(), at(1'700'000'000)}}};
    CHECK(wire(to_json(keys)) == bj::parse(std::string(R"({"current":3,"epochs":[{"epoch":3,"key":")") + key_hex +
                                           R"(","created_at":1700000000}]})"));

    const Settlement settlement{PaymentHash::from_hex(hash_hex).value(),
                                std::string("millrace-") + hash_hex,
                                Msat(1000),
                                Msat(1001),
                                at(1'700'000'100),
                                "weather",
                                "a forecast",
                                42};
    CHECK(wire(to_json(settlement)) ==
          bj::parse(std::string(R"({"payment_hash":")") + hash_hex + R"(","label":"millrace-)" + hash_hex +
                    R"(","amount_msat":1000,"amount_received_msat":1001,"settled_at":1700000100,"service":"weather",)"
                    R"("description":"a forecast","pay_index":42})"));

    CHECK(wire(to_json(NodeFigures{108, 2, 3, Msat(5), Msat(6)})) ==
          bj::parse(R"({"blockheight":108,"peers":2,"active_channels":3,"spendable_msat":5,"receivable_msat":6})"));
}

TEST_CASE("N3: figures say why nobody can pay the node, and peers of before and after are understood") {
    NodeFigures figures{108, 2, 0, Msat(5), Msat(6)};
    for (const Unpayable why : {Unpayable::no_channels, Unpayable::offline}) {
        figures.unpayable = why;
        CHECK(to_json(figures).at("unpayable") == bj::string(std::string(name(why))));
        CHECK(parse_node_figures(wire(to_json(figures)))->unpayable == why);
    }
    // A plugin that does not say, and one that knows another word.
    bj::object told = to_json(figures);
    told["unpayable"] = "asleep";
    CHECK(parse_node_figures(told)->unpayable == Unpayable::offline);
    told.erase("unpayable");
    CHECK_FALSE(parse_node_figures(told)->unpayable);
    told["unpayable"] = 1;
    CHECK_FALSE(parse_node_figures(told));
}

TEST_CASE("N3: a challenge carries what keeps it from being paid, if anything") {
    IssuedChallenge challenge{PaymentHash::from_hex(hash_hex).value(), "lnbc1", Msat(1), at(2), "AA==", {"x"}};
    CHECK(parse_issued_challenge(wire(to_json(challenge)))->warnings.empty());
    challenge.warnings = {{"warning_capacity", "too much"}, {"warning_offline", "peers are away"}};
    CHECK(to_json(challenge).at("warning_capacity") == "too much");
    CHECK(parse_issued_challenge(wire(to_json(challenge)))->warnings == challenge.warnings);
}

TEST_CASE("A deposit is told apart in every message that speaks of it") {
    IssueRequest request{Msat(20000), ServiceName::parse("weather").value(), std::nullopt, std::nullopt};
    request.deposit = true;
    CHECK(wire(to_json(request)) == bj::parse(R"({"amount_msat":20000,"service":"weather","deposit":true})"));
    CHECK(parse_issue_request(wire(to_json(request)))->deposit);
    CHECK_FALSE(parse_issue_request(bj::parse(R"({"amount_msat":20000,"service":"weather"})"))->deposit);
    CHECK_FALSE(parse_issue_request(bj::parse(R"({"amount_msat":1,"service":"weather","deposit":false})"))->deposit);
    CHECK_FALSE(parse_issue_request(bj::parse(R"({"amount_msat":1,"service":"weather","deposit":1})")));

    IssuedChallenge challenge;
    challenge.payment_hash = PaymentHash::from_hex(hash_hex).value();
    challenge.bolt11 = "lnbcrt1";
    challenge.amount = Msat(20000);
    challenge.expires_at = at(1'700'000'600);
    challenge.deposit = true;
    const bj::value written = wire(to_json(challenge));
    CHECK(written == bj::parse(std::string(R"({"payment_hash":")") + hash_hex +
                               R"(","bolt11":"lnbcrt1","amount_msat":20000,"expires_at":1700000600,"deposit":true})"));
    const Result<IssuedChallenge> read = parse_issued_challenge(written);
    REQUIRE(read);
    CHECK(read->deposit);
    CHECK(read->token_base64.empty());
    CHECK(read->www_authenticate.empty());

    Settlement settlement;
    settlement.payment_hash = challenge.payment_hash;
    settlement.deposit = true;
    CHECK(wire(to_json(settlement)).at("deposit") == bj::value(true));
    CHECK(parse_settlement(wire(to_json(settlement)))->deposit);
    settlement.deposit = false;
    CHECK_FALSE(wire(to_json(settlement)).as_object().contains("deposit"));
}

TEST_CASE("A refund is asked for and answered as the protocol states it") {
    const RefundRequest request{{PaymentHash::from_hex(hash_hex).value()}, Msat(500), "lnbcrt1"};
    CHECK(wire(to_json(request)) ==
          bj::parse(std::string(R"({"deposits":[")") + hash_hex + R"("],"amount_msat":500,"invoice":"lnbcrt1"})"));
    const Result<RefundRequest> read = parse_refund_request(wire(to_json(request)));
    REQUIRE(read);
    CHECK(read->deposits == request.deposits);
    CHECK(read->amount == request.amount);
    CHECK(read->invoice == request.invoice);

    RefundReply reply{RefundState::complete, Msat(500), Msat(3), std::nullopt};
    CHECK(wire(to_json(reply)) == bj::parse(R"({"state":"complete","amount_msat":500,"fee_msat":3})"));
    CHECK(parse_refund_reply(wire(to_json(reply)))->fee == Msat(3));
    reply = {RefundState::failed, Msat(500), std::nullopt, "no route"};
    CHECK(wire(to_json(reply)) == bj::parse(R"({"state":"failed","amount_msat":500,"reason":"no route"})"));
    CHECK(parse_refund_reply(wire(to_json(reply)))->reason == "no route");
    CHECK(parse_refund_reply(wire(to_json(RefundReply{RefundState::pending, Msat(1), {}, {}})))->state ==
          RefundState::pending);
    CHECK_FALSE(parse_refund_reply(bj::parse(R"({"state":"complete","amount_msat":500})")));
    CHECK_FALSE(parse_refund_reply(bj::parse(R"({"state":"paid","amount_msat":500})")));
}

TEST_CASE("A refund's request names 1 to 100 distinct deposits, an amount and an invoice") {
    const auto hash = [](int n) {
        std::string text(hash_hex);
        const std::string digits = std::to_string(n);
        return text.replace(0, digits.size(), digits);
    };
    const auto parse = [](bj::array deposits, std::uint64_t amount, std::string invoice) {
        return parse_refund_request(
            bj::object{{"deposits", std::move(deposits)}, {"amount_msat", amount}, {"invoice", std::move(invoice)}});
    };
    bj::array hundred;
    for (int i = 0; i < 100; ++i) hundred.push_back(bj::string(hash(100 + i)));
    CHECK(parse(hundred, 1, "l")->deposits.size() == 100);
    hundred.push_back(bj::string(hash(201)));
    CHECK(parse(hundred, 1, "l").error().message == "refund: deposits: must hold 1 to 100 payment hashes");
    CHECK(parse({}, 1, "l").error().message == "refund: deposits: must hold 1 to 100 payment hashes");
    CHECK(parse({hash(1), hash(1)}, 1, "l").error().message == "refund: deposits: must be distinct");
    CHECK(parse({"12"}, 1, "l").error().message.find("64 hex digits") != std::string::npos);
    CHECK(parse({hash(1)}, 0, "l").error().message == "refund: amount_msat: must be at least 1");
    CHECK_FALSE(parse({hash(1)}, 1, ""));
    CHECK_FALSE(parse({hash(1)}, 1, std::string(max_refund_invoice + 1, 'l')));
}

TEST_CASE("A refused refund's message begins with the word that says why") {
    for (const RefundRefusal refusal :
         {RefundRefusal::off, RefundRefusal::not_a_deposit, RefundRefusal::not_settled, RefundRefusal::too_much,
          RefundRefusal::already_refunded, RefundRefusal::daily_limit, RefundRefusal::bad_invoice}) {
        const RpcError error = refuse_refund(refusal, "some: detail");
        CHECK(error.code == 4026);
        CHECK(error.message == std::string(name(refusal)) + ": some: detail");
        CHECK(refusal_of(error) == refusal);
        CHECK_FALSE(refusal_of(RpcError{4021, error.message}));
    }
    CHECK_FALSE(refusal_of(RpcError{4026, "another day"}));
}

TEST_CASE("A message stays on one line, whatever its strings hold") {
    IssueRequest request{Msat(1), ServiceName::parse("s").value(), "two\nlines\r\nand a tab\t\"\\\x01", std::nullopt};
    const std::string line = bj::serialize(to_json(request));
    CHECK(line.find('\n') == std::string::npos);
    CHECK(line.find('\r') == std::string::npos);
    CHECK(parse_issue_request(bj::parse(line))->description == request.description);
}

struct Parser {
    const char* name;
    std::optional<Error> (*parse)(const bj::value&);
    const char* good;
    bool strict;  // a request: unknown members are faults
};

template <auto parse>
std::optional<Error> error_of(const bj::value& value) {
    const auto result = parse(value);
    if (result) return std::nullopt;
    return result.error();
}

const Parser parsers[] = {
    {"hello", error_of<parse_hello>, R"({"protocol":1,"client":"x"})", true},
    {"hello reply", error_of<parse_hello_reply>,
     R"({"protocol":1,"version":"0","node_id":"02","alias":"","network":"regtest","blockheight":1})", false},
    {"issue", error_of<parse_issue_request>, R"({"amount_msat":1,"service":"s"})", true},
    {"challenge", error_of<parse_issued_challenge>,
     R"({"payment_hash":"e0e77a507412b120f6ede61f62295b1a7b2ff19d3dcc8f7253e51663470c888e","bolt11":"l","amount_msat":1,"expires_at":2,"token":"t","www_authenticate":[]})",
     false},
    {"keys", error_of<parse_keys>, R"({"current":0,"epochs":[]})", false},
    {"settlement", error_of<parse_settlement>,
     R"({"payment_hash":"e0e77a507412b120f6ede61f62295b1a7b2ff19d3dcc8f7253e51663470c888e","label":"l","amount_msat":1,"amount_received_msat":1,"settled_at":2,"service":"","description":"","pay_index":1})",
     false},
    {"node", error_of<parse_node_figures>,
     R"({"blockheight":1,"peers":2,"active_channels":3,"spendable_msat":4,"receivable_msat":5})", false},
    {"subscribe", error_of<parse_subscribe>, R"({"next_pay_index":7})", true},
    {"refund", error_of<parse_refund_request>,
     R"({"deposits":["e0e77a507412b120f6ede61f62295b1a7b2ff19d3dcc8f7253e51663470c888e"],"amount_msat":1,"invoice":"l"})",
     true},
    {"refund reply", error_of<parse_refund_reply>, R"({"state":"pending","amount_msat":1})", false},
};

TEST_CASE("Each member that is missing or of another type is refused by name") {
    for (const Parser& parser : parsers) {
        CAPTURE(parser.name);
        const bj::value good = bj::parse(parser.good);
        REQUIRE_FALSE(parser.parse(good));
        for (const auto& member : good.get_object()) {
            const std::string name(member.key());
            CAPTURE(name);
            bj::object without = good.get_object();
            without.erase(name);
            const std::optional<Error> missing = parser.parse(without);
            REQUIRE(missing);
            CHECK(is(*missing, Errc::bad_message));
            CHECK(missing->message.find(name) != std::string::npos);
            for (const bj::value& wrong :
                 {bj::value(nullptr), bj::value(true), bj::value(-1), bj::value(bj::object{{"x", 1}})}) {
                bj::object changed = good.get_object();
                changed[name] = wrong;
                const std::optional<Error> refused = parser.parse(changed);
                REQUIRE(refused);
                CHECK(is(*refused, Errc::bad_message));
                CHECK(refused->message.find(name) != std::string::npos);
            }
        }
    }
}

TEST_CASE("Unknown members are refused in requests and ignored in replies and notifications") {
    for (const Parser& parser : parsers) {
        CAPTURE(parser.name);
        bj::object extended = bj::parse(parser.good).get_object();
        extended["a_later_member"] = 1;
        CHECK(parser.parse(extended).has_value() == parser.strict);
    }
}

TEST_CASE("What is no object is refused") {
    for (const Parser& parser : parsers) {
        for (const char* text : {"null", "[]", "1", "\"x\"", "[{}]"}) {
            CAPTURE(parser.name, text);
            CHECK(parser.parse(bj::parse(text)));
        }
    }
}

TEST_CASE("Numbers out of range are refused, not wrapped") {
    CHECK_FALSE(parse_hello_reply(
        bj::parse(R"({"protocol":1,"version":"0","node_id":"02","alias":"","network":"r","blockheight":4294967296})")));
    CHECK_FALSE(parse_hello(bj::parse(R"({"protocol":4294967297,"client":"x"})")));
    CHECK_FALSE(parse_keys(bj::parse(R"({"current":65536,"epochs":[]})")));
    CHECK_FALSE(parse_keys(
        bj::parse(std::string(R"({"current":0,"epochs":[{"epoch":65536,"created_at":1,"key":")") + key_hex + "\"}]}")));
    CHECK_FALSE(parse_issue_request(bj::parse(R"({"amount_msat":18446744073709551615,"service":"s"})")));
    CHECK_FALSE(parse_issue_request(bj::parse(R"({"amount_msat":1,"service":"s","expiry":4294967296})")));
    CHECK_FALSE(parse_node_figures(bj::parse(
        R"({"blockheight":1,"peers":4294967296,"active_channels":3,"spendable_msat":4,"receivable_msat":5})")));
    CHECK(parse_subscribe(bj::parse(R"({"next_pay_index":18446744073709551615})")).value() == UINT64_MAX);
}

TEST_CASE("A key that does not parse is refused without being repeated") {
    const Result<Keys> keys =
        parse_keys(bj::parse(R"({"current":0,"epochs":[{"epoch":0,"created_at":1,"key":"00112233445566778899"}]})"));
    REQUIRE_FALSE(keys);
    CHECK(keys.error().message.find("key") != std::string::npos);
    CHECK(keys.error().message.find("00112233") == std::string::npos);
}

TEST_CASE("The key ring holds the epochs that the message names") {
    const Keys keys{5, {{2, SecretKey::from_hex(key_hex).value(), at(1)}, {5, SecretKey(), at(2)}}};
    const l402::KeyRing ring = key_ring(keys);
    CHECK(ring.current == 5);
    CHECK(ring.keys.size() == 2);
    REQUIRE(ring.find(2) != nullptr);
    CHECK(ring.find(2)->reveal_hex() == key_hex);
    CHECK(ring.find(3) == nullptr);
}

TEST_CASE("Any message is read back as it was written") {
    test::Random random(16);
    const auto text = [&] { return random.text(static_cast<std::size_t>(random.below(30)), "abc xyz\"\\\n\t/<>{}[]"); };
    for (int i = 0; i < 300; ++i) {
        const Hello hello{static_cast<int>(random.below(1000)), text()};
        const Result<Hello> hello_read = parse_hello(wire(to_json(hello)));
        REQUIRE(hello_read);
        CHECK(hello_read->protocol == hello.protocol);
        CHECK(hello_read->client == hello.client);

        const HelloReply reply{1, text(), text(), text(), text(), static_cast<std::uint32_t>(random.any_magnitude())};
        const Result<HelloReply> reply_read = parse_hello_reply(wire(to_json(reply)));
        REQUIRE(reply_read);
        CHECK(reply_read->version == reply.version);
        CHECK(reply_read->node_id == reply.node_id);
        CHECK(reply_read->alias == reply.alias);
        CHECK(reply_read->network == reply.network);
        CHECK(reply_read->blockheight == reply.blockheight);

        IssueRequest request{
            Msat(random.any_magnitude() % (Msat::max_value + 1)),
            ServiceName::parse(random.text(1 + static_cast<std::size_t>(random.below(21)), "abcxyz0189._-")).value(),
            std::nullopt, std::nullopt};
        if (random.below(2) == 0) request.description = text();
        if (random.below(2) == 0) request.expiry = std::chrono::seconds(random.any_magnitude() >> 32U);
        const Result<IssueRequest> request_read = parse_issue_request(wire(to_json(request)));
        REQUIRE(request_read);
        CHECK(request_read->amount == request.amount);
        CHECK(request_read->service == request.service);
        CHECK(request_read->description == request.description);
        CHECK(request_read->expiry == request.expiry);

        const IssuedChallenge challenge{PaymentHash(random.array<32>()),
                                        text(),
                                        Msat(random.below(Msat::max_value)),
                                        at(static_cast<std::int64_t>(random.below(UINT32_MAX))),
                                        text(),
                                        {text(), text()}};
        const Result<IssuedChallenge> challenge_read = parse_issued_challenge(wire(to_json(challenge)));
        REQUIRE(challenge_read);
        CHECK(challenge_read->payment_hash == challenge.payment_hash);
        CHECK(challenge_read->bolt11 == challenge.bolt11);
        CHECK(challenge_read->amount == challenge.amount);
        CHECK(challenge_read->expires_at == challenge.expires_at);
        CHECK(challenge_read->token_base64 == challenge.token_base64);
        CHECK(challenge_read->www_authenticate == challenge.www_authenticate);

        Keys keys{static_cast<l402::KeyEpoch>(random.u64()), {}};
        for (std::uint64_t n = random.below(4); n > 0; --n) {
            keys.epochs.push_back({static_cast<l402::KeyEpoch>(random.u64()), SecretKey(random.array<32>()),
                                   at(static_cast<std::int64_t>(random.below(UINT32_MAX)))});
        }
        const Result<Keys> keys_read = parse_keys(wire(to_json(keys)));
        REQUIRE(keys_read);
        CHECK(keys_read->current == keys.current);
        REQUIRE(keys_read->epochs.size() == keys.epochs.size());
        for (std::size_t k = 0; k < keys.epochs.size(); ++k) {
            CHECK(keys_read->epochs[k].epoch == keys.epochs[k].epoch);
            CHECK(keys_read->epochs[k].key.equals(keys.epochs[k].key));
            CHECK(keys_read->epochs[k].created_at == keys.epochs[k].created_at);
        }

        const Settlement settlement{PaymentHash(random.array<32>()),
                                    text(),
                                    Msat(random.below(Msat::max_value)),
                                    Msat(random.below(Msat::max_value)),
                                    at(static_cast<std::int64_t>(random.below(UINT32_MAX))),
                                    text(),
                                    text(),
                                    random.any_magnitude()};
        const Result<Settlement> settlement_read = parse_settlement(wire(to_json(settlement)));
        REQUIRE(settlement_read);
        CHECK(settlement_read->payment_hash == settlement.payment_hash);
        CHECK(settlement_read->label == settlement.label);
        CHECK(settlement_read->amount == settlement.amount);
        CHECK(settlement_read->amount_received == settlement.amount_received);
        CHECK(settlement_read->settled_at == settlement.settled_at);
        CHECK(settlement_read->service == settlement.service);
        CHECK(settlement_read->description == settlement.description);
        CHECK(settlement_read->pay_index == settlement.pay_index);

        const NodeFigures figures{static_cast<std::uint32_t>(random.u64()), static_cast<std::uint32_t>(random.u64()),
                                  static_cast<std::uint32_t>(random.u64()), Msat(random.below(Msat::max_value)),
                                  Msat(random.below(Msat::max_value))};
        const Result<NodeFigures> figures_read = parse_node_figures(wire(to_json(figures)));
        REQUIRE(figures_read);
        CHECK(figures_read->blockheight == figures.blockheight);
        CHECK(figures_read->peers == figures.peers);
        CHECK(figures_read->active_channels == figures.active_channels);
        CHECK(figures_read->spendable == figures.spendable);
        CHECK(figures_read->receivable == figures.receivable);
    }
}

}  // namespace
}  // namespace millrace::gateway
