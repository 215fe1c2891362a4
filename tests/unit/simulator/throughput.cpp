// How many HTLC hops a second the payment network carries, without plugins and sockets. Prints figures, asserts
// nothing.
#include <chrono>
#include <cstdio>

#include "contrib/simulator/engine/random.hpp"
#include "tests/unit/simulator/network/fixture.hpp"

namespace {

using namespace millrace::sim;

constexpr std::size_t routes = 64;
constexpr std::uint64_t payments = 100'000;
constexpr std::size_t hops = 4;

struct Line : test::TestNet {
    Line() {
        for (std::size_t i = 0; i <= hops; ++i) add();
        for (std::size_t i = 0; i < hops; ++i) {
            for (std::size_t parallel = 0; parallel < routes; ++parallel) {
                ChannelSpec wide =
                    spec(static_cast<NodeIndex>(i), static_cast<NodeIndex>(i + 1), 1'000'000'000'000'000);
                wide.latency.sigma = 0.3;
                open(wide);
            }
        }
    }
};

}  // namespace

int main() {
    Line net;
    std::vector<Route> known(routes);
    for (std::size_t i = 0; i < routes; ++i) {
        for (std::size_t hop = 0; hop < hops; ++hop) {
            // Channels were opened hop by hop; enough fee for every hop behind.
            known[i].push_back({static_cast<ChannelIndex>(hop * routes + i), static_cast<NodeIndex>(hop + 1),
                                millrace::Msat(1'000'000 + 1000 * (hops - hop - 1)),
                                static_cast<std::uint32_t>(20 + 6 * (hops - hop - 1))});
        }
    }
    RandomStream random(1, 0, "throughput");
    const auto start = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < payments; ++i) {
        millrace::crypto::Digest digest{};
        random.fill(digest);
        const millrace::Preimage preimage{digest};
        const millrace::PaymentHash hash = millrace::crypto::payment_hash(preimage);
        net.nodes[hops]->expect(preimage, millrace::Msat(1'000'000));
        const Route& route = known[i % routes];
        const OnionPtr onion =
            make_onion(net.network, route, millrace::Msat(1'000'000), std::nullopt, std::nullopt, net.network.height());
        static_cast<void>(net.network.offer(
            route[0].channel, 0, {route[0].amount, route[0].cltv + net.network.height(), hash, onion, 0, UINT64_MAX}));
        net.scheduler.run_until(net.scheduler.now() + std::chrono::microseconds(100));
    }
    net.scheduler.run_all();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const std::uint64_t carried = net.network.htlcs_offered();
    std::printf("simulator core: %.0f HTLC hops/s (%llu hops, %llu events, %.2f s), balanced: %s\n",
                static_cast<double>(carried) / seconds, static_cast<unsigned long long>(carried),
                static_cast<unsigned long long>(net.scheduler.executed()), seconds,
                net.network.balanced() ? "yes" : "NO");
    return net.network.balanced() && carried == payments * hops ? 0 : 1;
}
