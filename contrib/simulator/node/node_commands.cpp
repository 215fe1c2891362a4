// getinfo, makesecret, feerates, help, check, notifications and the like.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "common/codec/hex.hpp"
#include "common/crypto/hash.hpp"
#include "contrib/simulator/node/daemon.hpp"

namespace millrace::sim {

namespace json = boost::json;

namespace {

using SessionPtr = std::shared_ptr<RpcSession>;

void run_getinfo(Daemon& node, Params& in, const Reply& reply, const SessionPtr&) {
    if (in.ends(reply)) return;
    NodeCore& core = node.core();
    const Network& network = core.network();
    std::vector<NodeIndex> peers;
    std::uint64_t active = 0;
    std::uint64_t inactive = 0;
    for (const ChannelIndex index : network.nodes()[core.index].channels) {
        const Channel& channel = network.channel(index);
        (channel.closed ? inactive : active) += 1;
        const NodeIndex peer = channel.peer_of(core.index);
        if (std::find(peers.begin(), peers.end(), peer) == peers.end()) peers.push_back(peer);
    }
    reply.result(json::object{
        {"id", core.setup.id.hex()},
        {"alias", core.setup.alias},
        {"color", core.setup.color},
        {"num_peers", peers.size()},
        {"num_pending_channels", 0},
        {"num_active_channels", active},
        {"num_inactive_channels", inactive},
        {"address", json::array{}},
        {"binding", json::array{json::object{{"type", "ipv4"}, {"address", "127.0.0.1"}, {"port", 9735 + core.index}}}},
        {"version", node_version},
        {"blockheight", core.height()},
        {"network", core.setup.network},
        {"fees_collected_msat", core.state.forwards.fees_collected().value()},
        {"lightning-dir", core.setup.directory},
        {"our_features",
         json::object{
             {"init", features::init}, {"node", features::node}, {"channel", ""}, {"invoice", features::invoice}}}});
}

void run_makesecret(Daemon& node, Params& in, const Reply& reply, const SessionPtr&) {
    auto info = in.optional_hex("hex");
    const auto text = in.optional_string("string");
    if (info && text) in.refuse("Cannot have both hex and string");
    if (!info && !text) in.refuse("Must have either hex or string");
    if (in.ends(reply)) return;
    if (text) info = to_bytes(as_bytes(*text));
    const SecretKey derived = crypto::derive_key(node.core().setup.key, "derived secrets");
    reply.result(json::object{{"secret", codec::to_hex(crypto::hmac_sha256(derived.reveal(), *info))}});
}

void run_feerates(Daemon&, Params& in, const Reply& reply, const SessionPtr&) {
    const std::string style = in.string("style");
    if (style != "perkb" && style != "perkw") in.bad("style", "should be 'perkb' or 'perkw'");
    if (in.ends(reply)) return;
    // bitcoind's floor on regtest, 253 per kw.
    const std::uint64_t unit = style == "perkb" ? 4 : 1;
    const std::uint64_t floor = 253 * unit;
    json::array estimates;
    for (const int blocks : {2, 6, 12, 100}) {
        estimates.push_back(json::object{{"blockcount", blocks}, {"feerate", floor}, {"smoothed_feerate", floor}});
    }
    json::object rates{{"opening", floor},
                       {"mutual_close", floor},
                       {"unilateral_close", floor},
                       {"unilateral_anchor_close", 1250 * unit},
                       {"penalty", floor},
                       {"splice", 258 * unit},
                       {"min_acceptable", floor},
                       {"max_acceptable", floor * 10},
                       {"floor", floor},
                       {"estimates", std::move(estimates)}};
    reply.result(json::object{{style, std::move(rates)},
                              {"onchain_fee_estimates", json::object{{"opening_channel_satoshis", 177},
                                                                     {"mutual_close_satoshis", 170},
                                                                     {"unilateral_close_satoshis", 1390},
                                                                     {"unilateral_close_nonanchor_satoshis", 151},
                                                                     {"htlc_timeout_satoshis", 167},
                                                                     {"htlc_success_satoshis", 177}}}});
}

std::string help_line(std::string_view name, std::string_view usage) {
    return usage.empty() ? std::string(name) : std::string(name) + " " + std::string(usage);
}

void run_help(Daemon& node, Params& in, const Reply& reply, const SessionPtr&) {
    const auto wanted = in.optional_string("command");
    if (in.ends(reply)) return;
    std::vector<std::pair<std::string, std::string>> known;
    for (const Command* command : Daemon::all_commands()) known.emplace_back(command->name, command->usage);
    for (const auto& [name, usage] : node.core().world.control_methods) known.emplace_back(name, usage);
    for (const PluginPtr& plugin : node.core().plugins->plugins()) {
        for (const PluginMethod& method : plugin->manifest.methods) known.emplace_back(method.name, method.usage);
    }
    std::sort(known.begin(), known.end());
    json::array lines;
    for (const auto& [name, usage] : known) {
        if (!wanted || *wanted == name) lines.push_back(json::object{{"command", help_line(name, usage)}});
    }
    if (wanted && lines.empty())
        return reply.error(rpc_code::unknown_method, "Unknown command " + json::serialize(json::string(*wanted)));
    reply.result(json::object{{"help", std::move(lines)}, {"format-hint", "simple"}});
}

void run_notifications(Daemon&, Params& in, const Reply& reply, const SessionPtr& session) {
    const auto enable = in.optional_boolean("enable");
    if (!enable) in.refuse("missing required parameter: enable");
    if (in.ends(reply)) return;
    if (session) session->notifications = *enable;
    reply.result(json::object{});
}

void run_switch(Daemon&, Params& in, const Reply& reply, const SessionPtr&) {
    if (!in.optional_boolean("enable")) in.refuse("missing required parameter: enable");
    if (in.ends(reply)) return;
    reply.result(json::object{});
}

constexpr Command commands[] = {
    {"getinfo", "", run_getinfo},
    {"makesecret", "[hex] [string]", run_makesecret},
    {"feerates", "style", run_feerates},
    {"help", "[command]", run_help},
    {"notifications", "enable", run_notifications},
    {"batching", "enable", run_switch},
    {"deprecations", "enable", run_switch},
};

}  // namespace

std::span<const Command> node_commands() {
    return commands;
}

}  // namespace millrace::sim
