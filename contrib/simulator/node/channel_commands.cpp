// listpeerchannels, listpeers, listfunds, listchannels, listnodes, listclosedchannels, setchannel.
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

const ChannelSide& side_at(const Channel& channel, int side) {
    return channel.sides[static_cast<std::size_t>(side)];
}

Msat to_us(const ChannelSide& side) {
    return Msat(side.balance.value() + side.in_flight_amount.value());
}

json::object policy_json(const ChannelPolicy& policy) {
    return {{"htlc_minimum_msat", policy.htlc_minimum.value()},
            {"htlc_maximum_msat", policy.htlc_maximum.value()},
            {"cltv_expiry_delta", policy.cltv_delta},
            {"fee_base_msat", policy.fee_base_msat},
            {"fee_proportional_millionths", policy.fee_ppm}};
}

const char* htlc_state(const Htlc& htlc, bool ours) {
    switch (htlc.state) {
        case HtlcState::adding:
            return ours ? "SENT_ADD_HTLC" : "RCVD_ADD_HTLC";
        case HtlcState::locked_in:
        case HtlcState::forwarded:
            return ours ? "SENT_ADD_ACK_REVOCATION" : "RCVD_ADD_ACK_REVOCATION";
        case HtlcState::removing:
            return ours ? "RCVD_REMOVE_HTLC" : "SENT_REMOVE_HTLC";
    }
    return "";
}

std::string made_up_hex(std::string_view what, ShortChannelId scid) {
    return codec::to_hex(crypto::sha256(as_bytes(std::string(what) + " " + scid.text())));
}

json::object peer_channel_json(NodeCore& core, ChannelIndex index) {
    const Network& network = core.network();
    const Channel& channel = network.channel(index);
    const int us = channel.side_of(core.index);
    const ChannelSide& local = side_at(channel, us);
    const ChannelSide& remote = side_at(channel, 1 - us);
    const bool opener = channel.opener == us;
    const std::string state = channel.closed ? "AWAITING_UNILATERAL" : "CHANNELD_NORMAL";
    json::object out;
    out["peer_id"] = core.id_of(remote.node).hex();
    out["peer_connected"] = channel.connected;
    if (channel.connected) out["reestablished"] = true;
    out["channel_type"] =
        json::object{{"bits", json::array{12, 22}}, {"names", json::array{"static_remotekey/even", "anchors/even"}}};
    out["ignore_fee_limits"] = local.ignore_fee_limits;
    out["updates"] = json::object{{"local", policy_json(local.policy)}, {"remote", policy_json(remote.policy)}};
    out["last_stable_connection"] =
        unix_seconds(std::chrono::floor<std::chrono::seconds>(channel.stable_at(network.now())));
    out["state"] = state;
    out["scratch_txid"] = made_up_hex("scratch txid", channel.scid);
    out["last_tx_fee_msat"] = channel.sides[channel.opener].commit_fee.value();
    out["lost_state"] = false;
    out["feerate"] = json::object{{"perkw", 1255}, {"perkb", 5020}};
    if (channel.connected) out["owner"] = "channeld";
    out["short_channel_id"] = channel.scid.text();
    out["direction"] = us;
    out["channel_id"] = channel_id(channel.scid);
    out["funding_txid"] = funding_txid(channel.scid);
    out["funding_outnum"] = 0;
    out["close_to"] = "5120" + made_up_hex("close to", channel.scid);
    out["private"] = !channel.is_public;
    out["opener"] = opener ? "local" : "remote";
    out["alias"] =
        json::object{{"local", Network::alias(index, us).text()}, {"remote", Network::alias(index, 1 - us).text()}};
    out["features"] = json::array{"option_static_remotekey", "option_anchors"};
    out["funding"] = json::object{{"local_funds_msat", opener ? channel.capacity.value() : 0},
                                  {"remote_funds_msat", opener ? 0 : channel.capacity.value()},
                                  {"pushed_msat", channel.pushed.value()},
                                  {"withheld", false}};
    out["to_us_msat"] = to_us(local).value();
    out["min_to_us_msat"] = local.least_to_us.value();
    out["max_to_us_msat"] = local.most_to_us.value();
    out["total_msat"] = channel.capacity.value();
    out["fee_base_msat"] = local.policy.fee_base_msat;
    out["fee_proportional_millionths"] = local.policy.fee_ppm;
    out["dust_limit_msat"] = 546'000;
    const auto in_flight = [](const ChannelSide& side) {
        return side.max_in_flight ? side.max_in_flight->value() : UINT64_MAX;
    };
    out["their_max_htlc_value_in_flight_msat"] = in_flight(remote);
    out["our_max_htlc_value_in_flight_msat"] = in_flight(local);
    out["their_reserve_msat"] = remote.reserve.value();
    out["our_reserve_msat"] = local.reserve.value();
    const bool usable = !channel.closed;
    out["spendable_msat"] = usable ? channel.spendable(us).value() : 0;
    out["receivable_msat"] = usable ? channel.spendable(1 - us).value() : 0;
    out["minimum_htlc_in_msat"] = 0;
    out["minimum_htlc_out_msat"] = local.policy.htlc_minimum.value();
    out["maximum_htlc_out_msat"] = local.policy.htlc_maximum.value();
    out["their_to_self_delay"] = 6;
    out["our_to_self_delay"] = 6;
    out["max_accepted_htlcs"] = local.max_accepted_htlcs;
    json::array changes{json::object{{"timestamp", iso_time(channel.opened_at)},
                                     {"old_state", "CHANNELD_AWAITING_LOCKIN"},
                                     {"new_state", "CHANNELD_NORMAL"},
                                     {"cause", opener ? "user" : "remote"},
                                     {"message", "Lockin complete"}}};
    if (channel.closed_at) {
        changes.push_back(json::object{{"timestamp", iso_time(*channel.closed_at)},
                                       {"old_state", "CHANNELD_NORMAL"},
                                       {"new_state", "AWAITING_UNILATERAL"},
                                       {"cause", "protocol"},
                                       {"message", "Offered HTLC hit deadline"}});
    }
    out["state_changes"] = std::move(changes);
    out["status"] = json::array{state + (channel.closed ? ":Awaiting close." : ":Channel ready for use.")};
    out["in_payments_offered"] = remote.totals.offered;
    out["in_offered_msat"] = remote.totals.offered_amount.value();
    out["in_payments_fulfilled"] = remote.totals.fulfilled;
    out["in_fulfilled_msat"] = remote.totals.fulfilled_amount.value();
    out["out_payments_offered"] = local.totals.offered;
    out["out_offered_msat"] = local.totals.offered_amount.value();
    out["out_payments_fulfilled"] = local.totals.fulfilled;
    out["out_fulfilled_msat"] = local.totals.fulfilled_amount.value();
    json::array htlcs;
    for (const Htlc* htlc : network.htlcs_in(index)) {
        const bool ours = htlc->from == us;
        htlcs.push_back(json::object{{"direction", ours ? "out" : "in"},
                                     {"id", htlc->id},
                                     {"amount_msat", htlc->amount.value()},
                                     {"expiry", htlc->cltv_expiry},
                                     {"payment_hash", htlc->payment_hash.hex()},
                                     {"state", htlc_state(*htlc, ours)}});
    }
    out["htlcs"] = std::move(htlcs);
    return out;
}

void run_listpeerchannels(Daemon& node, Params& in, const Reply& reply, const SessionPtr&) {
    NodeCore& core = node.core();
    const auto id = in.optional_fixed<NodeId>("id", "should be a node id");
    const auto scid = in.optional_string("short_channel_id");
    const auto wanted = in.optional_string("channel_id");
    if (in.ends(reply)) return;
    json::array channels;
    for (const ChannelIndex index : core.network().nodes()[core.index].channels) {
        const Channel& channel = core.network().channel(index);
        if (id && core.id_of(channel.peer_of(core.index)) != *id) continue;
        if (scid && channel.scid.text() != *scid) continue;
        if (wanted && channel_id(channel.scid) != *wanted) continue;
        channels.push_back(peer_channel_json(core, index));
    }
    reply.result(json::object{{"channels", std::move(channels)}});
}

void run_listpeers(Daemon& node, Params& in, const Reply& reply, const SessionPtr&) {
    NodeCore& core = node.core();
    const auto id = in.optional_fixed<NodeId>("id", "should be a node id");
    static_cast<void>(in.optional_string("level"));
    if (in.ends(reply)) return;
    std::map<NodeIndex, std::pair<std::uint64_t, bool>> peers;  // channels, connected
    for (const ChannelIndex index : core.network().nodes()[core.index].channels) {
        const Channel& channel = core.network().channel(index);
        auto& [count, connected] = peers[channel.peer_of(core.index)];
        ++count;
        connected = core.network().nodes()[channel.peer_of(core.index)].up;
    }
    json::array out;
    for (const auto& [peer, facts] : peers) {
        if (id && core.id_of(peer) != *id) continue;
        json::object entry{{"id", core.id_of(peer).hex()}, {"connected", facts.second}, {"num_channels", facts.first}};
        if (facts.second) {
            entry["netaddr"] = json::array{"127.0.0.1:" + std::to_string(9735 + peer)};
            entry["features"] = features::init;
        }
        out.push_back(std::move(entry));
    }
    reply.result(json::object{{"peers", std::move(out)}});
}

void run_listfunds(Daemon& node, Params& in, const Reply& reply, const SessionPtr&) {
    NodeCore& core = node.core();
    static_cast<void>(in.optional_boolean("spent"));
    if (in.ends(reply)) return;
    json::array channels;
    for (const ChannelIndex index : core.network().nodes()[core.index].channels) {
        const Channel& channel = core.network().channel(index);
        const ChannelSide& local = side_at(channel, channel.side_of(core.index));
        channels.push_back(json::object{{"peer_id", core.id_of(channel.peer_of(core.index)).hex()},
                                        {"connected", channel.connected},
                                        {"state", channel.closed ? "AWAITING_UNILATERAL" : "CHANNELD_NORMAL"},
                                        {"channel_id", channel_id(channel.scid)},
                                        {"short_channel_id", channel.scid.text()},
                                        {"our_amount_msat", to_us(local).value()},
                                        {"amount_msat", channel.capacity.value()},
                                        {"funding_txid", funding_txid(channel.scid)},
                                        {"funding_output", 0}});
    }
    // One coin, so that readers of `outputs` meet an entry. The simulator has no chain to spend it on.
    const ShortChannelId none;
    json::array outputs{
        json::object{{"txid", funding_txid(none)},
                     {"output", 0},
                     {"amount_msat", 100'000'000'000},
                     {"scriptpubkey", "5120" + made_up_hex("wallet " + core.setup.name, none)},
                     {"address", "bcrt1p" + made_up_hex("wallet " + core.setup.name, none).substr(0, 58)},
                     {"status", "confirmed"},
                     {"blockheight", 100},
                     {"reserved", false}}};
    reply.result(json::object{{"outputs", std::move(outputs)}, {"channels", std::move(channels)}});
}

void run_listchannels(Daemon& node, Params& in, const Reply& reply, const SessionPtr&) {
    NodeCore& core = node.core();
    const auto scid = in.optional_string("short_channel_id");
    const auto source = in.optional_fixed<NodeId>("source", "should be a node id");
    const auto destination = in.optional_fixed<NodeId>("destination", "should be a node id");
    if (scid.has_value() + source.has_value() + destination.has_value() > 1) {
        in.refuse("Can only specify one of `short_channel_id`, `source` or `destination`");
    }
    if (in.ends(reply)) return;
    json::array out;
    for (const Channel& channel : core.network().channels()) {
        if (!channel.is_public || channel.closed) continue;
        if (scid && channel.scid.text() != *scid) continue;
        for (const int direction : {0, 1}) {
            const ChannelSide& side = side_at(channel, direction);
            const NodeId from = core.id_of(side.node);
            const NodeId to = core.id_of(side_at(channel, 1 - direction).node);
            if ((source && from != *source) || (destination && to != *destination)) continue;
            out.push_back(json::object{{"source", from.hex()},
                                       {"destination", to.hex()},
                                       {"short_channel_id", channel.scid.text()},
                                       {"direction", direction},
                                       {"public", true},
                                       {"amount_msat", channel.capacity.value()},
                                       {"message_flags", 1},
                                       {"channel_flags", direction | (side.policy.enabled ? 0 : 2)},
                                       {"active", side.policy.enabled},
                                       {"last_update", side.policy.last_update},
                                       {"base_fee_millisatoshi", side.policy.fee_base_msat},
                                       {"fee_per_millionth", side.policy.fee_ppm},
                                       {"delay", side.policy.cltv_delta},
                                       {"htlc_minimum_msat", side.policy.htlc_minimum.value()},
                                       {"htlc_maximum_msat", side.policy.htlc_maximum.value()},
                                       {"features", ""}});
        }
    }
    reply.result(json::object{{"channels", std::move(out)}});
}

void run_listnodes(Daemon& node, Params& in, const Reply& reply, const SessionPtr&) {
    NodeCore& core = node.core();
    const auto id = in.optional_fixed<NodeId>("id", "should be a node id");
    if (in.ends(reply)) return;
    json::array out;
    for (const NodeRecord& record : core.network().nodes()) {
        if (id && record.id != *id) continue;
        bool announced = record.id == core.setup.id;
        for (const ChannelIndex index : record.channels)
            announced = announced || core.network().channel(index).is_public;
        if (!announced) continue;
        out.push_back(json::object{{"nodeid", record.id.hex()},
                                   {"alias", record.name},
                                   {"color", record.id.hex().substr(0, 6)},
                                   {"last_timestamp", unix_seconds(core.now_seconds())},
                                   {"features", features::node},
                                   {"addresses", json::array{}}});
    }
    reply.result(json::object{{"nodes", std::move(out)}});
}

void run_listclosedchannels(Daemon&, Params& in, const Reply& reply, const SessionPtr&) {
    static_cast<void>(in.optional_string("id"));
    if (in.ends(reply)) return;
    reply.result(json::object{{"closedchannels", json::array{}}});
}

// lightningd's htlc_max_possible_send(): what is left of the capacity beside the reserve, or what the peer lets be
// under way.
Msat most_possible(const Channel& channel, int side) {
    const Msat beside_reserve = channel.capacity.minus(side_at(channel, side).reserve).value_or(Msat());
    return std::min(beside_reserve, side_at(channel, 1 - side).max_in_flight.value_or(beside_reserve));
}

void run_setchannel(Daemon& node, Params& in, const Reply& reply, const SessionPtr&) {
    NodeCore& core = node.core();
    const std::string id = in.string("id");
    const auto base = in.optional_msat("feebase");
    const auto ppm = in.optional_u64("feeppm", UINT32_MAX);
    const auto least = in.optional_msat("htlcmin");
    const auto most = in.optional_msat("htlcmax");
    const auto delay = in.optional_u64("enforcedelay", UINT32_MAX);
    const auto ignore_limits = in.optional_boolean("ignorefeelimits");
    if (base && base->value() > UINT32_MAX) in.bad("feebase", "exceeds u32 max");
    const bool crossed = least && most && *most < *least;
    std::vector<ChannelIndex> chosen;
    for (const ChannelIndex index : core.network().nodes()[core.index].channels) {
        const Channel& channel = core.network().channel(index);
        const bool named = id == channel.scid.text() || id == channel_id(channel.scid) ||
                           id == core.id_of(channel.peer_of(core.index)).hex();
        if (id == "all" || named) chosen.push_back(index);
    }
    if (chosen.empty() && id != "all") {
        in.bad("id",
               ShortChannelId::parse(id) ? "Short channel id not found" : "No channel with that peer or channel id");
    }
    if (crossed && !in.fault()) return reply.error(rpc_code::general, "htlcmax cannot be less than htlcmin");
    if (in.ends(reply)) return;
    json::array out;
    for (const ChannelIndex index : chosen) {
        Channel& channel = core.network().channel(index);
        ChannelSide& side = channel.sides[static_cast<std::size_t>(channel.side_of(core.index))];
        const ChannelPolicy before = side.policy;
        if (base) side.policy.fee_base_msat = static_cast<std::uint32_t>(base->value());
        if (ppm) side.policy.fee_ppm = static_cast<std::uint32_t>(*ppm);
        if (least) side.policy.htlc_minimum = *least;
        const Msat possible = most_possible(channel, channel.side_of(core.index));
        if (most) side.policy.htlc_maximum = std::min(*most, possible);
        if (ignore_limits) side.ignore_fee_limits = *ignore_limits;
        const bool stricter = side.policy.fee_base_msat > before.fee_base_msat ||
                              side.policy.fee_ppm > before.fee_ppm || side.policy.htlc_minimum > before.htlc_minimum ||
                              side.policy.htlc_maximum < before.htlc_maximum;
        if (stricter) side.earlier = EarlierPolicy{before, core.now() + std::chrono::seconds(delay.value_or(600))};
        side.policy.last_update = static_cast<std::uint32_t>(unix_seconds(core.now_seconds()));
        json::object entry{{"peer_id", core.id_of(channel.peer_of(core.index)).hex()},
                           {"channel_id", channel_id(channel.scid)},
                           {"short_channel_id", channel.scid.text()},
                           {"fee_base_msat", side.policy.fee_base_msat},
                           {"fee_proportional_millionths", side.policy.fee_ppm},
                           {"minimum_htlc_out_msat", side.policy.htlc_minimum.value()},
                           {"maximum_htlc_out_msat", side.policy.htlc_maximum.value()},
                           {"ignore_fee_limits", side.ignore_fee_limits}};
        if (most && *most > possible)
            entry["warning_htlcmax_too_high"] = "Set maximum_htlc_out_msat to maximum possible in channel";
        out.push_back(std::move(entry));
    }
    reply.result(json::object{{"channels", std::move(out)}});
}

constexpr Command commands[] = {
    {"listpeerchannels", "[id] [short_channel_id] [channel_id]", run_listpeerchannels},
    {"listpeers", "[id] [level]", run_listpeers},
    {"listfunds", "[spent]", run_listfunds},
    {"listchannels", "[short_channel_id] [source] [destination]", run_listchannels},
    {"listnodes", "[id]", run_listnodes},
    {"listclosedchannels", "[id]", run_listclosedchannels},
    {"setchannel", "id [feebase] [feeppm] [htlcmin] [htlcmax] [enforcedelay] [ignorefeelimits]", run_setchannel},
};

}  // namespace

std::span<const Command> channel_commands() {
    return commands;
}

}  // namespace millrace::sim
