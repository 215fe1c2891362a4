#include "plugin/invoicing/settlements.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

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
        node.invoices().push_back({{"label", "millrace-" + hash}, {"payment_hash", hash}, {"amount_msat", 1000}, {"status", "unpaid"}});
        node.pay(hash);
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
    records.sell();               // 1
    records.node.add_paid("own");  // 2
    records.sell();               // 3
    records.sell();               // 4
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
    CHECK(second.next == 6);
    CHECK(second.at_end);
}

TEST_CASE("following begins behind everything that was paid, found in few steps") {
    for (const int before : {0, 1, 2, 3, 100}) {
        INFO(before);
        Records records;
        for (int i = 0; i < before; ++i) records.sell();
        int told = 0;
        records.settlements.settled = [&] { ++told; };
        asio::co_spawn(records.executor, records.settlements.follow(), asio::detached);
        records.node.server().run([&]() -> asio::awaitable<void> {
            while (!records.node.waited_for()) co_await host::pause(records.executor, std::chrono::milliseconds(2));
            records.sell();
            records.node.add_paid("own");
            records.sell();
            while (told < 2) co_await host::pause(records.executor, std::chrono::milliseconds(2));
        });
        CHECK(told == 2);
        CHECK(records.settlements.counters().settled == 2);
        CHECK(records.settlements.counters().last_pay_index == static_cast<std::uint64_t>(before) + 3);
        CHECK(records.node.calls("waitanyinvoice") < 30);
    }
}

TEST_CASE("following survives the loss of lightningd's answer") {
    Records records;
    int lost = 0;
    records.node.answer("waitanyinvoice", [&](FakeNode::Peer& peer, const boost::json::object&) {
        if (++lost == 2) records.node.answer_as_usual("waitanyinvoice");
        peer.hang_up();
    });
    asio::co_spawn(records.executor, records.settlements.follow(), asio::detached);
    records.node.server().run([&]() -> asio::awaitable<void> {
        while (!records.node.waited_for()) co_await host::pause(records.executor, std::chrono::milliseconds(2));
        records.sell();
        while (records.settlements.counters().settled == 0) co_await host::pause(records.executor, std::chrono::milliseconds(2));
    });
    CHECK(records.settlements.counters().settled == 1);
}

}  // namespace
}  // namespace millrace::invoicing
