#include "contrib/simulator/network/network.hpp"

#include "contrib/simulator/network/forwarding.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/simulator/network/fixture.hpp"

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;
using test::TestNet;

// A receiver that decides nothing by itself.
struct Passive final : NodeBehaviour {
    void on_htlc_locked_in(HtlcRef htlc) override { arrived.push_back(htlc); }
    void on_htlc_resolved(const Htlc& htlc) override { resolved.push_back(htlc); }
    void on_htlc_removed(const Htlc& htlc) override { removed.push_back(htlc.id); }
    void on_channel_closed(ChannelIndex channel) override { closed.push_back(channel); }
    std::vector<HtlcRef> arrived;
    std::vector<Htlc> resolved;
    std::vector<std::uint64_t> removed;
    std::vector<ChannelIndex> closed;
};

struct Pair : TestNet {
    Pair() {
        line(2, 1'000'000);
        network.set_behaviour(0, &left);
        network.set_behaviour(1, &right);
    }
    Offer offer(std::uint64_t amount) const {
        auto onion = std::make_shared<Onion>();
        onion->hops.resize(1);
        return {Msat(amount), 200, crypto::payment_hash(test::preimage("p")), onion, 0, 7};
    }
    Passive left;
    Passive right;
};

TEST_CASE(
    "an offered HTLC leaves the offerer's balance at once and enters the receiver's when it is fulfilled and removed") {
    Pair net;
    REQUIRE(std::holds_alternative<HtlcRef>(net.network.offer(0, 0, net.offer(100'000))));
    CHECK(net.balance(0, 0) == 900'000);
    CHECK(net.balance(0, 1) == 0);
    CHECK(net.right.arrived.empty());
    net.scheduler.run_until(Time(10ms));
    REQUIRE(net.right.arrived.size() == 1);
    net.network.fulfil(net.right.arrived[0], test::preimage("p"));
    CHECK(net.balance(0, 1) == 0);
    CHECK(net.network.balanced());
    net.scheduler.run_until(Time(20ms));
    CHECK(net.balance(0, 0) == 900'000);
    CHECK(net.balance(0, 1) == 100'000);
    REQUIRE(net.left.resolved.size() == 1);
    CHECK(net.left.resolved[0].fulfilled);
    CHECK(net.left.resolved[0].tag == 7);
    CHECK(net.right.removed.size() == 1);
    CHECK(net.network.find(net.right.arrived[0]) == nullptr);
    CHECK(net.network.balanced());
}

TEST_CASE("a failed HTLC gives its offerer everything back, and tells it why") {
    Pair net;
    static_cast<void>(net.network.offer(0, 0, net.offer(100'000)));
    net.scheduler.run_all();
    net.network.fail(net.right.arrived[0], {unknown_details(Msat(100'000), 100), 1, false});
    net.scheduler.run_all();
    CHECK(net.balance(0, 0) == 1'000'000);
    REQUIRE(net.left.resolved.size() == 1);
    CHECK_FALSE(net.left.resolved[0].fulfilled);
    CHECK(net.left.resolved[0].failure.code() == failcode::incorrect_or_unknown_payment_details);
}

TEST_CASE("a second answer to an HTLC changes nothing") {
    Pair net;
    static_cast<void>(net.network.offer(0, 0, net.offer(100'000)));
    net.scheduler.run_all();
    net.network.fulfil(net.right.arrived[0], test::preimage("p"));
    net.network.fail(net.right.arrived[0], {plain_failure(failcode::mpp_timeout), 1, false});
    net.scheduler.run_all();
    net.network.fulfil(net.right.arrived[0], test::preimage("p"));
    net.scheduler.run_all();
    CHECK(net.left.resolved.size() == 1);
    CHECK(net.left.resolved[0].fulfilled);
    CHECK(net.network.balanced());
}

TEST_CASE("a channel refuses what its reserve, its slots and its peer do not allow") {
    Pair net;
    Channel& channel = net.network.channel(0);
    const auto side = static_cast<std::size_t>(channel.side_of(0));
    channel.sides[1 - side].max_accepted_htlcs = 2;
    const auto refusal = [&](std::uint64_t amount) {
        return std::get<OfferRefusal>(net.network.offer(0, 0, net.offer(amount)));
    };
    CHECK(std::holds_alternative<HtlcRef>(net.network.offer(0, 0, net.offer(500'000))));
    CHECK(refusal(490'001) == OfferRefusal::capacity);  // 1 % of 1,000,000 stays
    CHECK(std::holds_alternative<HtlcRef>(net.network.offer(0, 0, net.offer(1000))));
    CHECK(refusal(1000) == OfferRefusal::too_many_htlcs);
    CHECK(std::get<OfferRefusal>(net.network.offer(0, 1, net.offer(1000))) == OfferRefusal::capacity);
    net.network.set_up(1, false);
    CHECK(refusal(1000) == OfferRefusal::peer_offline);
    CHECK(net.network.balanced());
}

TEST_CASE("the opener's commitment fee is not spendable") {
    TestNet net;
    net.add();
    net.add();
    ChannelSpec spec = net.spec(0, 1, 1'000'000, 500'000);
    spec.commit_fee = Msat(100'000);
    const Channel& channel = net.network.channel(net.open(spec));
    CHECK(channel.spendable(channel.side_of(0)) == Msat(390'000));
    CHECK(channel.spendable(channel.side_of(1)) == Msat(490'000));
}

TEST_CASE("messages wait while an end is down and arrive in order when it is up again") {
    Pair net;
    static_cast<void>(net.network.offer(0, 0, net.offer(1000)));
    static_cast<void>(net.network.offer(0, 0, net.offer(2000)));
    net.network.set_up(1, false);
    net.scheduler.run_all();
    CHECK(net.right.arrived.empty());
    net.network.set_up(1, true);
    net.scheduler.run_all();
    REQUIRE(net.right.arrived.size() == 2);
    CHECK(net.network.find(net.right.arrived[0])->amount == Msat(1000));
    // An HTLC that was not decided is still there after another restart.
    net.network.set_up(1, false);
    CHECK(net.network.undecided(1) == net.right.arrived);
    net.network.fulfil(net.right.arrived[1], test::preimage("p"));
    CHECK(net.network.undecided(1) == std::vector<HtlcRef>{net.right.arrived[0]});
    net.scheduler.run_all();
    CHECK(net.left.resolved.empty());
    net.network.set_up(1, true);
    net.scheduler.run_all();
    CHECK(net.left.resolved.size() == 1);
}

TEST_CASE("with random latencies messages of one side never overtake each other") {
    TestNet net;
    net.add();
    net.add();
    ChannelSpec spec = net.spec(0, 1, 1'000'000'000);
    spec.latency.sigma = 1.5;
    net.open(spec);
    Passive left;
    Passive right;
    net.network.set_behaviour(0, &left);
    net.network.set_behaviour(1, &right);
    auto onion = std::make_shared<Onion>();
    onion->hops.resize(1);
    for (int i = 0; i < 50; ++i) {
        static_cast<void>(net.network.offer(0, 0, {Msat(1000), 200, PaymentHash(), onion, 0, 0}));
        net.scheduler.run_until(net.scheduler.now() + 1ms);
    }
    net.scheduler.run_all();
    REQUIRE(right.arrived.size() == 50);
    for (std::size_t i = 0; i < 50; ++i) CHECK(net.network.find(right.arrived[i])->id == i);
}

TEST_CASE("an HTLC past its expiry takes its channel on chain and comes back as a permanent failure") {
    Pair net;
    static_cast<void>(net.network.offer(0, 0, net.offer(1000)));
    net.scheduler.run_all();
    net.network.mine(100);  // height 200: the expiry, and lightningd waits a block
    net.scheduler.run_all();
    CHECK(net.left.resolved.empty());
    net.network.mine(1);
    net.scheduler.run_all();
    REQUIRE(net.left.resolved.size() == 1);
    CHECK(net.left.resolved[0].failure.code() == failcode::permanent_channel_failure);
    CHECK(net.left.closed == std::vector<ChannelIndex>{0});
    CHECK(std::get<OfferRefusal>(net.network.offer(0, 0, net.offer(1000))) == OfferRefusal::closed);
    CHECK(net.network.balanced());
}

TEST_CASE("a gate may keep a message until it is delivered by hand") {
    Pair net;
    std::vector<std::pair<Network::Message, HtlcRef>> kept;
    net.network.set_gate([&](Network::Message kind, const Htlc& htlc) {
        kept.emplace_back(kind, htlc.self);
        return kind == Network::add;
    });
    static_cast<void>(net.network.offer(0, 0, net.offer(1000)));
    net.scheduler.run_all();
    CHECK(net.right.arrived.empty());
    REQUIRE(kept.size() == 1);
    net.network.deliver(kept[0].first, kept[0].second);
    CHECK(net.right.arrived.size() == 1);
}

TEST_CASE("fees round down as BOLT 7 reckons them and do not overflow") {
    ChannelPolicy policy;
    policy.fee_base_msat = 1;
    policy.fee_ppm = 10;
    CHECK(policy.fee(Msat(50'000'000)) == Msat(501));
    CHECK(policy.fee(Msat(99'999)) == Msat(1));
    policy.fee_ppm = UINT32_MAX;
    CHECK(policy.fee(Msat(Msat::max_value)).value() > Msat::max_value);
}

struct ForwardCase {
    const char* what;
    std::uint64_t in_amount;
    std::uint64_t out_amount;
    std::uint32_t in_cltv;
    std::uint32_t out_cltv;
    std::optional<ShortChannelId> next;
    std::uint16_t code;  // 0: goes on
};

TEST_CASE("a node forwards what pays its fee and leaves its cltv delta, and says what is wrong with the rest") {
    const ShortChannelId second(103, 2, 0);
    const ForwardCase cases[] = {
        {"fits exactly", 101'002, 100'001, 146, 140, second, 0},
        {"one msat short of the fee", 101'001, 100'001, 146, 140, second, failcode::fee_insufficient},
        {"less comes in than goes out", 100'000, 100'001, 146, 140, second, failcode::fee_insufficient},
        {"one block short of the delta", 101'002, 100'001, 145, 140, second, failcode::incorrect_cltv_expiry},
        {"expires with the next block", 101'002, 100'001, 146, 101, second, failcode::expiry_too_soon},
        {"locked for more than two weeks", 101'002, 100'001, 100 + 2017, 140, second, failcode::expiry_too_far},
        {"no such channel", 101'002, 100'001, 146, 140, ShortChannelId(1, 1, 1), failcode::unknown_next_peer},
        {"somebody else's channel", 101'002, 100'001, 146, 140, ShortChannelId(103, 3, 0), failcode::unknown_next_peer},
        {"below the next channel's minimum", 1'100, 99, 146, 140, second, failcode::temporary_channel_failure},
        {"more than the next channel holds", 2'000'000, 995'000, 146, 140, second, failcode::temporary_channel_failure},
    };
    for (const ForwardCase& tested : cases) {
        INFO(tested.what);
        TestNet net;
        net.line(4, 1'000'000);
        net.network.channel(0).sides[0].balance = net.network.channel(0).sides[1].balance = Msat(5'000'000);
        for (ChannelSide& side : net.network.channel(0).sides) side.policy.htlc_maximum = Msat(5'000'000);
        Channel& next = net.network.channel(1);
        ChannelPolicy& policy = next.sides[static_cast<std::size_t>(next.side_of(1))].policy;
        policy.fee_base_msat = 1000;
        policy.fee_ppm = 10;
        policy.htlc_minimum = Msat(100);
        Passive middle;
        net.network.set_behaviour(1, &middle);
        auto onion = std::make_shared<Onion>();
        onion->hops.resize(2);
        const auto offered =
            net.network.offer(0, 0, {Msat(tested.in_amount), tested.in_cltv, PaymentHash(), onion, 0, 0});
        REQUIRE(std::holds_alternative<HtlcRef>(offered));
        net.scheduler.run_all();
        REQUIRE(middle.arrived.size() == 1);
        HopPayload payload;
        payload.forward = Msat(tested.out_amount);
        payload.outgoing_cltv = tested.out_cltv;
        payload.next = tested.next;
        const auto done = forward_htlc(net.network, middle.arrived[0], payload);
        if (tested.code == 0) {
            REQUIRE(std::holds_alternative<Forwarded>(done));
            CHECK(net.network.find(std::get<Forwarded>(done).outgoing)->upstream == middle.arrived[0]);
            CHECK(net.network.find(middle.arrived[0])->state == HtlcState::forwarded);
        } else {
            REQUIRE(std::holds_alternative<NotForwarded>(done));
            CHECK(Failure{std::get<NotForwarded>(done).failure, 0, false}.code() == tested.code);
            CHECK(net.network.undecided(1).size() == 1);
        }
    }
}

}  // namespace
}  // namespace millrace::sim
