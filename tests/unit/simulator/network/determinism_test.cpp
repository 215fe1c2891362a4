// The same seed gives the same run, event by event; and however payments run into each other, no millisatoshi is made
// or lost.
#include "contrib/simulator/engine/random.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/simulator/network/fixture.hpp"

namespace millrace::sim {
namespace {

using test::TestNet;

struct RunResult {
    std::uint64_t hash = 0;
    std::uint64_t events = 0;
    std::uint64_t paid = 0;
    std::uint64_t failed = 0;
    bool balanced = true;
};

RunResult run(std::uint64_t seed, std::size_t payments) {
    constexpr std::uint64_t node_count = 12;
    TestNet net(seed);
    for (std::uint64_t i = 0; i < node_count; ++i) net.add();
    RandomStream shape(seed, 0, "topology");
    for (std::uint64_t i = 0; i < node_count * 2; ++i) {
        const auto from = static_cast<NodeIndex>(i < node_count ? i : shape.below(node_count));
        const auto to = static_cast<NodeIndex>(i < node_count ? (i + 1) % node_count : shape.below(node_count));
        if (from == to) continue;
        ChannelSpec spec = net.spec(from, to, 100'000'000, 50'000'000);
        spec.latency.sigma = 0.5;
        net.open(spec);
    }
    RunResult out;
    RandomStream traffic(seed, 1, "traffic");
    for (std::size_t i = 0; i < payments; ++i) {
        const auto from = static_cast<NodeIndex>(traffic.below(node_count));
        const auto to = static_cast<NodeIndex>((from + 1 + traffic.below(node_count - 1)) % node_count);
        const std::uint64_t amount = 1000 + traffic.below(20'000'000);
        const std::string name = "payment " + std::to_string(i);
        net.nodes[to]->expect(test::preimage(name), Msat(amount));
        net.nodes[from]->pay(net.goal(to, amount, name),
                             [&out](const PayEnd& end, const Payer&) { ++(end.paid ? out.paid : out.failed); });
        net.scheduler.run_until(net.scheduler.now() + Duration(static_cast<Duration::rep>(traffic.exponential(5e6))));
        if (i % 50 == 0) out.balanced = out.balanced && net.network.balanced();
    }
    net.scheduler.run_all();
    out.hash = net.network.log().hash();
    out.events = net.network.log().count();
    out.balanced = out.balanced && net.network.balanced();
    return out;
}

TEST_CASE("the same seed gives the same event log, another seed another one") {
    const RunResult first = run(42, 500);
    const RunResult second = run(42, 500);
    const RunResult other = run(43, 500);
    CHECK(first.events > 2000);
    CHECK(first.hash == second.hash);
    CHECK(first.events == second.events);
    CHECK(first.hash != other.hash);
}

TEST_CASE("every payment of a busy network ends, and every channel adds up all the time") {
    const RunResult result = run(7, 1000);
    CHECK(result.paid + result.failed == 1000);
    CHECK(result.paid > 300);
    CHECK(result.failed > 0);
    CHECK(result.balanced);
}

}  // namespace
}  // namespace millrace::sim
