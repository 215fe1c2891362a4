#include "contrib/simulator/network/network.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace millrace::sim {
namespace {

Msat add_up(Msat left, Msat right) {
    return Msat(left.value() + right.value());
}
Msat less(Msat left, Msat right) {
    return Msat(left.value() - right.value());
}

}  // namespace

Msat ChannelPolicy::fee(Msat amount) const {
    // Split so that amounts up to 21 million bitcoin do not overflow.
    const std::uint64_t whole = amount.value() / 1'000'000 * fee_ppm;
    const std::uint64_t rest = amount.value() % 1'000'000 * fee_ppm / 1'000'000;
    return Msat(fee_base_msat + whole + rest);
}

Time Channel::stable_at(Time now) const {
    const Time due = connected_at + stable_after;
    return connected && due <= now ? std::max(due, last_stable_at) : last_stable_at;
}

Msat Channel::spendable(int side) const {
    const ChannelSide& own = sides[static_cast<std::size_t>(side)];
    return own.balance.minus(add_up(own.reserve, own.commit_fee)).value_or(Msat());
}

NodeIndex Network::add_node(const NodeId& id, std::string name) {
    const auto index = static_cast<NodeIndex>(nodes_.size());
    nodes_.push_back({id, std::move(name), true, scheduler_.now(), {}, nullptr});
    node_by_id_.emplace(id, index);
    return index;
}

std::variant<ChannelIndex, std::string> Network::add_channel(const ChannelSpec& spec) {
    if (spec.from >= nodes_.size() || spec.to >= nodes_.size()) return "a channel needs two nodes that exist";
    if (spec.from == spec.to) return "a channel cannot lead from " + nodes_[spec.from].name + " to itself";
    if (spec.push > spec.capacity) return "push_msat is more than the channel's capacity";
    const auto index = static_cast<ChannelIndex>(channels_.size());
    // 103x1x0, 103x2x0, … as on a young regtest chain.
    const ShortChannelId scid = spec.scid.value_or(ShortChannelId(103, index + 1, 0));
    if (!channel_by_scid_.emplace(scid, index).second) return "two channels have the short channel id " + scid.text();

    const bool from_is_first = nodes_[spec.from].id < nodes_[spec.to].id;
    Channel channel;
    channel.scid = scid;
    channel.capacity = spec.capacity;
    channel.pushed = spec.push;
    channel.opener = from_is_first ? 0 : 1;
    channel.latency = spec.latency;
    channel.latency_random = RandomStream(seed_, scid.value(), "latency");
    channel.is_public = spec.is_public;
    channel.opened_at = channel.connected_at = channel.last_stable_at = scheduler_.now();
    ChannelSide& from = channel.sides[from_is_first ? 0 : 1];
    ChannelSide& to = channel.sides[from_is_first ? 1 : 0];
    from.node = spec.from;
    from.balance = less(spec.capacity, spec.push);
    from.policy = spec.policy;
    from.commit_fee = spec.commit_fee;
    from.max_accepted_htlcs = spec.reverse_max_accepted_htlcs;
    from.max_in_flight = spec.reverse_max_in_flight;
    to.node = spec.to;
    to.balance = spec.push;
    to.policy = spec.reverse_policy;
    to.max_accepted_htlcs = spec.max_accepted_htlcs;
    to.max_in_flight = spec.max_in_flight;
    for (ChannelSide& side : channel.sides) {
        side.reserve = spec.reserve;
        side.least_to_us = side.most_to_us = side.balance;
        nodes_[side.node].channels.push_back(index);
    }
    channels_.push_back(std::move(channel));
    return index;
}

std::optional<OfferRefusal> Network::refusal(const Channel& channel, int side, Msat amount) const {
    const ChannelSide& own = channel.sides[static_cast<std::size_t>(side)];
    if (channel.closed) return OfferRefusal::closed;
    if (!channel.connected) return OfferRefusal::peer_offline;
    if (amount > channel.spendable(side)) return OfferRefusal::capacity;
    const ChannelSide& peer = channel.sides[static_cast<std::size_t>(1 - side)];
    if (peer.max_in_flight && add_up(own.in_flight_amount, amount) > *peer.max_in_flight) return OfferRefusal::capacity;
    if (own.in_flight >= peer.max_accepted_htlcs) return OfferRefusal::too_many_htlcs;
    return std::nullopt;
}

std::variant<HtlcRef, OfferRefusal> Network::offer(ChannelIndex channel, NodeIndex from, const Offer& request) {
    return place(channel, channels_[channel].side_of(from), request, 0);
}

std::variant<HtlcRef, OfferRefusal> Network::forward(HtlcRef incoming, ChannelIndex channel, const Offer& request) {
    Htlc* in = get(incoming);
    const int side = channels_[channel].side_of(receiver_of(*in));
    auto placed = place(channel, side, request, incoming);
    if (const HtlcRef* out = std::get_if<HtlcRef>(&placed)) {
        in = get(incoming);  // place() may have moved the table
        in->state = HtlcState::forwarded;
        in->downstream = *out;
    }
    return placed;
}

std::variant<HtlcRef, OfferRefusal> Network::place(ChannelIndex index, int side, const Offer& request,
                                                   HtlcRef upstream) {
    Channel& channel = channels_[index];
    if (const auto why = refusal(channel, side, request.amount)) {
        note(refused, channel.scid.value(), static_cast<std::uint64_t>(*why));
        return *why;
    }
    ChannelSide& own = channel.sides[static_cast<std::size_t>(side)];
    Htlc& htlc = allocate();
    htlc.channel = index;
    htlc.from = static_cast<std::uint8_t>(side);
    htlc.id = own.next_htlc_id++;
    htlc.amount = request.amount;
    htlc.cltv_expiry = request.cltv_expiry;
    htlc.payment_hash = request.payment_hash;
    htlc.onion = request.onion;
    htlc.hop = request.hop;
    htlc.upstream = upstream;
    htlc.tag = request.tag;
    own.balance = less(own.balance, request.amount);
    own.in_flight += 1;
    own.in_flight_amount = add_up(own.in_flight_amount, request.amount);
    own.totals.offered += 1;
    own.totals.offered_amount = add_up(own.totals.offered_amount, request.amount);
    ++htlcs_offered_;
    note(offered, channel.scid.value() * 2 + static_cast<std::uint64_t>(side), request.amount.value());
    send(add, htlc);
    return htlc.self;
}

void Network::fulfil(HtlcRef ref, const Preimage& preimage) {
    Htlc* htlc = get(ref);
    if (htlc == nullptr || htlc->state == HtlcState::removing) return;
    htlc->fulfilled = true;
    htlc->preimage = preimage;
    decide(*htlc);
}

void Network::fail(HtlcRef ref, Failure failure) {
    Htlc* htlc = get(ref);
    if (htlc == nullptr || htlc->state == HtlcState::removing) return;
    htlc->fulfilled = false;
    htlc->failure = std::move(failure);
    decide(*htlc);
}

void Network::decide(Htlc& htlc) {
    htlc.state = HtlcState::removing;
    if (channels_[htlc.channel].closed) return resolve_on_chain(htlc);
    send(remove, htlc);
}

void Network::send(Message kind, Htlc& htlc) {
    Channel& channel = channels_[htlc.channel];
    // An add travels from the offerer, its removal from the receiver.
    ChannelSide& sender = channel.sides[kind == add ? htlc.from : 1U - htlc.from];
    Duration delay = channel.latency.median;
    if (channel.latency.sigma > 0) {
        const double factor = std::exp(channel.latency.sigma * channel.latency_random.normal());
        delay = Duration(static_cast<Duration::rep>(static_cast<double>(delay.count()) * factor));
    }
    sender.last_delivery = std::max(scheduler_.now() + delay, sender.last_delivery);
    scheduler_.at(sender.last_delivery, *this, kind, htlc.self);
}

void Network::on_event(std::uint32_t kind, std::uint64_t subject) {
    const Htlc* htlc = get(subject);
    if (htlc == nullptr) return;
    const auto message = static_cast<Message>(kind);
    if (!deliverable(*htlc)) {
        channels_[htlc->channel].parked.push_back({kind, subject});
        return;
    }
    if (gate_ && gate_(message, *htlc)) return;
    deliver(message, subject);
}

void Network::deliver(Message kind, HtlcRef ref) {
    Htlc* htlc = get(ref);
    if (htlc == nullptr || (kind == add && htlc->state != HtlcState::adding)) return;
    if (!deliverable(*htlc)) {
        channels_[htlc->channel].parked.push_back({kind, ref});
        return;
    }
    note(kind, channels_[htlc->channel].scid.value() * 2 + htlc->from, htlc->id * 2 + (htlc->fulfilled ? 1 : 0));
    if (kind == remove) return finish(ref);
    htlc->state = HtlcState::locked_in;
    htlc->locked_in_at = scheduler_.now();
    NodeBehaviour* behaviour = nodes_[receiver_of(*htlc)].behaviour;
    if (behaviour != nullptr) {
        behaviour->on_htlc_locked_in(ref);
    } else {
        fail(ref, {plain_failure(failcode::temporary_node_failure), htlc->hop + 1, false});
    }
}

bool Network::deliverable(const Htlc& htlc) const {
    const Channel& channel = channels_[htlc.channel];
    // On chain the peer is not needed, but the offerer has to be there to see.
    if (channel.closed) return htlc.on_chain != OnChain::no && nodes_[offerer_of(htlc)].up;
    return channel.connected;
}

void Network::send_parked(ChannelIndex index) {
    for (const ParkedMessage& message : std::exchange(channels_[index].parked, {})) {
        if (Htlc* htlc = get(message.htlc)) send(static_cast<Message>(message.kind), *htlc);
    }
}

void Network::finish(HtlcRef ref) {
    const Htlc htlc = *get(ref);
    release(ref);
    remember_forward(htlc);
    Channel& channel = channels_[htlc.channel];
    ChannelSide& offerer = channel.sides[htlc.from];
    ChannelSide& receiver = channel.sides[1U - htlc.from];
    offerer.in_flight -= 1;
    offerer.in_flight_amount = less(offerer.in_flight_amount, htlc.amount);
    if (htlc.fulfilled) {
        receiver.balance = add_up(receiver.balance, htlc.amount);
        offerer.totals.fulfilled += 1;
        offerer.totals.fulfilled_amount = add_up(offerer.totals.fulfilled_amount, htlc.amount);
        for (ChannelSide* side : {&offerer, &receiver}) {
            const Msat to_us = add_up(side->balance, side->in_flight_amount);
            side->least_to_us = std::min(side->least_to_us, to_us);
            side->most_to_us = std::max(side->most_to_us, to_us);
        }
    } else {
        offerer.balance = add_up(offerer.balance, htlc.amount);
    }
    const NodeIndex offerer_node = offerer.node;
    const NodeIndex receiver_node = receiver.node;
    if (NodeBehaviour* behaviour = nodes_[offerer_node].behaviour) behaviour->on_htlc_resolved(htlc);
    if (NodeBehaviour* behaviour = nodes_[receiver_node].behaviour) behaviour->on_htlc_removed(htlc);
}

void Network::set_up(NodeIndex node, bool up) {
    if (nodes_[node].up == up) return;
    nodes_[node].up = up;
    if (up) nodes_[node].up_since = scheduler_.now();
    note(node_state, node, up ? 1 : 0);
    for (const ChannelIndex index : nodes_[node].channels) {
        Channel& channel = channels_[index];
        if (channel.closed) {
            if (!up) continue;
            for (const Htlc* htlc : htlcs_in(index)) resolve_on_chain(*get(htlc->self));
            send_parked(index);
            continue;
        }
        const bool connected = nodes_[channel.sides[0].node].up && nodes_[channel.sides[1].node].up;
        if (channel.connected == connected) continue;
        channel.connected = connected;
        if (connected) {
            channel.connected_at = scheduler_.now();
        } else {
            channel.last_stable_at = channel.stable_at(scheduler_.now());
        }
        for (const ChannelSide& side : channel.sides) {
            NodeBehaviour* behaviour = nodes_[side.node].behaviour;
            if (behaviour != nullptr && nodes_[side.node].up) behaviour->on_peer(index, connected);
        }
        if (connected) send_parked(index);
    }
}

const Htlc* Network::find(HtlcRef ref) const {
    return const_cast<Network*>(this)->get(ref);
}

std::optional<NodeIndex> Network::find_node(const NodeId& id) const {
    const auto found = node_by_id_.find(id);
    if (found == node_by_id_.end()) return std::nullopt;
    return found->second;
}

ShortChannelId Network::alias(ChannelIndex channel, int side) {
    return ShortChannelId(first_alias_block + channel, static_cast<std::uint32_t>(side), 1);
}

std::optional<ChannelIndex> Network::find_channel(ShortChannelId scid) const {
    const auto found = channel_by_scid_.find(scid);
    if (found != channel_by_scid_.end()) return found->second;
    const auto block = static_cast<std::uint32_t>(scid.value() >> 40U);
    if (block < first_alias_block || block - first_alias_block >= channels_.size()) return std::nullopt;
    const ChannelIndex channel = block - first_alias_block;
    if (scid != alias(channel, 0) && scid != alias(channel, 1)) return std::nullopt;
    return channel;
}

std::vector<const Htlc*> Network::htlcs_in(ChannelIndex channel) const {
    std::vector<const Htlc*> out;
    for (const Htlc& htlc : htlcs_) {
        if (htlc.self != 0 && htlc.channel == channel) out.push_back(&htlc);
    }
    return out;
}

std::vector<HtlcRef> Network::undecided(NodeIndex node) const {
    std::vector<const Htlc*> found;
    for (const Htlc& htlc : htlcs_) {
        if (htlc.self != 0 && htlc.state == HtlcState::locked_in && receiver_of(htlc) == node) found.push_back(&htlc);
    }
    std::sort(found.begin(), found.end(), [](const Htlc* left, const Htlc* right) {
        return left->locked_in_at != right->locked_in_at ? left->locked_in_at < right->locked_in_at
                                                         : left->id < right->id;
    });
    std::vector<HtlcRef> out;
    out.reserve(found.size());
    for (const Htlc* htlc : found) out.push_back(htlc->self);
    return out;
}

NodeIndex Network::receiver_of(const Htlc& htlc) const {
    return channels_[htlc.channel].sides[1U - htlc.from].node;
}
NodeIndex Network::offerer_of(const Htlc& htlc) const {
    return channels_[htlc.channel].sides[htlc.from].node;
}

bool Network::balanced() const {
    std::vector<std::uint64_t> in_flight(channels_.size(), 0);
    for (const Htlc& htlc : htlcs_) {
        if (htlc.self != 0) in_flight[htlc.channel] += htlc.amount.value();
    }
    for (std::size_t i = 0; i < channels_.size(); ++i) {
        const Channel& channel = channels_[i];
        const std::uint64_t sum = channel.sides[0].balance.value() + channel.sides[1].balance.value() + in_flight[i];
        if (sum != channel.capacity.value()) return false;
    }
    return std::none_of(losses_.begin(), losses_.end(), [](const Loss& loss) { return loss.was_up; });
}

Htlc* Network::get(HtlcRef ref) {
    const auto slot = static_cast<std::uint32_t>(ref);
    if (slot >= htlcs_.size() || htlcs_[slot].self != ref || ref == 0) return nullptr;
    return &htlcs_[slot];
}

Htlc& Network::allocate() {
    std::uint32_t slot = 0;
    if (free_slots_.empty()) {
        slot = static_cast<std::uint32_t>(htlcs_.size());
        htlcs_.emplace_back();
        generations_.push_back(0);
    } else {
        slot = free_slots_.back();
        free_slots_.pop_back();
        htlcs_[slot] = Htlc{};
    }
    htlcs_[slot].self = std::uint64_t{++generations_[slot]} << 32U | slot;
    return htlcs_[slot];
}

void Network::release(HtlcRef ref) {
    const auto slot = static_cast<std::uint32_t>(ref);
    htlcs_[slot].self = 0;
    htlcs_[slot].onion.reset();
    free_slots_.push_back(slot);
}

void Network::note(std::uint32_t kind, std::uint64_t subject, std::uint64_t value) {
    log_.record({scheduler_.now(), kind, subject, value});
}

}  // namespace millrace::sim
