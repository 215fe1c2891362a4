#include "plugin/node/channels.hpp"

#include <algorithm>
#include <utility>

#include "common/json/fields.hpp"

namespace millrace::node {
namespace {

constexpr std::size_t max_hints = 4;

std::optional<ShortChannelId> optional_scid(json::Fields& in, std::string_view name) {
    const auto text = in.optional_string(name);
    if (!text) return std::nullopt;
    const auto scid = ShortChannelId::parse(*text);
    if (!scid) {
        in.note(json::Errc::out_of_range, name, "must be a short channel id, as 103x1x0");
        return std::nullopt;
    }
    return *scid;
}

const PeerChannel* find_channel(const std::vector<PeerChannel>& channels, ShortChannelId scid) {
    const auto found = std::find_if(channels.begin(), channels.end(), [scid](const PeerChannel& channel) {
        return channel.short_channel_id == scid || channel.local_alias == scid;
    });
    return found == channels.end() ? nullptr : &*found;
}

}  // namespace

Result<std::vector<PeerChannel>> parse_peer_channels(const boost::json::value& result) {
    json::Fields in(result, "listpeerchannels");
    std::vector<PeerChannel> channels;
    for (const boost::json::value& entry : in.array("channels")) {
        json::Fields fields(entry, "listpeerchannels: channel");
        PeerChannel channel;
        channel.short_channel_id = optional_scid(fields, "short_channel_id");
        if (fields.has("alias")) {
            const boost::json::value alias_value(fields.object("alias"));
            json::Fields alias(alias_value, "listpeerchannels: alias");
            channel.local_alias = optional_scid(alias, "local");
            channel.remote_alias = optional_scid(alias, "remote");
            if (alias.fault()) return *alias.fault();
        }
        channel.announced = !fields.optional_boolean("private").value_or(false);
        const std::string state = fields.string("state");
        channel.open = state == "CHANNELD_NORMAL" || state == "CHANNELD_AWAITING_SPLICE";
        channel.usable = channel.open && fields.optional_boolean("peer_connected").value_or(true) &&
                         fields.optional_boolean("reestablished").value_or(true);
        channel.spendable = fields.optional_msat("spendable_msat").value_or(Msat{});
        channel.receivable = fields.optional_msat("receivable_msat").value_or(Msat{});
        if (fields.fault()) return *fields.fault();
        channels.push_back(channel);
    }
    if (in.fault()) return *in.fault();
    return channels;
}

Result<std::vector<IncomingChannel>> parse_incoming(const boost::json::value& result) {
    json::Fields in(result, "listincoming");
    std::vector<IncomingChannel> incoming;
    for (const boost::json::value& entry : in.array("incoming")) {
        json::Fields fields(entry, "listincoming: channel");
        IncomingChannel channel;
        channel.hop.pubkey = fields.hex<NodeId>("id");
        const auto scid = optional_scid(fields, "short_channel_id");
        // Whoever charges more than fits is not worth a hint; as lightningd, which ignores them.
        const std::uint64_t fee_base = fields.msat("fee_base_msat").value();
        channel.hop.fee_proportional_millionths =
            static_cast<std::uint32_t>(fields.u64("fee_proportional_millionths", UINT32_MAX));
        channel.hop.cltv_expiry_delta = static_cast<std::uint16_t>(fields.u64("cltv_expiry_delta", UINT16_MAX));
        channel.htlc_maximum = fields.optional_msat("htlc_max_msat").value_or(Msat(Msat::max_value));
        channel.capacity = fields.msat("incoming_capacity_msat");
        channel.announced = fields.optional_boolean("public").value_or(false);
        if (fields.fault()) return *fields.fault();
        if (!scid || fee_base > UINT32_MAX) continue;
        channel.hop.short_channel_id = *scid;
        channel.hop.fee_base_msat = static_cast<std::uint32_t>(fee_base);
        incoming.push_back(channel);
    }
    if (in.fault()) return *in.fault();
    return incoming;
}

gateway::NodeFigures figures_of(const std::vector<PeerChannel>& channels) {
    gateway::NodeFigures figures;
    bool any_open = false;
    for (const PeerChannel& channel : channels) {
        any_open = any_open || channel.open;
        if (!channel.usable) continue;
        ++figures.active_channels;
        figures.spendable = figures.spendable.plus(channel.spendable).value_or(figures.spendable);
        figures.receivable = figures.receivable.plus(channel.receivable).value_or(figures.receivable);
    }
    if (figures.active_channels == 0)
        figures.unpayable = any_open ? gateway::Unpayable::offline : gateway::Unpayable::no_channels;
    return figures;
}

std::vector<std::vector<bolt11::RouteHop>> route_hints(const std::vector<IncomingChannel>& incoming,
                                                       const std::vector<PeerChannel>& channels, Msat amount) {
    struct Candidate {
        bolt11::RouteHop hop;
        Msat width;
    };
    std::vector<Candidate> candidates;
    for (const IncomingChannel& channel : incoming) {
        const PeerChannel* known = find_channel(channels, channel.hop.short_channel_id);
        if (channel.announced || (known != nullptr && known->announced)) return {};
        const Msat width = std::min(channel.htlc_maximum, known != nullptr ? known->receivable : channel.capacity);
        if (channel.capacity == Msat{} || width == Msat{} || (known != nullptr && !known->usable)) continue;
        Candidate candidate{channel.hop, width};
        if (known != nullptr && known->remote_alias) candidate.hop.short_channel_id = *known->remote_alias;
        candidates.push_back(candidate);
    }
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Candidate& left, const Candidate& right) { return left.width > right.width; });
    const auto too_narrow = std::find_if(candidates.begin(), candidates.end(),
                                         [amount](const Candidate& candidate) { return candidate.width < amount; });
    if (too_narrow != candidates.begin()) candidates.erase(too_narrow, candidates.end());
    if (candidates.size() > max_hints) candidates.resize(max_hints);

    std::vector<std::vector<bolt11::RouteHop>> hints;
    for (const Candidate& candidate : candidates) hints.push_back({candidate.hop});
    return hints;
}

std::vector<Warning> payment_warnings(const std::vector<IncomingChannel>& incoming,
                                      const std::vector<PeerChannel>& channels, Msat amount) {
    // In the order in which they would help: what payers find by themselves, then peers that are away, dead ends, and channels
    // that are not announced beside others that are.
    std::uint64_t available = 0;
    std::uint64_t offline = 0;
    std::uint64_t dead_ends = 0;
    std::uint64_t hidden = 0;
    bool any_announced = false;
    for (const IncomingChannel& channel : incoming) {
        const PeerChannel* known = find_channel(channels, channel.hop.short_channel_id);
        if (known == nullptr || !known->open) continue;
        any_announced = any_announced || known->announced;
        const std::uint64_t width = std::min(channel.htlc_maximum, known->receivable).value();
        if (channel.capacity == Msat{}) {
            dead_ends += width;
        } else if (!known->usable) {
            offline += width;
        } else if (known->announced) {
            available += width;
        } else {
            hidden += width;
        }
    }
    if (!any_announced) available += std::exchange(hidden, 0);

    const std::uint64_t needed = amount.value();
    std::vector<Warning> warnings;
    if (needed >= available + offline + dead_ends + hidden)
        warnings.emplace_back("warning_capacity", "Insufficient incoming channel capacity to pay invoice");
    if (needed <= available) return warnings;
    if (needed <= available + offline) {
        warnings.emplace_back("warning_offline", "Insufficient incoming capacity, once offline peers were excluded");
    } else if (needed <= available + offline + dead_ends) {
        warnings.emplace_back("warning_deadends", "Insufficient incoming capacity, once dead-end peers were excluded");
    } else if (needed <= available + offline + dead_ends + hidden) {
        warnings.emplace_back("warning_private_unused",
                              "Insufficient incoming capacity, once private channels were excluded");
    }
    return warnings;
}

}  // namespace millrace::node
