#include "contrib/simulator/network/forwarding.hpp"

#include <utility>

namespace millrace::sim {
namespace {

// BOLT 4 expiry_too_far: what lightningd calls max-locktime-blocks.
constexpr std::uint32_t max_locktime_blocks = 2016;

}  // namespace

ChannelUpdate update_of(const Network& network, ChannelIndex index, NodeIndex node) {
    const Channel& channel = network.channel(index);
    const int side = channel.side_of(node);
    const ChannelPolicy& policy = channel.sides[static_cast<std::size_t>(side)].policy;
    return {channel.scid,        side,
            !policy.enabled,     policy.last_update,
            policy.cltv_delta,   policy.htlc_minimum,
            policy.htlc_maximum, policy.fee_base_msat,
            policy.fee_ppm};
}

Bytes failure_of(const Network& network, OfferRefusal refusal, ChannelIndex channel, NodeIndex node) {
    if (refusal == OfferRefusal::closed) return plain_failure(failcode::permanent_channel_failure);
    return channel_failure(failcode::temporary_channel_failure, update_of(network, channel, node));
}

ChannelIndex best_channel(const Network& network, ChannelIndex named, NodeIndex node) {
    const auto policy = [&](const Channel& channel) -> const ChannelPolicy& {
        return channel.sides[static_cast<std::size_t>(channel.side_of(node))].policy;
    };
    const Channel& hint = network.channel(named);
    ChannelIndex best = named;
    Msat most;
    for (const ChannelIndex index : network.nodes()[node].channels) {
        const Channel& channel = network.channel(index);
        if (channel.closed || channel.peer_of(node) != hint.peer_of(node)) continue;
        if (policy(channel).fee_base_msat != policy(hint).fee_base_msat ||
            policy(channel).fee_ppm != policy(hint).fee_ppm)
            continue;
        const Msat spendable = channel.spendable(channel.side_of(node));
        if (spendable <= most) continue;
        best = index;
        most = spendable;
    }
    return best;
}

std::variant<Forwarded, NotForwarded> forward_htlc(Network& network, HtlcRef incoming, const HopPayload& payload,
                                                   std::optional<ChannelIndex> forward_to) {
    const Htlc in = *network.find(incoming);
    const NodeIndex self = network.receiver_of(in);
    std::optional<ChannelIndex> next = forward_to;
    if (!next && payload.next) next = network.find_channel(*payload.next);
    if (next) {
        const Channel& channel = network.channel(*next);
        if (channel.sides[0].node != self && channel.sides[1].node != self) next.reset();
    }
    if (!next) return NotForwarded{plain_failure(failcode::unknown_next_peer), std::nullopt};
    if (!forward_to) next = best_channel(network, *next, self);

    const Channel& channel = network.channel(*next);
    const ChannelSide& side = channel.sides[static_cast<std::size_t>(channel.side_of(self))];
    const ChannelPolicy& policy = side.policy;
    const bool in_grace = side.earlier && network.now() < side.earlier->until;
    const ChannelUpdate update = update_of(network, *next, self);
    const std::optional<Msat> fee = in.amount.minus(payload.forward);
    const auto pays = [&](const ChannelPolicy& asked) { return fee && *fee >= asked.fee(payload.forward); };
    if (!pays(policy) && !(in_grace && pays(side.earlier->policy))) {
        return NotForwarded{channel_failure(failcode::fee_insufficient, in.amount, update), next};
    }
    if (!policy.takes(payload.forward) && !(in_grace && side.earlier->policy.takes(payload.forward))) {
        return NotForwarded{channel_failure(failcode::temporary_channel_failure, update), next};
    }
    if (in.cltv_expiry < payload.outgoing_cltv + policy.cltv_delta) {
        return NotForwarded{channel_failure_cltv(in.cltv_expiry, update), next};
    }
    if (payload.outgoing_cltv <= network.height() + 1) {
        return NotForwarded{channel_failure(failcode::expiry_too_soon, update), next};
    }
    if (in.cltv_expiry > network.height() + max_locktime_blocks) {
        return NotForwarded{plain_failure(failcode::expiry_too_far), next};
    }
    const Offer offer{payload.forward, payload.outgoing_cltv, in.payment_hash, in.onion, in.hop + 1, 0};
    const auto placed = network.forward(incoming, *next, offer);
    if (const HtlcRef* out = std::get_if<HtlcRef>(&placed)) return Forwarded{*out, *next};
    return NotForwarded{failure_of(network, std::get<OfferRefusal>(placed), *next, self), next};
}

}  // namespace millrace::sim
