// Finding a path: cheapest first, backwards from the destination, on what a sender may know: announced policies and
// capacities, its own balances, route hints, and what failures have taught it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "contrib/simulator/network/network.hpp"

namespace millrace::sim {

struct RouteHop {
    ChannelIndex channel = 0;
    NodeIndex to = 0;
    Msat amount;             // arriving at `to`
    std::uint32_t cltv = 0;  // arriving at `to`, relative to the block height
};
using Route = std::vector<RouteHop>;

// An unannounced channel that an invoice's route hint tells of.
struct HintedChannel {
    ChannelIndex channel = 0;
    NodeIndex from = 0;
    ChannelPolicy policy;
};

using Direction = std::pair<ChannelIndex, int>;  // channel and side that it leaves from

// What a sender has learnt while paying.
struct Beliefs {
    std::map<Direction, Msat> too_much;   // amounts at or above this failed here
    std::map<Direction, Msat> in_flight;  // what other parts of this payment already take there
    std::map<Direction, bool> excluded;
    std::map<Direction, ChannelPolicy> policies;  // from channel updates in failures, newer than gossip
};

struct RouteRequest {
    NodeIndex source = 0;
    NodeIndex destination = 0;
    Msat amount;
    std::uint32_t final_cltv = 0;
    std::vector<HintedChannel> hints;
};

constexpr std::size_t max_route_hops = 20;

// Empty where there is no path. Ties go to the lower node index, so that the answer depends on the arguments alone.
[[nodiscard]] std::optional<Route> find_route(const Network& network, const RouteRequest& request,
                                              const Beliefs& beliefs);

// What the sender pays on top of the amount that arrives.
[[nodiscard]] Msat fee_of(const Route& route);

}  // namespace millrace::sim
