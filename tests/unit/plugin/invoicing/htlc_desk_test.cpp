#include "plugin/invoicing/htlc_desk.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>

#include "common/codec/tlv.hpp"
#include "plugin/host/signal.hpp"
#include "plugin/invoicing/label.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/plugin/fake_node.hpp"

namespace millrace::invoicing {
namespace {

namespace asio = boost::asio;
namespace bj = boost::json;
using test::FakeNode;

const std::chrono::sys_seconds now{std::chrono::seconds(1795172000)};

// A desk at a fake node, with the replies that would go to lightningd.
struct Desk {
    FakeNode node;
    asio::any_io_executor executor = node.server().context().get_executor();
    std::vector<std::string> replies;
    host::HookGuard guard{
        [this](std::string reply, host::HookClock::time_point, bool) { replies.push_back(std::move(reply)); }};
    host::Log log{[](std::string_view, std::string_view) {}};
    std::chrono::sys_seconds time = now;
    KeyStore keys{executor, node.server().client()};
    ChallengeCache cache;
    InvoiceStyle style{"bcrt", {}, 21};
    AcceptedLog accepted_log{executor, node.server().client(), [this] { return time; }, log};
    HtlcDesk desk{
        {executor, node.server().client(), keys, accepted_log, cache, style, {[] { return now; }, {}, {}}, log}};
    int ids = 0;

    ~Desk() { guard.silence(); }

    void open() {
        node.server().run([this]() -> asio::awaitable<void> {
            const auto loaded = co_await keys.load();
            REQUIRE(loaded);
            const auto known = co_await accepted_log.load();
            REQUIRE(known);
        });
        desk.open();
    }

    // The call of an HTLC that pays a challenge of 1000 msat; each `nonce` is another challenge.
    bj::value call(std::uint8_t nonce, std::uint64_t total = 1000) {
        const InvoiceKeys own(SecretKey(crypto::sha256(as_bytes("millrace/invoice/1"))));
        const Terms terms{Msat(1000), now + std::chrono::seconds(600), 21, 1, ServiceName::parse("weather").value()};
        const PaymentSecret secret = own.seal(terms, {nonce}).value();
        last_hash = crypto::payment_hash(own.preimage(secret, Kind::sale)).hex();
        Bytes data = to_bytes(secret.view());
        data.push_back(0x03);
        data.push_back(0xe8);
        const Bytes stream = codec::encode_tlv({{8, data}});
        return bj::parse(
            R"({"onion":{"payload":"24)" + codec::to_hex(stream) + R"(","total_msat":)" + std::to_string(total) +
            R"(,"payment_secret":")" + secret.hex() +
            R"("},"htlc":{"amount_msat":1000,"cltv_expiry":143,"cltv_expiry_relative":33,"payment_hash":")" +
            last_hash + R"("}})");
    }

    void arrive(const bj::value& params) {
        desk.handle(guard.open("\"" + std::to_string(++ids) + "\"", host::HookClock::now()), params);
    }

    // Until so many replies are there.
    void await(std::size_t count) {
        node.server().run([this, count]() -> asio::awaitable<void> {
            while (replies.size() < count) co_await host::pause(executor, std::chrono::milliseconds(2));
        });
    }

    [[nodiscard]] std::size_t accepted() const {
        return static_cast<std::size_t>(std::count_if(replies.begin(), replies.end(), [](const std::string& reply) {
            return reply.find(R"("result":"continue","payload":"0822)") != std::string::npos;
        }));
    }
    [[nodiscard]] std::size_t failed() const {
        return static_cast<std::size_t>(std::count_if(replies.begin(), replies.end(), [](const std::string& reply) {
            return reply.find(R"("failure_message":"400f00000000000003e80000006e")") != std::string::npos;
        }));
    }
    [[nodiscard]] std::uint64_t refused(Refusal why) const {
        return desk.counters().refused[static_cast<std::size_t>(why)];
    }

    std::string last_hash;
};

TEST_CASE("an HTLC makes its invoice and goes on with another payload") {
    Desk desk;
    desk.open();
    desk.arrive(desk.call(1));
    desk.await(1);
    CHECK(desk.accepted() == 1);
    REQUIRE(desk.node.invoices().size() == 1);
    CHECK(desk.node.invoices().front().at("label") == bj::string("millrace-" + desk.last_hash));
    CHECK(desk.desk.counters().accepted == 1);
}

TEST_CASE("parts that arrive together make one invoice and are all accepted, in order") {
    Desk desk;
    desk.open();
    const bj::value part = desk.call(1);
    for (int i = 0; i < 8; ++i) desk.arrive(part);
    desk.await(8);
    CHECK(desk.accepted() == 8);
    CHECK(desk.node.calls("createinvoice") == 1);
    CHECK(desk.desk.counters().accepted == 1);
    for (int i = 0; i < 8; ++i)
        CHECK(desk.replies[static_cast<std::size_t>(i)].find("\"id\":\"" + std::to_string(i + 1) + "\"") !=
              std::string::npos);
}

TEST_CASE("HTLCs of different challenges do not wait for each other") {
    Desk desk;
    desk.open();
    const bj::value slow = desk.call(1);
    const std::string slow_hash = desk.last_hash;
    std::vector<std::function<void()>> held;
    desk.node.answer("listinvoices", [&](FakeNode::Peer& peer, const bj::object& request) {
        if (request.at("params").at("payment_hash") == bj::string(slow_hash)) {
            held.push_back([&peer, request] { peer.send(lightning::reply(request, {{"invoices", bj::array{}}})); });
        } else {
            peer.send(lightning::reply(request, {{"invoices", bj::array{}}}));
        }
    });
    desk.arrive(slow);
    desk.arrive(desk.call(2));
    desk.await(1);
    CHECK(desk.replies.front().find("\"id\":\"2\"") != std::string::npos);
    REQUIRE(held.size() == 1);
    held.front()();
    desk.await(2);
    CHECK(desk.accepted() == 2);
}

TEST_CASE("what comes before the keys waits for them") {
    Desk desk;
    desk.arrive(desk.call(1));
    desk.arrive(desk.call(2));
    CHECK(desk.replies.empty());
    desk.open();
    desk.await(2);
    CHECK(desk.accepted() == 2);
}

TEST_CASE("what waited too long for the keys is let go once") {
    Desk desk;
    desk.arrive(desk.call(1));
    CHECK(desk.guard.expire(host::HookClock::now() + std::chrono::hours(1)) == 1);
    REQUIRE(desk.replies.size() == 1);
    CHECK(desk.replies.front().find(R"("result":{"result":"continue"})") != std::string::npos);
    desk.open();
    CHECK(desk.replies.size() == 1);
    CHECK(desk.node.calls("listinvoices") == 0);
}

TEST_CASE("a row of somebody else with our hash is refused, and no invoice is made: that would be lightningd's end") {
    Desk desk;
    desk.open();
    const bj::value call = desk.call(1);
    desk.node.invoices().push_back({{"label", "keysend-1"}, {"payment_hash", desk.last_hash}, {"status", "unpaid"}});
    desk.arrive(call);
    desk.await(1);
    CHECK(desk.failed() == 1);
    CHECK(desk.refused(Refusal::foreign_invoice) == 1);
    CHECK(desk.node.calls("createinvoice") == 0);
    CHECK_FALSE(desk.node.aborted());
}

TEST_CASE("a challenge that is paid already is refused") {
    Desk desk;
    desk.open();
    const bj::value call = desk.call(1);
    desk.arrive(call);
    desk.await(1);
    desk.node.pay(desk.last_hash);
    desk.arrive(call);
    desk.await(2);
    CHECK(desk.failed() == 1);
    CHECK(desk.refused(Refusal::already_paid) == 1);
}

TEST_CASE("N4: a challenge whose row was deleted is not accepted again, whoever pays, also after a start") {
    Desk desk;
    desk.open();
    const bj::value call = desk.call(1);
    desk.arrive(call);
    desk.await(1);
    CHECK(desk.accepted() == 1);
    desk.node.pay(desk.last_hash);
    desk.node.invoices().clear();
    desk.arrive(call);
    desk.await(2);
    CHECK(desk.failed() == 1);
    CHECK(desk.refused(Refusal::invoice_deleted) == 1);
    CHECK(desk.node.calls("createinvoice") == 1);

    AcceptedLog restarted(
        desk.executor, desk.node.server().client(), [&] { return desk.time; }, desk.log);
    desk.node.server().run([&]() -> asio::awaitable<void> {
        const auto loaded = co_await restarted.load();
        CHECK(loaded);
    });
    CHECK(restarted.knows(PaymentHash::from_hex(desk.last_hash).value()));
    CHECK(restarted.size() == 1);
    // Once it has expired nothing is left of it.
    desk.time += std::chrono::seconds(600) + Accepted::grace;
    desk.node.server().run([&]() -> asio::awaitable<void> {
        (void)co_await restarted.load();
        while (!desk.node.datastore().empty()) co_await host::pause(desk.executor, std::chrono::milliseconds(2));
    });
}

TEST_CASE("N4: an HTLC is let on only once it is written down that it was") {
    Desk desk;
    desk.open();
    int asked = 0;
    desk.node.answer("datastore", [&](FakeNode::Peer& peer, const bj::object& request) {
        ++asked;
        CHECK(desk.replies.empty());
        peer.send(lightning::refusal(request, 1205, "no room"));
    });
    desk.arrive(desk.call(1));
    desk.await(1);
    CHECK(desk.failed() == 1);
    CHECK(asked == Acceptor::max_attempts);
    CHECK_FALSE(desk.accepted_log.knows(PaymentHash::from_hex(desk.last_hash).value()));
    // The row stands, and nothing is lost: the next try succeeds.
    desk.node.answer_as_usual("datastore");
    desk.arrive(desk.call(1));
    desk.await(2);
    CHECK(desk.accepted() == 1);
}

TEST_CASE("N4: what comes while one is written down goes with the next write") {
    Desk desk;
    desk.open();
    for (std::uint8_t i = 1; i <= 40; ++i) desk.arrive(desk.call(i));
    desk.await(40);
    CHECK(desk.accepted() == 40);
    CHECK(desk.node.calls("datastore") < 40);
    CHECK(desk.accepted_log.size() == 40);
}

TEST_CASE("a refusal of our own needs no question to lightningd") {
    Desk desk;
    desk.open();
    desk.arrive(desk.call(1, 2001));
    CHECK(desk.failed() == 1);
    CHECK(desk.refused(Refusal::amount_too_high) == 1);
    CHECK(desk.node.calls("listinvoices") == 0);
}

TEST_CASE("what is not ours goes on as it is, at once") {
    Desk desk;
    desk.open();
    bj::value call = desk.call(1);
    call.at("htlc").as_object()["payment_hash"] = std::string(64, '7');
    desk.arrive(call);
    desk.arrive(bj::parse(R"({"onion":{},"htlc":{}})"));
    REQUIRE(desk.replies.size() == 2);
    for (const std::string& reply : desk.replies)
        CHECK(reply.find(R"("result":{"result":"continue"})") != std::string::npos);
    CHECK(desk.node.calls("listinvoices") == 0);
}

TEST_CASE("a connection that is lost amid createinvoice is made anew, and the invoice is not made twice") {
    Desk desk;
    desk.open();
    int lost = 0;
    desk.node.answer("createinvoice", [&](FakeNode::Peer& peer, const bj::object& request) {
        // Made, but nobody hears of it.
        ++lost;
        const bj::object& params = request.at("params").as_object();
        desk.node.invoices().push_back(
            {{"label", params.at("label")}, {"payment_hash", desk.last_hash}, {"status", "unpaid"}});
        peer.hang_up();
    });
    desk.arrive(desk.call(1));
    desk.await(1);
    CHECK(desk.accepted() == 1);
    CHECK(lost == 1);
    CHECK(desk.node.invoices().size() == 1);
}

TEST_CASE("a lightningd that answers nonsense costs the payment, and neither the node nor the money") {
    Desk desk;
    desk.open();
    desk.node.answer("listinvoices", [](FakeNode::Peer& peer, const bj::object& request) {
        peer.send(lightning::reply(request, {{"invoices", "none"}}));
    });
    desk.arrive(desk.call(1));
    desk.await(1);
    CHECK(desk.failed() == 1);
    CHECK(desk.refused(Refusal::node_failed) == 1);
    CHECK(desk.node.calls("listinvoices") == Acceptor::max_attempts);
    CHECK(desk.node.calls("createinvoice") == 0);
}

TEST_CASE("an invoice that lightningd will not make fails the HTLC") {
    Desk desk;
    desk.open();
    desk.node.answer("createinvoice", [](FakeNode::Peer& peer, const bj::object& request) {
        peer.send(lightning::refusal(request, -32602, "Missing description in invoice"));
    });
    desk.arrive(desk.call(1));
    desk.await(1);
    CHECK(desk.failed() == 1);
    CHECK(desk.refused(Refusal::node_failed) == 1);
}

}  // namespace
}  // namespace millrace::invoicing
