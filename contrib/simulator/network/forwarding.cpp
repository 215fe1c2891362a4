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

Bytes failure_of(const Network& network, OfferRefusal refusal, ChannelIndex channel, NodeIndex node, Msat amount) {
    switch (refusal) {
        case OfferRefusal::below_minimum:
            return channel_failure(failcode::amount_below_minimum, amount, update_of(network, channel, node));
        case OfferRefusal::closed:
            return plain_failure(failcode::permanent_channel_failure);
        case OfferRefusal::peer_offline:
        case OfferRefusal::above_maximum:
        case OfferRefusal::capacity:
        case OfferRefusal::too_many_htlcs:
            break;
    }
    return channel_failure(failcode::temporary_channel_failure, update_of(network, channel, node));
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

    const Channel& channel = network.channel(*next);
    const ChannelPolicy& policy = channel.sides[static_cast<std::size_t>(channel.side_of(self))].policy;
    const ChannelUpdate update = update_of(network, *next, self);
    const std::optional<Msat> fee = in.amount.minus(payload.forward);
    if (!fee || *fee < policy.fee(payload.forward)) {
        return NotForwarded{channel_failure(failcode::fee_insufficient, in.amount, update), next};
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
    return NotForwarded{failure_of(network, std::get<OfferRefusal>(placed), *next, self, payload.forward), next};
}

}  // namespace millrace::sim
