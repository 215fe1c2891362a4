#include "contrib/simulator/topology/topology.hpp"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "common/json/fields.hpp"

namespace millrace {

const char* ErrcText<sim::TopologyErrc>::text(sim::TopologyErrc errc) {
    switch (errc) {
        case sim::TopologyErrc::not_readable:
            return "the topology file cannot be read";
        case sim::TopologyErrc::not_valid:
            return "the topology is not valid";
    }
    return "";
}

namespace sim {
namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

Error invalid(std::string_view what) {
    return fail(TopologyErrc::not_valid, what);
}

// BOLT 2's usual channel: an HTLC leaves the peer's reserve of 1 % untouched.
Msat ninety_nine_percent(Msat capacity) {
    return Msat(capacity.value() / 100 * 99);
}

void read_policy(json::Fields& in, ChannelPolicy& policy) {
    if (const auto base = in.optional_u64("fee_base_msat", UINT32_MAX))
        policy.fee_base_msat = static_cast<std::uint32_t>(*base);
    if (const auto ppm = in.optional_u64("fee_ppm", UINT32_MAX)) policy.fee_ppm = static_cast<std::uint32_t>(*ppm);
    if (const auto delta = in.optional_u64("cltv_delta", UINT16_MAX))
        policy.cltv_delta = static_cast<std::uint16_t>(*delta);
    if (const auto least = in.optional_msat("htlc_minimum_msat")) policy.htlc_minimum = *least;
    if (const auto most = in.optional_msat("htlc_maximum_msat")) policy.htlc_maximum = *most;
}

// What may be under way in one direction.
void read_bounds(json::Fields& in, std::uint32_t& htlcs, std::optional<Msat>& amount) {
    if (const auto most = in.optional_u64("max_accepted_htlcs", default_max_accepted_htlcs))
        htlcs = static_cast<std::uint32_t>(*most);
    if (const auto most = in.optional_msat("max_in_flight_msat")) amount = *most;
}

std::string option_text(const value& given) {
    return given.is_string() ? std::string(given.get_string()) : boost::json::serialize(given);
}

Result<NodeSpec> read_node(const value& entry, std::size_t number) {
    json::Fields in(entry, "node " + std::to_string(number));
    NodeSpec out;
    out.name = in.string("name");
    out.alias = in.optional_string("alias").value_or(out.name);
    if (in.has("plugins")) out.plugins = in.strings("plugins");
    if (in.has("important_plugins")) out.important_plugins = in.strings("important_plugins");
    if (in.has("options")) {
        for (const auto& [name, given] : in.object("options")) {
            std::vector<std::string>& values = out.options[std::string(name)];
            if (const array* list = given.if_array()) {
                for (const value& one : *list) values.push_back(option_text(one));
            } else {
                values.push_back(option_text(given));
            }
        }
    }
    in.no_others();
    if (const auto& fault = in.fault()) return invalid(fault->message);
    const bool good =
        !out.name.empty() && out.name.front() != '.' && std::all_of(out.name.begin(), out.name.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                   c == '.';
        });
    if (!good)
        return invalid("node " + std::to_string(number) +
                       ": name: letters, digits, '-', '_' and '.' only, since it names a folder");
    return out;
}

Result<ChannelLine> read_channel(const value& entry, std::size_t number, std::string_view network) {
    const std::string what = "channel " + std::to_string(number);
    json::Fields in(entry, what);
    ChannelLine out;
    out.from = in.string("from");
    out.to = in.string("to");
    out.capacity = in.msat("capacity_msat");
    out.push = in.optional_msat("push_msat").value_or(Msat());
    if (const auto text = in.optional_string("scid")) {
        const auto scid = ShortChannelId::parse(*text);
        if (!scid) return invalid(what + ": scid: must be HxTxO");
        out.scid = *scid;
    }
    out.policy.cltv_delta = network == "bitcoin" ? 34 : 6;
    out.policy.htlc_maximum = ninety_nine_percent(out.capacity);
    read_policy(in, out.policy);
    read_bounds(in, out.max_accepted_htlcs, out.max_in_flight);
    out.reverse = out.policy;
    out.reverse_max_accepted_htlcs = out.max_accepted_htlcs;
    out.reverse_max_in_flight = out.max_in_flight;
    if (in.has("reverse")) {
        json::Fields reverse(entry.as_object().at("reverse"), what + ".reverse");
        static_cast<void>(in.object("reverse"));
        read_policy(reverse, out.reverse);
        read_bounds(reverse, out.reverse_max_accepted_htlcs, out.reverse_max_in_flight);
        reverse.no_others();
        if (const auto& fault = reverse.fault()) return invalid(fault->message);
    }
    out.reserve = in.optional_msat("reserve_msat").value_or(Msat(out.capacity.value() / 100));
    out.commit_fee = in.optional_msat("commit_fee_msat").value_or(Msat());
    out.latency.median = std::chrono::milliseconds(in.optional_u64("latency_ms", 3'600'000).value_or(0));
    if (in.has("latency_sigma")) out.latency.sigma = in.number("latency_sigma");
    out.is_public = !in.optional_boolean("private").value_or(false);
    in.no_others();
    if (const auto& fault = in.fault()) return invalid(fault->message);
    if (out.capacity == Msat()) return invalid(what + ": capacity_msat: must be more than 0");
    if (out.push > out.capacity) return invalid(what + ": push_msat: is more than capacity_msat");
    return out;
}

Result<Topology> read_own(const value& root) {
    json::Fields in(root, "topology");
    Topology out;
    if (const auto network = in.optional_string("network")) out.network = *network;
    if (const auto seed = in.optional_u64("seed")) out.seed = *seed;
    if (const auto height = in.optional_u64("blockheight", 10'000'000))
        out.blockheight = static_cast<std::uint32_t>(*height);
    const array& nodes = in.array("node");
    static const array none;
    const array& channels = in.has("channel") ? in.array("channel") : none;
    in.no_others();
    if (const auto& fault = in.fault()) return invalid(fault->message);
    static const std::set<std::string_view> networks{"bitcoin", "testnet", "testnet4", "signet", "regtest"};
    if (!networks.contains(out.network))
        return invalid("network: must be bitcoin, testnet, testnet4, signet or regtest");
    std::set<std::string> names;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        Result<NodeSpec> node = read_node(nodes[i], i + 1);
        if (!node) return node.error();
        if (!names.insert(node->name).second)
            return invalid("node " + std::to_string(i + 1) + ": name: " + node->name + " is taken");
        out.nodes.push_back(std::move(*node));
    }
    for (std::size_t i = 0; i < channels.size(); ++i) {
        Result<ChannelLine> channel = read_channel(channels[i], i + 1, out.network);
        if (!channel) return channel.error();
        for (const std::string& end : {channel->from, channel->to}) {
            if (!names.contains(end)) return invalid("channel " + std::to_string(i + 1) + ": there is no node " + end);
        }
        out.channels.push_back(std::move(*channel));
    }
    return out;
}

struct SimLnSide {
    NodeId pubkey;
    std::string alias;
    ChannelPolicy policy;
    std::uint32_t max_htlcs = default_max_accepted_htlcs;
    Msat max_in_flight;
};

SimLnSide read_sim_ln_side(json::Fields& in) {
    SimLnSide out;
    out.pubkey = in.hex<NodeId>("pubkey");
    out.alias = in.optional_string("alias").value_or("");
    out.max_htlcs = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(in.u64("max_htlc_count", UINT32_MAX), default_max_accepted_htlcs));
    out.max_in_flight = in.msat("max_in_flight_msat");
    out.policy.htlc_minimum = in.msat("min_htlc_size_msat");
    out.policy.htlc_maximum = in.msat("max_htlc_size_msat");
    out.policy.cltv_delta = static_cast<std::uint16_t>(in.u64("cltv_expiry_delta", UINT16_MAX));
    out.policy.fee_base_msat = static_cast<std::uint32_t>(in.u64("base_fee", UINT32_MAX));
    out.policy.fee_ppm = static_cast<std::uint32_t>(in.u64("fee_rate_prop", UINT32_MAX));
    return out;
}

Result<Topology> read_sim_ln(const value& root) {
    const array* list = root.as_object().at("sim_network").if_array();
    if (list == nullptr) return invalid("sim_network: must be an array");
    Topology out;
    std::map<NodeId, std::string> names;
    std::set<std::string> taken;
    const auto name_of = [&](const SimLnSide& side) {
        const auto known = names.find(side.pubkey);
        if (known != names.end()) return known->second;
        std::string name = side.pubkey.hex().substr(0, 12);
        const bool usable = !side.alias.empty() && std::all_of(side.alias.begin(), side.alias.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        });
        if (usable && !taken.contains(side.alias)) name = side.alias;
        taken.insert(name);
        names[side.pubkey] = name;
        NodeSpec node;
        node.name = name;
        node.alias = side.alias.empty() ? name : side.alias;
        node.pubkey = side.pubkey;
        out.nodes.push_back(std::move(node));
        return name;
    };
    for (std::size_t i = 0; i < list->size(); ++i) {
        const std::string what = "sim_network " + std::to_string(i + 1);
        json::Fields in((*list)[i], what);
        ChannelLine channel;
        channel.scid = ShortChannelId(in.u64("scid"));
        channel.capacity = in.msat("capacity_msat");
        static_cast<void>(in.object("node_1"));
        static_cast<void>(in.object("node_2"));
        if (const auto& fault = in.fault()) return invalid(fault->message);
        json::Fields first((*list)[i].as_object().at("node_1"), what + ": node_1");
        json::Fields second((*list)[i].as_object().at("node_2"), what + ": node_2");
        const SimLnSide one = read_sim_ln_side(first);
        const SimLnSide two = read_sim_ln_side(second);
        if (const auto& fault = first.fault()) return invalid(fault->message);
        if (const auto& fault = second.fault()) return invalid(fault->message);
        if (one.policy.htlc_maximum > channel.capacity || two.policy.htlc_maximum > channel.capacity) {
            return invalid(what + ": max_htlc_size_msat: is more than capacity_msat");
        }
        channel.from = name_of(one);
        channel.to = name_of(two);
        channel.push = Msat(channel.capacity.value() / 2);
        channel.policy = one.policy;
        channel.reverse = two.policy;
        channel.max_accepted_htlcs = one.max_htlcs;
        channel.reverse_max_accepted_htlcs = two.max_htlcs;
        channel.max_in_flight = one.max_in_flight;
        channel.reverse_max_in_flight = two.max_in_flight;
        out.channels.push_back(std::move(channel));
    }
    return out;
}

}  // namespace

Result<Topology> read_topology(std::string_view text) {
    value root;
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first != std::string_view::npos && text[first] == '{') {
        boost::system::error_code error;
        root = boost::json::parse(text, error);
        if (error) return invalid("not JSON: " + error.message());
    } else {
        const toml::parse_result parsed = toml::parse(text);
        if (!parsed) {
            std::ostringstream where;
            where << parsed.error().source().begin;
            return invalid("not TOML: " + std::string(parsed.error().description()) + " at " + where.str());
        }
        std::ostringstream out;
        out << toml::json_formatter(parsed.table());
        root = boost::json::parse(out.str());
    }
    if (root.as_object().contains("sim_network")) return read_sim_ln(root);
    return read_own(root);
}

Result<Topology> load_topology(const std::string& path) {
    std::ifstream file(path);
    if (!file) return fail(TopologyErrc::not_readable, path);
    std::ostringstream text;
    text << file.rdbuf();
    Result<Topology> out = read_topology(text.str());
    if (!out) return Error{out.error().code, path + ": " + out.error().message};
    const std::filesystem::path folder = std::filesystem::absolute(path).parent_path();
    for (NodeSpec& node : out->nodes) {
        for (auto* list : {&node.plugins, &node.important_plugins}) {
            for (std::string& plugin : *list) plugin = (folder / plugin).lexically_normal().string();
        }
    }
    return out;
}

}  // namespace sim
}  // namespace millrace
