#include "contrib/simulator/network/payer.hpp"

#include "tests/unit/catch.hpp"
#include "tests/unit/simulator/network/fixture.hpp"

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;
using test::TestNet;

TEST_CASE("a route carries what arrives plus the fee of every hop but the first, and adds up cltv deltas") {
    TestNet net;
    net.line(4, 1'000'000'000);
    const auto route = find_route(net.network, {0, 3, Msat(50'000'000), 11, {}}, {});
    REQUIRE(route);
    REQUIRE(route->size() == 3);
    CHECK((*route)[2].amount == Msat(50'000'000));
    CHECK((*route)[2].cltv == 11);
    CHECK((*route)[1].amount == Msat(50'000'501));
    CHECK((*route)[1].cltv == 17);
    CHECK((*route)[0].amount == Msat(50'001'002));
    CHECK((*route)[0].cltv == 23);
    CHECK(fee_of(*route) == Msat(1002));
}

TEST_CASE("the cheaper of two paths is taken, and the other where the cheaper is excluded or known to be too small") {
    TestNet net;
    for (int i = 0; i < 4; ++i) net.add();
    net.open(net.spec(0, 1, 1'000'000'000));
    const ChannelIndex cheap = net.open(net.spec(1, 3, 1'000'000'000));
    net.open(net.spec(0, 2, 1'000'000'000));
    ChannelSpec dear = net.spec(2, 3, 1'000'000'000);
    dear.policy.fee_ppm = 1000;
    const ChannelIndex other = net.open(dear);
    const RouteRequest request{0, 3, Msat(1'000'000), 10, {}};
    CHECK(find_route(net.network, request, {})->back().channel == cheap);
    const Direction direction{cheap, net.network.channel(cheap).side_of(1)};
    Beliefs beliefs;
    beliefs.too_much[direction] = Msat(1'000'000);
    CHECK(find_route(net.network, request, beliefs)->back().channel == other);
    beliefs.too_much[direction] = Msat(1'000'001);
    CHECK(find_route(net.network, request, beliefs)->back().channel == cheap);
    beliefs.excluded[direction] = true;
    CHECK(find_route(net.network, request, beliefs)->back().channel == other);
}

TEST_CASE("an unannounced channel is used by its ends and by who has a route hint, and by nobody else") {
    TestNet net;
    net.line(3, 1'000'000'000);
    net.add();
    ChannelSpec hidden = net.spec(2, 3, 1'000'000'000);
    hidden.is_public = false;
    const ChannelIndex channel = net.open(hidden);
    RouteRequest request{0, 3, Msat(1'000'000), 10, {}};
    CHECK_FALSE(find_route(net.network, request, {}));
    request.hints.push_back({channel, 2, hidden.policy});
    CHECK(find_route(net.network, request, {}));
    CHECK(find_route(net.network, {2, 3, Msat(1'000'000), 10, {}}, {}));
}

TEST_CASE("a payment over three hops arrives and pays every node on the way") {
    TestNet net;
    net.line(4, 1'000'000'000);
    net.nodes[3]->expect(test::preimage("a"), Msat(50'000'000));
    const auto outcome = net.pay(0, net.goal(3, 50'000'000, "a"));
    net.scheduler.run_all();
    REQUIRE(outcome->ended);
    CHECK(outcome->end.paid);
    CHECK(outcome->sent == Msat(50'001'002));
    CHECK(net.balance(2, 3) == 50'000'000);
    CHECK(net.balance(0, 1) + net.balance(1, 1) == 1'000'000'501);
    CHECK(net.network.balanced());
}

TEST_CASE("a payment that no single path carries is split, and the parts settle together") {
    TestNet net;
    for (int i = 0; i < 4; ++i) net.add();
    for (const NodeIndex middle : {1U, 2U}) {
        net.open(net.spec(0, middle, 600'000'000));
        net.open(net.spec(middle, 3, 600'000'000));
    }
    net.nodes[3]->expect(test::preimage("b"), Msat(1'000'000'000));
    const auto outcome = net.pay(0, net.goal(3, 1'000'000'000, "b"));
    net.scheduler.run_all();
    REQUIRE(outcome->ended);
    CHECK(outcome->end.paid);
    CHECK(outcome->succeeded >= 2);
    CHECK(net.balance(1, 3) + net.balance(3, 3) == 1'000'000'000);
}

TEST_CASE("parts can be forced, and more of them than are allowed are refused") {
    TestNet net;
    net.line(3, 1'000'000'000);
    net.nodes[2]->expect(test::preimage("c"), Msat(1'000'001));
    PayGoal goal = net.goal(2, 1'000'001, "c");
    goal.force_parts = 3;
    const auto outcome = net.pay(0, goal);
    net.scheduler.run_all();
    CHECK(outcome->end.paid);
    CHECK(outcome->succeeded == 3);
    CHECK(net.balance(1, 2) == 1'000'001);
}

TEST_CASE("a part that arrives alone comes back after 70 seconds, and the payment fails") {
    TestNet net;
    net.line(3, 1'000'000'000);
    net.nodes[2]->expect(test::preimage("d"), Msat(1'000'000));
    // The second part gets stuck: its node sees it and the first never completes the set.
    PayGoal goal = net.goal(2, 1'000'000, "d");
    Payer payer(goal, 0);
    const PayStep step = payer.start(net.network);
    REQUIRE(step.send.size() == 1);
    Route half = step.send[0].route;
    const OnionPtr onion = make_onion(net.network, half, Msat(2'000'000), PaymentSecret(), std::nullopt, 100);
    static_cast<void>(
        net.network.offer(half[0].channel, 0, {half[0].amount, 100 + half[0].cltv, goal.payment_hash, onion, 0, 99}));
    net.scheduler.run_until(Time(70s));
    CHECK(net.balance(0, 0) < 1'000'000'000);
    net.scheduler.run_until(Time(71s));
    CHECK(net.balance(0, 0) == 1'000'000'000);
}

TEST_CASE("a channel that failed the amount is not tried again with it, and a smaller part may use it") {
    TestNet net;
    for (int i = 0; i < 4; ++i) net.add();
    net.open(net.spec(0, 1, 1'000'000'000));
    // Announces a billion and holds only a third of it.
    net.open(net.spec(1, 3, 1'000'000'000, 650'000'000));
    net.open(net.spec(0, 2, 1'000'000'000));
    net.open(net.spec(2, 3, 1'000'000'000, 650'000'000));
    net.nodes[3]->expect(test::preimage("e"), Msat(600'000'000));
    const auto outcome = net.pay(0, net.goal(3, 600'000'000, "e"));
    net.scheduler.run_all();
    REQUIRE(outcome->ended);
    CHECK(outcome->end.paid);
    CHECK(outcome->failed >= 1);
    CHECK(outcome->succeeded >= 2);
    CHECK(net.network.balanced());
}

struct EndCase {
    const char* what;
    std::uint64_t amount;
    std::uint64_t max_fee;
    bool expected;
    bool connected;
    int code;
};

TEST_CASE("a payment that cannot be made ends with lightningd's code and a reason") {
    const EndCase cases[] = {
        {"more than we have", 2'000'000'000, 2'000'000'000, true, true, 205},
        {"no path", 1'000'000, 1'000'000, true, false, 205},
        {"fees over the budget", 100'000'000, 1000, true, true, 206},
        {"the destination does not know it", 1'000'000, 1'000'000, false, true, 203},
    };
    for (const EndCase& tested : cases) {
        INFO(tested.what);
        TestNet net;
        net.line(3, 1'000'000'000);
        if (!tested.connected) net.network.close(1);
        if (tested.expected) net.nodes[2]->expect(test::preimage("f"), Msat(tested.amount));
        PayGoal goal = net.goal(2, tested.amount, "f");
        goal.max_fee = Msat(tested.max_fee);
        const auto outcome = net.pay(0, goal);
        net.scheduler.run_all();
        REQUIRE(outcome->ended);
        CHECK_FALSE(outcome->end.paid);
        CHECK(outcome->end.code == tested.code);
        CHECK_FALSE(outcome->end.message.empty());
        CHECK(net.balance(0, 0) == 1'000'000'000);
    }
}

TEST_CASE("a fee raised since the route was planned is learnt from the failure and paid on the next attempt") {
    TestNet net;
    net.line(3, 1'000'000'000);
    net.nodes[2]->expect(test::preimage("g"), Msat(1'000'000));
    Payer payer(net.goal(2, 1'000'000, "g"), 0);
    PayStep step = payer.start(net.network);
    REQUIRE(step.send.size() == 1);
    CHECK(fee_of(step.send[0].route) == Msat(11));
    Channel& channel = net.network.channel(1);
    channel.sides[static_cast<std::size_t>(channel.side_of(1))].policy.fee_ppm = 1000;
    step = payer.on_failure(net.network, 1, {plain_failure(failcode::fee_insufficient), 1, false});
    REQUIRE(step.send.size() == 1);
    CHECK(fee_of(step.send[0].route) == Msat(1001));
    // Told the same again, the payer leaves the channel alone.
    step = payer.on_failure(net.network, 2, {plain_failure(failcode::fee_insufficient), 1, false});
    REQUIRE(step.end);
    CHECK(step.end->code == 209);
}

TEST_CASE("after it was told to stop retrying a payment ends with the next failure") {
    TestNet net;
    net.line(3, 1'000'000'000);
    Payer payer(net.goal(2, 1'000'000, "h"), 0);
    REQUIRE(payer.start(net.network).send.size() == 1);
    payer.stop_retrying("Timed out.");
    const PayStep step = payer.on_failure(net.network, 1, {plain_failure(failcode::temporary_node_failure), 1, false});
    REQUIRE(step.end);
    CHECK(step.end->code == 209);
    CHECK(step.end->message.find("Timed out.") == 0);
}

}  // namespace
}  // namespace millrace::sim
