// The node's channels as lightningd tells of them, and what we make of them: figures for the service, route hints for
// invoices.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/bolt11/invoice.hpp"
#include "common/gateway/messages.hpp"

namespace millrace::node {

// Of listpeerchannels, what counts here.
struct PeerChannel {
    std::optional<ShortChannelId> short_channel_id;
    std::optional<ShortChannelId> local_alias;
    std::optional<ShortChannelId> remote_alias;
    bool announced = false;
    bool open = false;    // in a state that carries HTLCs
    bool usable = false;  // open, the peer is connected, and both sides know where they stand
    Msat spendable;
    Msat receivable;
};

// Of listincoming (lightningd's own, undocumented source of route hints): one channel, seen from the peer's side.
struct IncomingChannel {
    bolt11::RouteHop hop;
    Msat capacity;  // of the peer's other channels; zero for a dead end
    Msat htlc_maximum;
    bool announced = false;
};

// Errors: json::Errc.
[[nodiscard]] Result<std::vector<PeerChannel>> parse_peer_channels(const boost::json::value& result);
[[nodiscard]] Result<std::vector<IncomingChannel>> parse_incoming(const boost::json::value& result);

// blockheight and peers are left at 0. `unpayable` says whether anybody can pay at all, however little.
[[nodiscard]] gateway::NodeFigures figures_of(const std::vector<PeerChannel>& channels);

// Hints for a node that nobody finds without them: one that has unannounced channels only. As `invoice` does
// (lightningd/routehint.c): a channel that is to be announced rules hints out, dead ends and offline peers are left out, and
// the peer's alias stands for the channel. At most four, widest first; where any carry `amount` at once, only those.
[[nodiscard]] std::vector<std::vector<bolt11::RouteHop>> route_hints(const std::vector<IncomingChannel>& incoming,
                                                                     const std::vector<PeerChannel>& channels,
                                                                     Msat amount);

// What `invoice` warns of (lightningd/invoice.c, add_routehints): that the node cannot receive `amount`, and what keeps it from
// that. At most one says more than "warning_capacity".
using Warning = std::pair<std::string, std::string>;
[[nodiscard]] std::vector<Warning> payment_warnings(const std::vector<IncomingChannel>& incoming,
                                                    const std::vector<PeerChannel>& channels, Msat amount);

}  // namespace millrace::node
