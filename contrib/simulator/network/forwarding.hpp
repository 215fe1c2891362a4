// What a node does with an HTLC that is to go on: BOLT 4's and BOLT 7's checks, then the offer on the next channel.
#pragma once

#include <optional>
#include <variant>

#include "contrib/simulator/network/network.hpp"

namespace millrace::sim {

// The update that failures about `channel` in the direction out of `node` carry.
[[nodiscard]] ChannelUpdate update_of(const Network& network, ChannelIndex channel, NodeIndex node);

struct Forwarded {
    HtlcRef outgoing = 0;
    ChannelIndex channel = 0;
};
struct NotForwarded {
    Bytes failure;
    std::optional<ChannelIndex> channel;  // where it would have gone, if that is known
};

// The channel that `node` would forward over where the sender named `named`: of those to the same peer with the same
// fees the one that has the most to spend (BOLT 4, "Non-strict Forwarding"; lightningd's best_channel()).
[[nodiscard]] ChannelIndex best_channel(const Network& network, ChannelIndex named, NodeIndex node);

// Forwards `incoming` as `payload` asks. `forward_to` overrides the payload's channel (a hook may say so): that one it
// is.
[[nodiscard]] std::variant<Forwarded, NotForwarded> forward_htlc(Network& network, HtlcRef incoming,
                                                                 const HopPayload& payload,
                                                                 std::optional<ChannelIndex> forward_to = std::nullopt);

// The failure message that a node answers with where the channel does not take the HTLC.
[[nodiscard]] Bytes failure_of(const Network& network, OfferRefusal refusal, ChannelIndex channel, NodeIndex node);

}  // namespace millrace::sim
