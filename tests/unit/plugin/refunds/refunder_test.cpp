// The refunder against a lightningd that fails at each step.
#include "plugin/refunds/refunder.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <map>

#include "common/crypto/hash.hpp"
#include "plugin/invoicing/label.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/plugin/fake_node.hpp"

namespace millrace::refunds {
namespace {

namespace asio = boost::asio;
namespace bj = boost::json;
using gateway::RefundReply;
using gateway::RpcError;
using std::chrono::milliseconds;
using test::FakeNode;

const std::chrono::sys_seconds now{std::chrono::seconds(1795172000)};
const SecretKey recipient(std::array<std::uint8_t, 32>{9});

// A datastore with generations under a node that has one paid deposit of 20,000 msat.
struct Till {
    struct Value {
        std::string text;
        std::uint64_t generation = 0;
    };

    FakeNode node;
    asio::any_io_executor executor = node.server().context().get_executor();
    host::Log log{[](std::string_view, std::string_view) {}};
    invoicing::KeyStore keys{executor, node.server().client()};
    node::NodeWatch watch{executor, node.server().client(), log};
    host::Readiness ready{executor};
    invoicing::InvoiceStyle style{"bcrt", {}, 21};
    std::chrono::seconds skipped{0};  // of the steady clock
    std::map<std::string, Value> stored;
    bj::array payments;  // of listsendpays
    Limits limits{Msat(100'000), Msat(100), 0};
    host::World world{[] { return now; }, [this] { return std::chrono::steady_clock::now() + skipped; },
                      [](std::span<std::uint8_t>) {}};
    std::unique_ptr<Refunder> refunder;
    PaymentHash deposit;

    Till() : Till({}, {}, false) {}
    // As after a kill: with what is stored and what the node has sent, and nothing else.
    Till(std::map<std::string, Value> stored_before, bj::array sent_before, bool node_started)
        : stored(std::move(stored_before)), payments(std::move(sent_before)) {
        node.answer("listdatastore", [this](FakeNode::Peer& peer, const bj::object& asked) {
            bj::array entries;
            if (asked.at("params").at("key").as_array().back() == "refunds") {
                for (const auto& [index, value] : stored) {
                    entries.push_back(bj::object{{"key", bj::array{"millrace", "refunds", bj::string(index)}},
                                                 {"generation", value.generation},
                                                 {"hex", codec::to_hex(as_bytes(value.text))}});
                }
            }
            peer.send(lightning::reply(asked, {{"datastore", entries}}));
        });
        node.answer("datastore", [this](FakeNode::Peer& peer, const bj::object& asked) { peer.send(write(asked)); });
        node.answer("listsendpays", [this](FakeNode::Peer& peer, const bj::object& asked) {
            bj::array rows;
            for (const bj::value& row : payments) {
                if (row.at("payment_hash") == asked.at("params").at("payment_hash")) rows.push_back(row);
            }
            peer.send(lightning::reply(asked, {{"payments", rows}}));
        });
        node.answer("xpay", [this](FakeNode::Peer& peer, const bj::object& asked) {
            add_part(asked, "complete");
            peer.send(lightning::reply(asked, {{"amount_msat", 6000}, {"amount_sent_msat", 6003}}));
        });
        const invoicing::InvoiceKeys own{SecretKey(crypto::sha256(as_bytes("millrace/invoice/1")))};
        const invoicing::Terms terms{Msat(20'000),
                                     now + std::chrono::seconds(600),
                                     21,
                                     1,
                                     ServiceName::parse("weather").value(),
                                     invoicing::Kind::deposit};
        const PaymentSecret secret = own.seal(terms, {1}).value();
        deposit = crypto::payment_hash(own.preimage(secret, terms.kind));
        const std::string bolt11 =
            bolt11::encode_signed(invoicing::make_invoice(style, terms, secret, deposit, "d", {}, now), recipient)
                .value();
        node.invoices().push_back({{"label", invoicing::invoice_label(deposit, terms.kind)},
                                   {"bolt11", bolt11},
                                   {"payment_hash", deposit.hex()},
                                   {"amount_msat", 20'000},
                                   {"status", "unpaid"}});
        node.pay(deposit.hex());
        node.invoices().back()["amount_received_msat"] = 20'000;
        node.server().run([this]() -> asio::awaitable<void> {
            const auto keys_loaded = co_await keys.load();
            const auto node_loaded = co_await watch.load();
            REQUIRE(keys_loaded);
            REQUIRE(node_loaded);
        });
        ready.set();
        refunder = std::make_unique<Refunder>(
            Refunder::Parts{executor, node.server().client(), node.server().client(), keys, watch, ready, style, world,
                            log},
            limits, node_started,
            Refunder::Pace{milliseconds(200), milliseconds(5), milliseconds(20), milliseconds(40)});
        node.server().run([this]() -> asio::awaitable<void> {
            const auto loaded = co_await refunder->load();
            REQUIRE(loaded);
        });
    }

    // What is watched comes to its end before the refunder does.
    ~Till() {
        node.answer("datastore", [this](FakeNode::Peer& peer, const bj::object& asked) { peer.send(write(asked)); });
        node.answer("listsendpays", [](FakeNode::Peer& peer, const bj::object& asked) {
            peer.send(lightning::reply(
                asked, {{"payments", bj::array{bj::object{{"status", "complete"}, {"amount_sent_msat", 1}}}}}));
        });
        turn(150);
    }

    std::string write(const bj::object& asked) {
        const bj::object& params = asked.at("params").as_object();
        const std::string index(params.at("key").as_array().back().as_string());
        const auto found = stored.find(index);
        if (params.at("mode") == "must-create") {
            if (found != stored.end()) return lightning::refusal(asked, 1202, "Key already exists");
            stored[index] = {std::string(params.at("string").as_string()), 0};
        } else {
            if (found == stored.end()) return lightning::refusal(asked, 1203, "Key does not exist");
            if (params.at("generation").to_number<std::uint64_t>() != found->second.generation)
                return lightning::refusal(asked, 1204, "generation is different");
            found->second = {std::string(params.at("string").as_string()), found->second.generation + 1};
        }
        return lightning::reply(asked, {{"generation", stored[index].generation}});
    }

    bj::object& add_part(const bj::object& asked, const char* status) {
        const auto invoice = bolt11::decode(std::string_view(asked.at("params").at("invstring").as_string())).value();
        payments.push_back(
            bj::object{{"payment_hash", invoice.payment_hash.hex()}, {"status", status}, {"amount_sent_msat", 6003}});
        return payments.back().as_object();
    }

    static std::string invoice(std::uint8_t number) {
        bolt11::Invoice out;
        out.currency = "bcrt";
        out.timestamp = now;
        out.payment_hash = PaymentHash(std::array<std::uint8_t, 32>{200, number});
        out.payment_secret = PaymentSecret(std::array<std::uint8_t, 32>{6});
        out.description = std::string("refund");
        return bolt11::encode_signed(out, recipient).value();
    }

    Refunder::Outcome ask(std::uint8_t invoice_number = 1, std::uint64_t amount = 6000) {
        std::optional<Refunder::Outcome> out;
        node.server().run([&]() -> asio::awaitable<void> {
            gateway::RefundRequest request{{deposit}, Msat(amount), invoice(invoice_number)};
            out = co_await refunder->refund(std::move(request));
        });
        return std::move(*out);
    }
    // "pending", "complete", "failed", or the error: "already-refunded", "4021".
    std::string word(const Refunder::Outcome& outcome) {
        if (const auto* reply = std::get_if<RefundReply>(&outcome)) return std::string(name(reply->state));
        const auto& error = std::get<RpcError>(outcome);
        const auto refusal = gateway::refusal_of(error);
        return refusal ? std::string(name(*refusal)) : std::to_string(error.code);
    }
    void turn(int length) {
        node.server().run([this, length]() -> asio::awaitable<void> {
            co_await host::pause(executor, std::chrono::milliseconds(length));
        });
    }
    std::string state(std::uint64_t index = 1) {
        return std::string(name(parse_datastore_text("1", stored.at(datastore_index(index)).text)->state));
    }
};

void hang_up(FakeNode::Peer& peer, const bj::object&) {
    peer.hang_up();
}

TEST_CASE("a refund is stored before it is paid, and its end after") {
    Till till;
    std::string at_xpay;
    till.node.answer("xpay", [&](FakeNode::Peer& peer, const bj::object& asked) {
        at_xpay = till.state();
        const bj::object& params = asked.at("params").as_object();
        CHECK(params.at("maxfee") == 100);
        CHECK(params.at("retry_for") == 60);
        CHECK(params.at("amount_msat") == 6000);
        till.add_part(asked, "complete");
        peer.send(lightning::reply(asked, {{"amount_sent_msat", 6003}}));
    });
    const auto outcome = till.ask();
    CHECK(till.word(outcome) == "complete");
    CHECK(std::get<RefundReply>(outcome).fee == Msat(3));
    CHECK(at_xpay == "pending");
    CHECK(till.state() == "complete");
    CHECK(till.refunder->used() == Msat(6003));
    CHECK(till.word(till.ask()) == "complete");
    CHECK(till.word(till.ask(2)) == "already-refunded");
    CHECK(till.node.calls("xpay") == 1);
    // A plugin that starts anew knows it.
    Till anew(till.stored, till.payments, false);
    CHECK(anew.word(anew.ask()) == "complete");
    CHECK(anew.word(anew.ask(2)) == "already-refunded");
    CHECK(anew.node.calls("xpay") == 0);
}

TEST_CASE("what cannot be stored is not paid, and frees the limit and the deposit") {
    Till till;
    till.node.answer("datastore", [](FakeNode::Peer& peer, const bj::object& asked) {
        peer.send(lightning::refusal(asked, -1, "disk full"));
    });
    CHECK(till.word(till.ask()) == "4021");
    till.turn(50);
    CHECK(till.refunder->ledger().all().empty());
    CHECK(till.refunder->used() == Msat(0));
    CHECK(till.node.calls("xpay") == 0);
    till.node.answer("datastore", [&](FakeNode::Peer& peer, const bj::object& asked) { peer.send(till.write(asked)); });
    CHECK(till.word(till.ask(2)) == "complete");
    CHECK(till.node.calls("xpay") == 1);
}

TEST_CASE("what was stored although the answer was lost is not paid by itself, and stored as failed") {
    Till till;
    till.node.answer("datastore", [&](FakeNode::Peer& peer, const bj::object& asked) {
        (void)till.write(asked);
        till.node.answer("datastore",
                         [&](FakeNode::Peer& next, const bj::object& again) { next.send(till.write(again)); });
        peer.hang_up();
    });
    CHECK(till.word(till.ask()) == "4021");
    till.turn(100);
    CHECK(till.state() == "failed");
    CHECK(till.node.calls("xpay") == 0);
    CHECK(till.word(till.ask()) == "complete");
    CHECK(till.node.calls("xpay") == 1);
    CHECK(till.stored.size() == 1);
}

TEST_CASE("a record that somebody else wrote is left as it is") {
    Till till;
    Refund other{1,
                 {PaymentHash()},
                 Msat(500),
                 Msat(500),
                 Msat(1),
                 {PaymentHash(std::array<std::uint8_t, 32>{77})},
                 RefundState::pending,
                 {},
                 {},
                 now,
                 now,
                 {}};
    till.stored[datastore_index(1)] = {datastore_text(other), 0};
    CHECK(till.word(till.ask()) == "4021");
    till.turn(50);
    CHECK(till.state() == "pending");
    // Both count, and this one has its own place now.
    CHECK(till.refunder->used() == Msat(501));
    CHECK(till.word(till.ask()) == "complete");
    CHECK(till.stored.size() == 2);
}

TEST_CASE("a connection that is lost under xpay leaves the refund pending until xpay's time is over") {
    Till till;
    till.node.answer("xpay", hang_up);
    CHECK(till.word(till.ask()) == "pending");
    CHECK(till.word(till.ask(2)) == "already-refunded");
    till.skipped = std::chrono::seconds(119);
    till.turn(100);
    CHECK(till.state() == "pending");
    SECTION("nothing was sent") {
        Till anew(till.stored, till.payments, true);
        anew.turn(150);
        CHECK(anew.state() == "failed");
        CHECK(anew.node.calls("xpay") == 0);
        CHECK(anew.word(anew.ask(2)) == "complete");
    }
    SECTION("nothing was sent, and lightningd with its xpay lives on") {
        Till anew(till.stored, till.payments, false);
        anew.turn(150);
        CHECK(anew.state() == "pending");
        anew.skipped = std::chrono::seconds(125);
        anew.turn(150);
        CHECK(anew.state() == "failed");
    }
    SECTION("it was sent, and arrived") {
        till.payments.push_back(bj::object{{"payment_hash", bolt11::decode(Till::invoice(1))->payment_hash.hex()},
                                           {"status", "complete"},
                                           {"amount_sent_msat", 6010}});
        Till anew(till.stored, till.payments, false);
        anew.turn(200);
        CHECK(anew.state() == "complete");
        CHECK(anew.refunder->used() == Msat(6010));
    }
}

TEST_CASE("xpay's refusal is a failure only once no part is under way") {
    Till till;
    till.node.answer("xpay", [&](FakeNode::Peer& peer, const bj::object& asked) {
        till.add_part(asked, "failed");
        till.add_part(asked, "pending");
        peer.send(lightning::refusal(asked, 209, "Failed after 2 attempts"));
    });
    CHECK(till.word(till.ask()) == "pending");
    CHECK(till.refunder->used() == Msat(6100));
    const auto part = [&](const char* status) { till.payments.back().as_object()["status"] = status; };
    SECTION("it failed, too") {
        part("failed");
        Till anew(till.stored, till.payments, true);
        anew.turn(150);
        CHECK(anew.state() == "failed");
        CHECK(anew.refunder->used() == Msat(0));
    }
    SECTION("it was taken") {
        part("complete");
        Till anew(till.stored, till.payments, true);
        anew.turn(200);
        CHECK(anew.state() == "complete");
    }
}

TEST_CASE("a refund whose end cannot be stored holds its deposits until it is") {
    Till till;
    int refused = 0;
    till.node.answer("datastore", [&](FakeNode::Peer& peer, const bj::object& asked) {
        const bool ends = asked.at("params").at("mode") == "must-replace";
        if (ends && ++refused <= 2) {
            // Once unheard, once written and unheard.
            if (refused == 2) (void)till.write(asked);
            peer.hang_up();
            return;
        }
        peer.send(till.write(asked));
    });
    CHECK(till.word(till.ask()) == "complete");
    CHECK(refused >= 2);
    CHECK(till.state() == "complete");
    CHECK(till.node.calls("xpay") == 1);
}

TEST_CASE("so many invoices are tried for a deposit, and no more") {
    const auto no_route = [](FakeNode::Peer& peer, const bj::object& asked) {
        peer.send(lightning::refusal(asked, 205, "no route"));
    };
    Till till;
    till.node.answer("xpay", no_route);
    REQUIRE(till.word(till.ask(0)) == "failed");
    REQUIRE(till.word(till.ask(1)) == "failed");
    Refund worn = till.refunder->ledger().all().begin()->second;
    CHECK(worn.payments.size() == 2);
    for (std::uint8_t i = 2; i < max_tries; ++i)
        worn.payments.push_back(bolt11::decode(Till::invoice(i))->payment_hash);
    till.stored.begin()->second.text = datastore_text(worn);
    Till anew(till.stored, till.payments, true);
    anew.node.answer("xpay", no_route);
    CHECK(anew.word(anew.ask(100)) == "bad-invoice");
    CHECK(anew.word(anew.ask(4)) == "failed");
    CHECK(anew.stored.size() == 1);
}

}  // namespace
}  // namespace millrace::refunds
