#include "contrib/simulator/network/plain_node.hpp"

#include <utility>

#include "common/crypto/hash.hpp"
#include "contrib/simulator/network/forwarding.hpp"

namespace millrace::sim {

PlainNode::PlainNode(Network& network, NodeIndex index) : network_(network), index_(index) {
    network.set_behaviour(index, this);
}

void PlainNode::expect(const Preimage& preimage, Msat amount) {
    expected_[crypto::payment_hash(preimage)] = {preimage, amount};
}

void PlainNode::pay(const PayGoal& goal, Paid done) {
    auto run = std::make_shared<Run>(Run{Payer(goal, index_), std::move(done)});
    advance(run, run->payer.start(network_));
}

void PlainNode::advance(const std::shared_ptr<Run>& run, const PayStep& step) {
    for (const PartToSend& part : step.send) {
        const PayGoal& goal = run->payer.goal();
        const OnionPtr onion =
            make_onion(network_, part.route, goal.amount, goal.payment_secret, goal.metadata, network_.height());
        const std::uint64_t tag = next_tag_++;
        const RouteHop& first = part.route.front();
        const Offer offer{first.amount, first.cltv + network_.height(), goal.payment_hash, onion, 0, tag};
        parts_[tag] = {run, part.part_id};
        const auto offered = network_.offer(first.channel, index_, offer);
        if (const OfferRefusal* refusal = std::get_if<OfferRefusal>(&offered)) {
            parts_.erase(tag);
            const Failure failure{failure_of(network_, *refusal, first.channel, index_), 0, false};
            advance(run, run->payer.on_failure(network_, part.part_id, failure));
        }
    }
    if (step.end) run->done(*step.end, run->payer);
}

void PlainNode::on_htlc_resolved(const Htlc& htlc) {
    if (htlc.upstream != 0) {
        if (htlc.fulfilled) {
            network_.fulfil(htlc.upstream, htlc.preimage);
        } else {
            network_.fail(htlc.upstream, htlc.failure);
        }
        return;
    }
    const auto found = parts_.find(htlc.tag);
    if (found == parts_.end()) return;
    const Part part = std::move(found->second);
    parts_.erase(found);
    advance(part.run, htlc.fulfilled ? part.run->payer.on_success(part.part)
                                     : part.run->payer.on_failure(network_, part.part, htlc.failure));
}

void PlainNode::on_htlc_locked_in(HtlcRef ref) {
    const Htlc& htlc = *network_.find(ref);
    const OnionPtr onion = htlc.onion;  // forwarding may move the HTLC
    const HopPayload& payload = onion->hops[htlc.hop];
    if (!payload.next) return receive(ref, payload);
    auto done = forward_htlc(network_, ref, payload);
    if (auto* failed = std::get_if<NotForwarded>(&done)) fail(ref, std::move(failed->failure));
}

void PlainNode::receive(HtlcRef ref, const HopPayload& payload) {
    const Htlc htlc = *network_.find(ref);
    const auto found = expected_.find(htlc.payment_hash);
    const Msat total = payload.payment_data ? payload.payment_data->total : payload.forward;
    if (found == expected_.end() || total < found->second.amount || htlc.amount < payload.forward) {
        return fail(ref, unknown_details(htlc.amount, network_.height()));
    }
    switch (sets_.add(htlc.payment_hash, ref, payload.forward, total)) {
        case HtlcSets::Added::other_total:
            return fail(ref, final_wrong_amount(htlc.amount));
        case HtlcSets::Added::first: {
            const std::uint64_t generation = sets_.find(htlc.payment_hash)->generation;
            if (sets_.find(htlc.payment_hash)->complete()) break;
            network_.scheduler().call_at(network_.scheduler().now() + mpp_timeout,
                                         [this, hash = htlc.payment_hash, generation] {
                                             const HtlcSet* set = sets_.find(hash);
                                             if (set == nullptr || set->generation != generation) return;
                                             for (const HtlcRef part : sets_.take(hash).parts)
                                                 fail(part, plain_failure(failcode::mpp_timeout));
                                         });
            break;
        }
        case HtlcSets::Added::more:
            break;
    }
    if (!sets_.find(htlc.payment_hash)->complete()) return;
    const Preimage preimage = found->second.preimage;
    expected_.erase(found);
    for (const HtlcRef part : sets_.take(htlc.payment_hash).parts) network_.fulfil(part, preimage);
}

void PlainNode::fail(HtlcRef ref, Bytes message) {
    const Htlc* htlc = network_.find(ref);
    if (htlc != nullptr) network_.fail(ref, {std::move(message), htlc->hop + 1, false});
}

}  // namespace millrace::sim
