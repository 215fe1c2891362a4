// What becomes of HTLCs whose channel is on chain, and of those that expire (BOLT 5, "HTLC Output Handling").
//
//   not locked in       back to its offerer at once: it is in no commitment transaction
//   preimage known      its receiver claims it, once it is up; the offerer learns the preimage from the chain
//   expired, unclaimed  its offerer takes it back, once it is up
//
// What its receiver failed comes back when it expires: there is no message on chain. Nobody acts while it is down, so
// two who are down meet in the order in which they come back.
#include <algorithm>

#include "contrib/simulator/network/network.hpp"

namespace millrace::sim {
namespace {

// lightningd gives its peer one block beyond an offered HTLC's expiry, then goes on chain.
constexpr std::uint32_t expiry_grace = 1;
// And goes on chain half a cltv delta ahead of the expiry of one that it fulfilled and cannot tell its peer.
constexpr std::uint32_t claim_margin = 3;

bool is_settling(const Htlc& htlc) {
    return htlc.state == HtlcState::removing && htlc.fulfilled;
}

}  // namespace

void Network::close(ChannelIndex index) {
    if (std::exchange(channels_[index].closed, true)) return;
    channels_[index].closed_at = scheduler_.now();
    for (const ChannelSide& side : channels_[index].sides) {
        NodeBehaviour* behaviour = nodes_[side.node].behaviour;
        if (behaviour != nullptr && nodes_[side.node].up) behaviour->on_channel_closed(index);
    }
    for (const Htlc* htlc : htlcs_in(index)) resolve_on_chain(*get(htlc->self));
    send_parked(index);
}

// No effect where its channel is not on chain, or somebody has it already, or nobody can take it yet.
void Network::resolve_on_chain(Htlc& htlc) {
    if (!channels_[htlc.channel].closed || htlc.on_chain != OnChain::no) return;
    const bool never_there = htlc.state == HtlcState::adding;
    const bool expired = htlc.cltv_expiry <= height_ && nodes_[offerer_of(htlc)].up && !answer_under_way(htlc);
    if (is_settling(htlc) && nodes_[receiver_of(htlc)].up) {
        htlc.on_chain = OnChain::claimed;
    } else if (never_there || expired) {
        htlc.on_chain = OnChain::timed_out;
        htlc.state = HtlcState::removing;
        htlc.fulfilled = false;
        htlc.failure = {plain_failure(failcode::permanent_channel_failure), htlc.hop, false};
    } else {
        return;
    }
    send(remove, htlc);
}

// Whether what it was forwarded as was decided, and the answer is travelling back. Blocks are mined in no time here;
// between real ones it would have come.
bool Network::answer_under_way(const Htlc& htlc) const {
    for (const Htlc* out = find(htlc.downstream); out != nullptr; out = find(out->downstream)) {
        if (out->state == HtlcState::removing) return deliverable(*out);
    }
    return false;
}

void Network::mine(std::uint32_t blocks) {
    const std::uint32_t target = height_ + blocks;
    while (height_ < target) {
        height_ = std::min(target, next_deadline());
        check_deadlines();
    }
    note(mined, height_, blocks);
}

// The next height at which some HTLC may become due.
std::uint32_t Network::next_deadline() const {
    std::uint32_t out = UINT32_MAX;
    const auto at = [&out, this](std::uint32_t height) {
        if (height > height_) out = std::min(out, height);
    };
    for (const Htlc& htlc : htlcs_) {
        if (htlc.self == 0) continue;
        at(htlc.cltv_expiry - std::min(htlc.cltv_expiry, claim_margin));
        at(htlc.cltv_expiry);
        at(htlc.cltv_expiry + expiry_grace);
    }
    return out;
}

void Network::check_deadlines() {
    std::vector<ChannelIndex> overdue;
    std::vector<HtlcRef> on_chain;
    for (const Htlc& htlc : htlcs_) {
        if (htlc.self == 0) continue;
        const Channel& channel = channels_[htlc.channel];
        if (channel.closed) {
            on_chain.push_back(htlc.self);
        } else if (is_settling(htlc)) {
            if (channel.connected) continue;  // the answer is on its way
            const bool claims = nodes_[receiver_of(htlc)].up && htlc.cltv_expiry <= height_ + claim_margin;
            const bool expired = nodes_[offerer_of(htlc)].up && htlc.cltv_expiry + expiry_grace <= height_;
            if (claims || expired) overdue.push_back(htlc.channel);
        } else if (htlc.cltv_expiry + expiry_grace <= height_ && nodes_[offerer_of(htlc)].up) {
            if (!answer_under_way(htlc)) overdue.push_back(htlc.channel);
        }
    }
    for (const ChannelIndex channel : overdue) close(channel);
    for (const HtlcRef ref : on_chain) {
        if (Htlc* htlc = get(ref)) resolve_on_chain(*htlc);
    }
}

// What a forwarder was paid and what it paid, whichever of the two ends first.
void Network::remember_forward(const Htlc& gone) {
    const auto lost = [this](NodeIndex node, Msat amount, Time since) {
        losses_.push_back({node, amount, nodes_[node].up && nodes_[node].up_since <= since});
    };
    if (gone.upstream != 0) {
        if (Htlc* in = get(gone.upstream)) {
            in->paid_on = in->paid_on || gone.fulfilled;
        } else if (gone.fulfilled && gone.upstream_failed) {
            lost(offerer_of(gone), gone.amount, gone.locked_in_at);
        }
    }
    if (gone.fulfilled) return;
    if (gone.paid_on) lost(receiver_of(gone), gone.amount, gone.locked_in_at);
    if (Htlc* out = get(gone.downstream)) out->upstream_failed = true;
}

}  // namespace millrace::sim
