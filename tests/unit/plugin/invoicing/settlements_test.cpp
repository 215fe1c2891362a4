#include "plugin/invoicing/settlements.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "common/codec/hex.hpp"
#include "common/crypto/hash.hpp"
#include "plugin/host/signal.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/plugin/fake_node.hpp"

namespace millrace::invoicing {
namespace {

namespace asio = boost::asio;
using test::FakeNode;

struct Records {
    FakeNode node;
    asio::any_io_executor executor = node.server().context().get_executor();
    host::Log log{[](std::string_view, std::string_view) {}};
    KeyStore keys{executor, node.server().client()};
    Settlements settlements{executor, node.server().client(), node.server().client(), keys, log};
    std::uint8_t sold = 0;

    Records() {
        node.server().run([this]() -> asio::awaitable<void> {
            const auto loaded = co_await keys.load();
            REQUIRE(loaded);
        });
    }

    void sell() {
        const std::string hash = std::string(62, '0') + codec::to_hex(std::array{++sold});
        node.invoices().push_back(
            {{"label", "millrace-" + hash}, {"payment_hash", hash}, {"amount_msat", 1000}, {"status", "unpaid"}});
        node.pay(hash);
    }

    void attempt(const std::string& name) {
        const std::string hash = codec::to_hex(crypto::sha256(as_bytes(name)));
        node.invoices().push_back(
            {{"label", "millrace-" + hash}, {"payment_hash", hash}, {"amount_msat", 1000}, {"status", "unpaid"}});
        node.expire(hash);
    }

    void follow() { asio::co_spawn(executor, settlements.follow(), asio::detached); }

    // Until the node is waited for.
    void settle() {
        node.server().run([this]() -> asio::awaitable<void> {
            while (!node.waited_for()) co_await host::pause(executor, std::chrono::milliseconds(2));
        });
    }

    SettlementPage read(std::uint64_t start, std::size_t limit) {
        SettlementPage page;
        node.server().run([&]() -> asio::awaitable<void> {
            auto got = co_await settlements.read(start, limit);
            REQUIRE(got);
            page = std::move(*got);
        });
        return page;
    }
};

std::vector<std::uint64_t> indexes(const SettlementPage& page) {
    std::vector<std::uint64_t> out;
    for (const auto& settlement : page.settlements) out.push_back(settlement.pay_index);
    return out;
}

TEST_CASE("settlements are read in order and in pages, over what others were paid") {
    Records records;
    records.follow();
    records.sell();                 // 1
    records.node.add_paid("own");   // 2
    records.sell();                 // 3
    records.sell();                 // 4
    records.node.add_paid("own2");  // 5

    CHECK(indexes(records.read(0, 100)) == std::vector<std::uint64_t>{1, 3, 4});
    CHECK(indexes(records.read(1, 100)) == std::vector<std::uint64_t>{1, 3, 4});
    CHECK(indexes(records.read(2, 100)) == std::vector<std::uint64_t>{3, 4});
    CHECK(indexes(records.read(5, 100)).empty());
    CHECK(records.read(99, 100).at_end);

    const SettlementPage first = records.read(0, 2);
    CHECK(indexes(first) == std::vector<std::uint64_t>{1, 3});
    CHECK(first.next == 4);
    CHECK_FALSE(first.at_end);
    const SettlementPage second = records.read(first.next, 2);
    CHECK(indexes(second) == std::vector<std::uint64_t>{4});
    CHECK(second.next == 5);
    CHECK(second.at_end);
}

TEST_CASE("following counts what is paid from now on, and tells of it at once") {
    for (const int before : {0, 1, 2, 3, 100}) {
        INFO(before);
        Records records;
        for (int i = 0; i < before; ++i) records.sell();
        records.follow();
        records.settle();
        CHECK(records.settlements.counters().settled == 0);
        int told = 0;
        records.settlements.settled = [&] { ++told; };
        records.node.server().run([&]() -> asio::awaitable<void> {
            records.sell();
            records.node.add_paid("own");
            records.sell();
            while (records.settlements.counters().settled < 2)
                co_await host::pause(records.executor, std::chrono::milliseconds(2));
        });
        CHECK(told >= 1);
        CHECK(records.settlements.counters().last_pay_index == static_cast<std::uint64_t>(before) + 3);
        CHECK(records.settlements.counters().last_settled_at);
    }
}

TEST_CASE("N7: two thousand invoices of others are looked at once, in pages, and never when sales are listed") {
    Records records;
    for (int i = 0; i < 2000; ++i) records.node.add_paid("own" + std::to_string(i));
    records.sell();
    records.follow();
    CHECK(indexes(records.read(0, 100)) == std::vector<std::uint64_t>{2001});
    records.settle();
    CHECK(records.node.calls("listinvoices") <= 7);
    CHECK(records.node.calls("waitanyinvoice") == 1);
    const std::size_t pages = records.node.calls("listinvoices");
    CHECK(records.read(0, 100).at_end);
    CHECK(records.read(2002, 100).at_end);
    CHECK(records.node.calls("waitanyinvoice") == 2);
    // Each looks for what is new, and no further back.
    CHECK(records.node.calls("listinvoices") == pages + 2);
    CHECK(records.node.server().requests().back().at("params").at("start").to_number<std::uint64_t>() >= 2002);

    // Nor after a start.
    Settlements again{records.executor, records.node.server().client(), records.node.server().client(), records.keys,
                      records.log};
    asio::co_spawn(records.executor, again.follow(), asio::detached);
    records.node.server().run([&]() -> asio::awaitable<void> {
        const auto page = co_await again.read(0, 100);
        REQUIRE(page);
        CHECK(indexes(*page) == std::vector<std::uint64_t>{2001});
    });
    CHECK(records.node.calls("listinvoices") <= pages + 4);
}

TEST_CASE("N7: what was paid is listed at once, though no news of it has come yet") {
    Records records;
    records.follow();
    records.settle();
    records.node.answer("wait", [](FakeNode::Peer&, const boost::json::object&) {});
    records.sell();
    for (int i = 1; i <= 5; ++i) {
        records.node.server().run([&]() -> asio::awaitable<void> {
            records.sell();
            const auto page = co_await records.settlements.read(0, 100);
            REQUIRE(page);
            CHECK(page->settlements.size() == static_cast<std::size_t>(i) + 1);
        });
    }
}

TEST_CASE("N7: a sale whose row was deleted is passed over") {
    Records records;
    for (int i = 0; i < 3; ++i) records.sell();
    records.follow();
    records.settle();
    records.node.invoices().erase(records.node.invoices().begin() + 1);
    const SettlementPage page = records.read(0, 100);
    CHECK(indexes(page) == std::vector<std::uint64_t>{1, 3});
    CHECK(page.at_end);
    records.node.invoices().clear();
    CHECK(records.read(0, 100).settlements.empty());
    CHECK(records.read(0, 100).at_end);
}

TEST_CASE("N5: rows of challenges that nobody paid in time are deleted, and no other row") {
    Records records;
    records.sell();
    for (int i = 0; i < 50; ++i) records.attempt("before " + std::to_string(i));
    records.node.invoices().push_back({{"label", "somebody else's"},
                                       {"payment_hash", std::string(64, '7')},
                                       {"amount_msat", 1},
                                       {"status", "unpaid"}});
    records.node.expire(std::string(64, '7'));
    // The label of another hash is not ours, however it looks.
    records.node.invoices().push_back({{"label", "millrace-" + std::string(64, '8')},
                                       {"payment_hash", std::string(64, '9')},
                                       {"amount_msat", 1},
                                       {"status", "unpaid"}});
    records.node.expire(std::string(64, '9'));
    records.follow();
    records.settle();
    CHECK(records.node.invoices().size() == 3);
    // What is still open stays, and goes when its time is over.
    records.node.invoices().push_back({{"label", "millrace-" + std::string(64, '6')},
                                       {"payment_hash", std::string(64, '6')},
                                       {"amount_msat", 1},
                                       {"status", "unpaid"}});
    records.attempt("later");
    records.settle();
    CHECK(records.node.invoices().size() == 4);
    records.node.expire(std::string(64, '6'));
    records.settle();
    CHECK(records.node.invoices().size() == 3);
    CHECK(records.node.calls("delinvoice") == 52);
}

TEST_CASE("following survives the loss of lightningd's answer") {
    Records records;
    int lost = 0;
    records.node.answer("listinvoices", [&](FakeNode::Peer& peer, const boost::json::object&) {
        if (++lost == 2) records.node.answer_as_usual("listinvoices");
        peer.hang_up();
    });
    asio::co_spawn(records.executor, records.settlements.follow(), asio::detached);
    records.node.server().run([&]() -> asio::awaitable<void> {
        while (!records.node.waited_for()) co_await host::pause(records.executor, std::chrono::milliseconds(2));
        records.sell();
        while (records.settlements.counters().settled == 0)
            co_await host::pause(records.executor, std::chrono::milliseconds(2));
    });
    CHECK(records.settlements.counters().settled == 1);
}

}  // namespace
}  // namespace millrace::invoicing
