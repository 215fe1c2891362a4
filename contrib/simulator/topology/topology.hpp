// The network to simulate, as its file describes it (TOML or JSON, told apart by the first character):
//
//   network = "regtest"   seed = 1   blockheight = 100
//   [[node]]     name, alias?, plugins = [path…]?, important_plugins?, [node.options] key = value
//   [[channel]]  from, to, capacity_msat, push_msat = 0, scid?, fee_base_msat = 1, fee_ppm = 10, cltv_delta = 6 (34 on
//   bitcoin),
//                htlc_minimum_msat = 0, htlc_maximum_msat = 99 % of capacity, reserve_msat = 1 % of capacity,
//                commit_fee_msat = 0, max_accepted_htlcs = 483, max_in_flight_msat?, latency_ms = 0, latency_sigma = 0,
//                private = false
//   [channel.reverse]  any of the fee, cltv, htlc and max settings, for the direction to -> from
//
// or sim-ln's `sim_network` (bitcoin-dev-project/sim-ln, sim.json): channels between public keys, half of each on each
// side; each node's max_htlc_count and max_in_flight_msat bound what it has under way.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"
#include "common/result/error.hpp"
#include "contrib/simulator/network/channel.hpp"

namespace millrace::sim {

enum class TopologyErrc {
    not_readable = 1,  // the file cannot be opened
    not_valid,         // neither TOML nor JSON, or with something in it that is not understood
};

struct NodeSpec {
    std::string name;
    std::string alias;
    std::optional<NodeId> pubkey;  // only in sim_network files
    std::vector<std::string> plugins;
    std::vector<std::string> important_plugins;
    std::map<std::string, std::vector<std::string>> options;
};

struct ChannelLine {
    std::string from;
    std::string to;
    std::optional<ShortChannelId> scid;
    Msat capacity;
    Msat push;
    ChannelPolicy policy;
    ChannelPolicy reverse;
    Msat reserve;
    Msat commit_fee;
    std::uint32_t max_accepted_htlcs = default_max_accepted_htlcs;  // of `from`'s, by `to`
    std::uint32_t reverse_max_accepted_htlcs = default_max_accepted_htlcs;
    std::optional<Msat> max_in_flight;  // of `from`'s; empty: what the channel holds
    std::optional<Msat> reverse_max_in_flight;
    Latency latency;
    bool is_public = true;
};

struct Topology {
    std::string network = "regtest";
    std::uint64_t seed = 1;
    std::uint32_t blockheight = 108;
    std::vector<NodeSpec> nodes;
    std::vector<ChannelLine> channels;
};

// Errors: not_valid, naming the section and what is wrong in it.
[[nodiscard]] Result<Topology> read_topology(std::string_view text);

// Errors: also not_readable. Relative plugin paths are taken from the file's folder.
[[nodiscard]] Result<Topology> load_topology(const std::string& path);

}  // namespace millrace::sim

namespace millrace {
template <>
struct ErrcText<sim::TopologyErrc> {
    static constexpr const char* domain = "millrace.simulator.topology";
    static const char* text(sim::TopologyErrc errc);
};
}  // namespace millrace
