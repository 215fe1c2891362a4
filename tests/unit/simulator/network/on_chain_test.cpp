#include "contrib/simulator/network/forwarding.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/simulator/network/fixture.hpp"

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;
using test::TestNet;

// The receiver at the end of a line: it decides when it is told to.
struct Holder final : NodeBehaviour {
    void on_htlc_locked_in(HtlcRef htlc) override { arrived.push_back(htlc); }
    void on_htlc_resolved(const Htlc&) override {}
    std::vector<HtlcRef> arrived;
};

// a - b - c, where a pays 100,000 msat to c by way of b, and c holds the HTLC.
struct Line : TestNet {
    explicit Line(std::size_t nodes_in_line = 3) {
        line(nodes_in_line, 1'000'000);
        last = static_cast<NodeIndex>(nodes_in_line - 1);
        network.set_behaviour(last, &holder);
        outcome = pay(0, goal(last, 100'000, "held"));
        scheduler.run_all();
        before = wealth();
    }
    // What each node would have if every HTLC went back.
    std::vector<std::uint64_t> wealth() const {
        std::vector<std::uint64_t> out(network.nodes().size());
        for (const Channel& channel : network.channels()) {
            for (const ChannelSide& side : channel.sides)
                out[side.node] += (side.balance.value() + side.in_flight_amount.value());
        }
        return out;
    }
    void fulfil() { network.fulfil(holder.arrived.at(0), test::preimage("held")); }
    void fail() { network.fail(holder.arrived.at(0), {plain_failure(failcode::mpp_timeout), last, false}); }

    Holder holder;
    NodeIndex last = 0;
    std::shared_ptr<Outcome> outcome;
    std::vector<std::uint64_t> before;
};

TEST_CASE("S1: a forwarder whose incoming channel is closed claims its HTLC with the preimage") {
    Line net;
    net.network.close(0);
    net.scheduler.run_all();
    CHECK_FALSE(net.outcome->ended);  // neither refunded nor paid while the preimage may still come
    net.fulfil();
    net.scheduler.run_all();
    CHECK(net.outcome->end.paid);
    CHECK(net.wealth()[1] > net.before[1]);  // its fee
    CHECK(net.wealth()[2] == net.before[2] + 100'000);
    CHECK(net.network.balanced());
    CHECK(net.network.losses().empty());
}

TEST_CASE(
    "S1: an HTLC on chain that its receiver failed goes back when it expires, one that was never locked in at once") {
    Line net;
    net.network.close(0);
    net.fail();
    net.scheduler.run_all();
    CHECK_FALSE(net.outcome->ended);
    net.network.mine(300);
    net.scheduler.run_all();
    CHECK(net.outcome->ended);
    CHECK_FALSE(net.outcome->end.paid);
    CHECK(net.wealth() == net.before);

    auto again = net.pay(1, net.goal(2, 5000, "young"));  // under way for 10 ms
    net.network.close(1);
    net.scheduler.run_all();
    CHECK(again->ended);
    CHECK(net.wealth() == net.before);
    CHECK(net.network.balanced());
}

TEST_CASE("S1: whoever was down when its channel closed claims when it is back in time") {
    Line net(4);
    net.network.set_up(1, false);
    net.network.close(0);
    net.fulfil();
    net.scheduler.run_all();
    CHECK_FALSE(net.outcome->ended);
    net.network.set_up(1, true);
    net.scheduler.run_all();
    CHECK(net.outcome->end.paid);
    CHECK(net.network.losses().empty());
    CHECK(net.network.balanced());
}

TEST_CASE("S2: the channel of an HTLC that its receiver could not settle in time is the one that times out") {
    Line net;
    net.fulfil();
    net.network.set_up(2, false);  // before anybody hears of it
    net.scheduler.run_all();
    net.network.mine(60);
    net.scheduler.run_all();
    CHECK(net.network.channel(1).closed);
    CHECK_FALSE(net.network.channel(0).closed);
    CHECK(net.outcome->ended);
    CHECK_FALSE(net.outcome->end.paid);
    CHECK(net.wealth() == net.before);
    net.network.set_up(2, true);
    net.scheduler.run_all();
    CHECK(net.wealth() == net.before);  // too late
    CHECK(net.network.balanced());
}

TEST_CASE("S2: a receiver whose peer is down claims on chain before the expiry") {
    Line net;
    net.network.set_up(1, false);
    net.fulfil();
    net.scheduler.run_all();
    const std::uint32_t expiry = net.network.find(net.holder.arrived[0])->cltv_expiry;
    net.network.mine(expiry - 4 - net.network.height());
    CHECK_FALSE(net.network.channel(1).closed);
    net.network.mine(1);
    CHECK(net.network.channel(1).closed);
    net.network.mine(2);
    net.network.set_up(1, true);  // and reads the preimage in the chain, in time for its own HTLC
    net.scheduler.run_all();
    CHECK(net.outcome->end.paid);
    CHECK(net.network.balanced());
}

TEST_CASE("S2: who stays down until both HTLCs have expired has lost one, and that is told apart from a fault") {
    Line net;
    net.network.set_up(1, false);
    net.fulfil();
    net.scheduler.run_all();
    net.network.mine(300);
    net.scheduler.run_all();
    CHECK_FALSE(net.outcome->end.paid);
    net.network.set_up(1, true);
    net.scheduler.run_all();
    REQUIRE(net.network.losses().size() == 1);
    CHECK(net.network.losses()[0].node == 1);
    CHECK_FALSE(net.network.losses()[0].was_up);
    CHECK(net.network.balanced());
}

// Whatever closes and whoever is away for a while: no node that is up loses the amount of an HTLC.
TEST_CASE("S1: under random closes, outages and blocks no node that is up loses an HTLC's amount") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        INFO("seed " << seed);
        TestNet net(seed);
        RandomStream random(seed, 0, "on chain");
        const auto below = [&random](std::uint64_t bound) { return random.next() % bound; };
        net.line(6, 100'000'000);
        for (NodeIndex i = 0; i + 2 < 6; ++i) net.open(net.spec(i, i + 2, 50'000'000, 25'000'000));
        for (int step = 0; step < 120; ++step) {
            const auto name = std::to_string(step);
            const auto to = static_cast<NodeIndex>(2 + below(4));
            const std::uint64_t amount = 1000 + below(2'000'000);
            net.nodes[to]->expect(test::preimage(name), Msat(amount));
            if (net.network.nodes()[0].up) net.pay(0, net.goal(to, amount, name));
            net.scheduler.run_until(net.scheduler.now() + std::chrono::milliseconds(below(60)));
            if (below(6) == 0) {
                const auto node = static_cast<NodeIndex>(1 + below(5));
                net.network.set_up(node, !net.network.nodes()[node].up);
            }
            if (below(25) == 0) net.network.close(static_cast<ChannelIndex>(below(net.network.channels().size())));
            if (below(5) == 0) net.network.mine(static_cast<std::uint32_t>(1 + below(30)));
            REQUIRE(net.network.balanced());
        }
        for (NodeIndex node = 0; node < 6; ++node) net.network.set_up(node, true);
        net.scheduler.run_all();
        net.network.mine(3000);
        net.scheduler.run_all();
        REQUIRE(net.network.balanced());
        for (ChannelIndex channel = 0; channel < net.network.channels().size(); ++channel)
            REQUIRE(net.network.htlcs_in(channel).empty());
    }
}

TEST_CASE("S5: a node's own payments heed no minimum and maximum of its own channel; forwards do") {
    Line net;
    for (ChannelSide& side : net.network.channel(0).sides) {
        side.policy.htlc_minimum = Msat(10'000);
        side.policy.htlc_maximum = Msat(50'000);
    }
    auto onion = std::make_shared<Onion>();
    onion->hops.resize(1);
    for (const std::uint64_t amount : {9'999U, 50'001U})
        CHECK(
            std::holds_alternative<HtlcRef>(net.network.offer(0, 0, {Msat(amount), 200, PaymentHash(), onion, 0, 0})));
}

// What b does with an HTLC from a that asks for `named`.
struct Fork : TestNet {
    Fork() {
        line(3, 1'000'000);  // channels 0: a - b, 1: b - c
        twin = open(spec(1, 2, 1'000'000, 0));
        network.set_behaviour(1, &middle);
    }
    std::variant<Forwarded, NotForwarded> forward(ChannelIndex named, std::uint64_t amount, std::uint64_t fee,
                                                  std::optional<ChannelIndex> strict = {}) {
        auto onion = std::make_shared<Onion>();
        onion->hops.resize(2);
        middle.arrived.clear();
        static_cast<void>(network.offer(0, 0, {Msat(amount + fee), 146, PaymentHash(), onion, 0, 0}));
        scheduler.run_all();
        HopPayload payload;
        payload.forward = Msat(amount);
        payload.outgoing_cltv = 140;
        payload.next = network.channel(named).scid;
        return forward_htlc(network, middle.arrived.at(0), payload, strict);
    }
    ChannelSide& out(ChannelIndex channel) {
        Channel& record = network.channel(channel);
        return record.sides[static_cast<std::size_t>(record.side_of(1))];
    }
    void drain(ChannelIndex channel) {
        Channel& record = network.channel(channel);
        const auto side = static_cast<std::size_t>(record.side_of(1));
        record.sides[1 - side].balance = record.capacity;
        record.sides[side].balance = Msat();
    }
    Holder middle;
    ChannelIndex twin = 0;
};

TEST_CASE("S6: of equal channels to a peer the one with the most to spend is taken, whichever is named") {
    Fork net;
    net.drain(1);
    const auto done = net.forward(1, 100'000, 2);
    REQUIRE(std::holds_alternative<Forwarded>(done));
    CHECK(std::get<Forwarded>(done).channel == net.twin);
}

TEST_CASE(
    "S6: a channel with other fees, one that is closed, and any other where a hook names one, are not taken instead") {
    SECTION("other fees") {
        Fork net;
        net.drain(1);
        net.out(net.twin).policy.fee_ppm += 1;
        CHECK(std::holds_alternative<NotForwarded>(net.forward(1, 100'000, 10)));
    }
    SECTION("closed") {
        Fork net;
        net.drain(1);
        net.network.close(net.twin);
        CHECK(std::holds_alternative<NotForwarded>(net.forward(1, 100'000, 2)));
    }
    SECTION("named by a hook") {
        Fork net;
        net.drain(1);
        CHECK(std::holds_alternative<NotForwarded>(net.forward(1, 100'000, 2, ChannelIndex{1})));
    }
}

TEST_CASE("S4: within enforcedelay an HTLC passes by the policy of before, and no longer") {
    Fork net;
    net.drain(net.twin);
    ChannelSide& side = net.out(1);
    side.earlier = EarlierPolicy{side.policy, net.scheduler.now() + 600s};
    side.policy.fee_base_msat = 1000;
    side.policy.htlc_maximum = Msat(50'000);
    CHECK(std::holds_alternative<Forwarded>(net.forward(1, 100'000, 2)));
    CHECK(std::holds_alternative<NotForwarded>(net.forward(1, 100'000, 1)));
    net.scheduler.run_until(net.scheduler.now() + 600s);
    const auto late = net.forward(1, 40'000, 2);
    REQUIRE(std::holds_alternative<NotForwarded>(late));
    CHECK(Failure{std::get<NotForwarded>(late).failure, 0, false}.code() == failcode::fee_insufficient);
    const auto large = net.forward(1, 50'001, 2000);
    REQUIRE(std::holds_alternative<NotForwarded>(large));
    CHECK(Failure{std::get<NotForwarded>(large).failure, 0, false}.code() == failcode::temporary_channel_failure);
    CHECK(std::holds_alternative<Forwarded>(net.forward(1, 50'000, 2000)));
}

TEST_CASE("S11: what a side may have under way is bounded, each side by itself") {
    TestNet net;
    net.add();
    net.add();
    ChannelSpec spec = net.spec(0, 1, 1'000'000, 500'000);
    spec.max_in_flight = Msat(100'000);
    spec.reverse_max_accepted_htlcs = 1;
    net.open(spec);
    Holder left;
    Holder right;
    net.network.set_behaviour(0, &left);
    net.network.set_behaviour(1, &right);
    auto onion = std::make_shared<Onion>();
    onion->hops.resize(1);
    const auto offer = [&](NodeIndex from, std::uint64_t amount) {
        return net.network.offer(0, from, {Msat(amount), 200, PaymentHash(), onion, 0, 0});
    };
    CHECK(std::get<OfferRefusal>(offer(0, 100'001)) == OfferRefusal::capacity);
    CHECK(std::holds_alternative<HtlcRef>(offer(0, 60'000)));
    CHECK(std::get<OfferRefusal>(offer(0, 40'001)) == OfferRefusal::capacity);
    CHECK(std::holds_alternative<HtlcRef>(offer(0, 40'000)));
    CHECK(std::holds_alternative<HtlcRef>(offer(1, 200'000)));
    CHECK(std::get<OfferRefusal>(offer(1, 1)) == OfferRefusal::too_many_htlcs);
}

TEST_CASE("S12: a payment on a drained network ends after a bounded number of searches") {
    TestNet net;
    net.line(2, 10'000'000'000);
    // Many ways onward, each with next to nothing in it.
    net.add();
    for (int i = 0; i < 120; ++i) {
        ChannelSpec spec = net.spec(1, 2, 10'000'000'000, 0);
        spec.policy.fee_base_msat = static_cast<std::uint32_t>(i + 1);
        const ChannelIndex index = net.open(spec);
        Channel& channel = net.network.channel(index);
        const auto side = static_cast<std::size_t>(channel.side_of(1));
        channel.sides[1 - side].balance = Msat(channel.capacity.value() - 101'000'000);
        channel.sides[side].balance = Msat(101'000'000);
    }
    PayGoal goal = net.goal(2, 5'000'000'000, "much");
    goal.max_searches = 50;
    const auto outcome = net.pay(0, goal);
    net.scheduler.run_all();
    CHECK(outcome->ended);
    CHECK_FALSE(outcome->end.paid);
    CHECK(outcome->failed <= 50);
    CHECK(net.network.balanced());
}

}  // namespace
}  // namespace millrace::sim
