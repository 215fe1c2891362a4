#include "contrib/simulator/network/router.hpp"

#include <algorithm>
#include <queue>
#include <tuple>
#include <unordered_map>

namespace millrace::sim {
namespace {

// One more hop costs as much as this in fees, so that of two free paths the shorter one wins.
constexpr std::uint64_t hop_penalty_msat = 1;
// The price of having money locked for a block, as lightningd's riskfactor 10: 10 % a year over 52,560 blocks.
constexpr std::uint64_t blocks_per_year = 52'560;
constexpr std::uint64_t risk_divisor = 10 * blocks_per_year;

struct Reached {
    std::uint64_t cost = UINT64_MAX;
    Msat amount;  // arriving here
    std::uint32_t cltv = 0;
    std::uint32_t hops = 0;
    ChannelIndex channel = 0;  // towards the destination
    NodeIndex next = 0;
    bool done = false;
};

struct Search {
    const Network& network;
    const RouteRequest& request;
    const Beliefs& beliefs;
    std::unordered_map<NodeIndex, Reached> reached{};
    std::priority_queue<std::tuple<std::uint64_t, NodeIndex>, std::vector<std::tuple<std::uint64_t, NodeIndex>>,
                        std::greater<>>
        queue{};

    const HintedChannel* hint(ChannelIndex channel, NodeIndex from) const {
        for (const HintedChannel& hinted : request.hints) {
            if (hinted.channel == channel && hinted.from == from) return &hinted;
        }
        return nullptr;
    }

    // The policy that a sender would reckon with; null where it may not know or use the channel.
    const ChannelPolicy* policy(ChannelIndex index, NodeIndex from) const {
        const Channel& channel = network.channel(index);
        const int side = channel.side_of(from);
        const auto learnt = beliefs.policies.find({index, side});
        if (from == request.source || channel.is_public) {
            if (channel.closed) return nullptr;
            if (learnt != beliefs.policies.end()) return &learnt->second;
            return &channel.sides[static_cast<std::size_t>(side)].policy;
        }
        const HintedChannel* hinted = hint(index, from);
        if (hinted == nullptr) return nullptr;
        return learnt != beliefs.policies.end() ? &learnt->second : &hinted->policy;
    }

    bool carries(ChannelIndex index, NodeIndex from, Msat amount, const ChannelPolicy& announced) const {
        const Channel& channel = network.channel(index);
        const int side = channel.side_of(from);
        const Direction direction{index, side};
        if (beliefs.excluded.contains(direction)) return false;
        const auto taken = beliefs.in_flight.find(direction);
        const std::uint64_t already = taken == beliefs.in_flight.end() ? 0 : taken->second.value();
        if (const auto bound = beliefs.too_much.find(direction);
            bound != beliefs.too_much.end() && amount.value() + already >= bound->second.value()) {
            return false;
        }
        if (!announced.enabled || amount < announced.htlc_minimum || amount > announced.htlc_maximum) return false;
        if (from == request.source) {
            return channel.connected && amount.value() + already <= channel.spendable(side).value();
        }
        return amount.value() + already <= channel.capacity.value();
    }

    void relax(NodeIndex node, ChannelIndex index) {
        const Reached here = reached[node];
        const Channel& channel = network.channel(index);
        const NodeIndex from = channel.peer_of(node);
        const ChannelPolicy* announced = policy(index, from);
        if (announced == nullptr || !carries(index, from, here.amount, *announced)) return;
        if (from != request.source && from == request.destination) return;
        // The sender takes no fee from itself.
        const Msat fee = from == request.source ? Msat() : announced->fee(here.amount);
        const std::uint32_t delta = from == request.source ? 0 : announced->cltv_delta;
        const std::uint64_t risk = here.amount.value() / risk_divisor * delta;
        const std::uint64_t cost = here.cost + fee.value() + risk + hop_penalty_msat;
        Reached& there = reached[from];
        if (there.done || cost >= there.cost) return;
        there = {cost, Msat(here.amount.value() + fee.value()), here.cltv + delta, here.hops + 1, index, node, false};
        queue.emplace(cost, from);
    }
};

}  // namespace

std::optional<Route> find_route(const Network& network, const RouteRequest& request, const Beliefs& beliefs) {
    if (request.source == request.destination) return std::nullopt;
    Search search{network, request, beliefs};
    search.reached[request.destination] = {0, request.amount, request.final_cltv, 0, 0, request.destination, false};
    search.queue.emplace(0, request.destination);
    while (!search.queue.empty()) {
        const auto [cost, node] = search.queue.top();
        search.queue.pop();
        Reached& here = search.reached[node];
        if (here.done || cost != here.cost) continue;
        here.done = true;
        if (node == request.source) break;
        if (here.hops >= max_route_hops) continue;
        for (const ChannelIndex channel : network.nodes()[node].channels) search.relax(node, channel);
    }
    const auto found = search.reached.find(request.source);
    if (found == search.reached.end() || !found->second.done) return std::nullopt;
    Route route;
    for (NodeIndex node = request.source; node != request.destination;) {
        const Reached& here = search.reached[node];
        const Reached& next = search.reached[here.next];
        route.push_back({here.channel, here.next, next.amount, next.cltv});
        node = here.next;
    }
    return route;
}

Msat fee_of(const Route& route) {
    if (route.empty()) return Msat();
    return route.front().amount.minus(route.back().amount).value_or(Msat());
}

}  // namespace millrace::sim
