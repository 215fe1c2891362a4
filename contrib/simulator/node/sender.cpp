#include "contrib/simulator/node/sender.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <utility>

#include "common/crypto/hash.hpp"
#include "contrib/simulator/network/forwarding.hpp"
#include "contrib/simulator/node/shapes.hpp"

namespace millrace::sim {

namespace json = boost::json;

namespace {

OnionPtr onion_of(const SendPart& part, std::uint32_t height) {
    auto onion = std::make_shared<Onion>();
    for (std::size_t i = 0; i < part.route.size(); ++i) {
        const bool last = i + 1 == part.route.size();
        const PaidHop& told = part.route[last ? i : i + 1];
        HopPayload payload;
        payload.forward = told.amount;
        payload.outgoing_cltv = told.cltv + height;
        if (!last) {
            payload.next = told.scid;
        } else {
            if (part.secret) payload.payment_data = PaymentData{*part.secret, part.total};
            payload.metadata = part.metadata;
            payload.extra = part.extra_tlvs;
        }
        onion->hops.push_back(std::move(payload));
    }
    return onion;
}

std::string refusal_text(OfferRefusal refusal) {
    switch (refusal) {
        case OfferRefusal::peer_offline:
            return "Channel peer is offline";
        case OfferRefusal::closed:
            return "Channel is closed";
        case OfferRefusal::capacity:
            return "WIRE_TEMPORARY_CHANNEL_FAILURE: Capacity exceeded - HTLC fee: 0sat";
        case OfferRefusal::too_many_htlcs:
            return "WIRE_TEMPORARY_CHANNEL_FAILURE: Too many HTLCs";
    }
    return {};
}

}  // namespace

std::uint64_t Sender::next_group(const PaymentHash& hash) const {
    std::uint64_t group = 0;
    for (const PaymentRow* row : core_.state.payments.of(hash)) group = std::max(group, row->group);
    return group + 1;
}

std::uint64_t Sender::random_group(const PaymentHash& hash) const {
    const std::string text = "group " + hash.hex() + " " + std::to_string(core_.state.payments.of(hash).size());
    const crypto::Digest digest = crypto::sha256(as_bytes(text));
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < 8; ++i) out = out << 8U | digest[i];
    return (out >> 1U) | 1U;
}

bool Sender::first_hop_is_up(ShortChannelId scid) const {
    const auto channel = core_.network().find_channel(scid);
    const auto& own = core_.network().nodes()[core_.index].channels;
    return channel && std::find(own.begin(), own.end(), *channel) != own.end() &&
           core_.network().channel(*channel).connected;
}

std::uint64_t Sender::send(SendPart part) {
    PaymentRow row;
    row.payment_hash = part.payment_hash;
    row.group = part.group;
    row.part = part.part;
    row.destination = part.route.empty() ? core_.setup.id : part.route.back().to;
    row.amount = part.amount;
    row.sent = part.route.empty() ? part.amount : part.route.front().amount;
    row.total = part.total;
    row.created_at = core_.now_seconds();
    row.label = part.label;
    row.bolt11 = part.bolt11;
    row.description = part.description;
    row.route = part.route;
    const std::uint64_t id = core_.state.payments.add(std::move(row)).id;
    core_.waiters.poke();
    if (part.route.empty()) {
        // lightningd does not send itself an HTLC: no hook is called.
        core_.state.invoices.expire(core_.now_seconds());
        const Receiver::Check check =
            receiver_.check_invoice(part.payment_hash, part.amount, std::nullopt, part.secret);
        if (check.invoice == nullptr) {
            core_.write_log(LogLevel::info, "lightningd", "self-payment failed: " + check.fault);
            PartFailure failure;
            failure.code = 203;
            failure.failure = {unknown_details(part.amount, core_.height()), 0, false};
            failure.reason = check.fault;
            failure.erring_node = core_.setup.id;
            fail_part(id, std::move(failure));
        } else {
            const Preimage preimage = check.invoice->preimage;
            receiver_.settle_invoice(*check.invoice, part.amount, 1);
            complete_part(id, preimage);
        }
        return id;
    }
    Network& network = core_.network();
    const auto channel = network.find_channel(part.route.front().scid);
    const auto ours = [&](ChannelIndex index) {
        const auto& own = network.nodes()[core_.index].channels;
        return std::find(own.begin(), own.end(), index) != own.end();
    };
    std::variant<HtlcRef, OfferRefusal> offered = OfferRefusal::peer_offline;
    if (channel && ours(*channel)) {
        const PaidHop& first = part.route.front();
        offered = network.offer(
            *channel, core_.index,
            {first.amount, first.cltv + core_.height(), part.payment_hash, onion_of(part, core_.height()), 0, id});
    }
    if (const OfferRefusal* refusal = std::get_if<OfferRefusal>(&offered)) {
        Failure failure;
        failure.message = channel && ours(*channel) ? failure_of(network, *refusal, *channel, core_.index)
                                                    : plain_failure(failcode::unknown_next_peer);
        PartFailure described = describe(*core_.state.payments.find(id), std::move(failure));
        described.reason = refusal_text(*refusal);
        // Told later, so that the caller has its answer to sendpay first.
        core_.after(Duration(0), [this, id, described] { fail_part(id, described); });
    }
    return id;
}

PartFailure Sender::describe(const PaymentRow& row, Failure failure) const {
    PartFailure out;
    out.reason = "reply from remote";
    const std::size_t position = std::min<std::size_t>(failure.erring_index, row.route.size());
    out.code = failure.unreadable ? 202 : position == row.route.size() ? 203 : 204;
    out.erring_node = position == 0 ? core_.setup.id : row.route[position - 1].to;
    const std::size_t hop = std::min(position, row.route.size() - 1);
    out.erring_channel = row.route[hop].scid;
    const NodeId from = hop == 0 ? core_.setup.id : row.route[hop - 1].to;
    out.erring_direction = from < row.route[hop].to ? 0 : 1;
    out.failure = std::move(failure);
    return out;
}

void Sender::resolved(const Htlc& htlc) {
    PaymentRow* row = core_.state.payments.find(htlc.tag);
    if (row == nullptr || row->status != PaymentStatus::pending) return;
    if (htlc.fulfilled) {
        complete_part(row->id, htlc.preimage);
    } else {
        fail_part(row->id, describe(*row, htlc.failure));
    }
}

void Sender::complete_part(std::uint64_t id, const Preimage& preimage) {
    PaymentRow* row = core_.state.payments.find(id);
    if (row == nullptr) return;
    row->status = PaymentStatus::complete;
    row->preimage = preimage;
    row->completed_at = core_.now_seconds();
    core_.state.payments.touch(*row);
    core_.plugins->notify("sendpay_success", payment_json(*row));
    part_ended(*row);
}

void Sender::fail_part(std::uint64_t id, PartFailure failure) {
    PaymentRow* row = core_.state.payments.find(id);
    if (row == nullptr || row->status != PaymentStatus::pending) return;
    row->failure = std::move(failure);
    // lightningd tells of a remote failure before it marks the row, and of its own channel's refusal after.
    const bool remote = row->failure->failure.erring_index > 0;
    json::object event = payment_failure_json(*row);
    if (remote) core_.waiters.poke();
    row->status = PaymentStatus::failed;
    row->completed_at = core_.now_seconds();
    core_.state.payments.touch(*row);
    if (!remote) event = payment_failure_json(*row);
    core_.plugins->notify("sendpay_failure", std::move(event));
    part_ended(*row);
}

void Sender::part_ended(const PaymentRow& row) {
    core_.waiters.poke();
    const auto found = runs_.find({row.payment_hash, row.group});
    if (found == runs_.end()) return;
    const std::shared_ptr<Run> run = found->second;
    if (row.status == PaymentStatus::complete) {
        advance(run, run->payer.on_success(row.part));
    } else {
        advance(run, run->payer.on_failure(core_.network(), row.part, row.failure->failure));
    }
}

void Sender::pay(PayInvoice request) {
    if (request.goal.destination == core_.index) return pay_ourselves(request);
    const std::uint64_t group = random_group(request.goal.payment_hash);
    Payer payer(request.goal, core_.index);
    auto run = std::make_shared<Run>(Run{std::move(payer), std::move(request), group, core_.now_seconds()});
    runs_[{run->request.goal.payment_hash, group}] = run;
    core_.after(std::chrono::seconds(run->request.retry_for_seconds), [weak = std::weak_ptr(run)] {
        if (const auto alive = weak.lock()) alive->payer.stop_retrying("Timed out.");
    });
    advance(run, run->payer.start(core_.network()));
}

void Sender::pay_ourselves(const PayInvoice& request) {
    SendPart part;
    part.payment_hash = request.goal.payment_hash;
    part.group = next_group(part.payment_hash);
    part.amount = part.total = request.goal.amount;
    part.secret = request.goal.payment_secret;
    part.bolt11 = request.bolt11;
    part.label = request.label;
    const PaymentRow& row = *core_.state.payments.find(send(std::move(part)));
    PaidInvoice paid;
    paid.amount = paid.sent = request.goal.amount;
    paid.created_at = row.created_at;
    if (row.status == PaymentStatus::complete) {
        paid.end.paid = true;
        paid.preimage = row.preimage;
        paid.successful_parts = 1;
    } else {
        paid.end = {false, 203, "Destination said it doesn't know invoice: " + row.failure->reason};
        paid.failed_parts = 1;
    }
    request.done(paid);
}

void Sender::advance(const std::shared_ptr<Run>& run, const PayStep& step) {
    if (step.end) {
        PaidInvoice paid;
        paid.end = *step.end;
        paid.amount = run->request.goal.amount;
        paid.sent = run->payer.sent();
        paid.failed_parts = run->payer.failed_parts();
        paid.successful_parts = run->payer.successful_parts();
        paid.created_at = run->created_at;
        for (const PaymentRow* row : core_.state.payments.of(run->request.goal.payment_hash)) {
            if (row->preimage) paid.preimage = row->preimage;
        }
        // Parts still under way come back later, to a run that has ended.
        run->request.done(paid);
    }
    for (const PartToSend& planned : step.send) {
        SendPart part;
        for (const RouteHop& hop : planned.route) {
            part.route.push_back(
                {core_.network().channel(hop.channel).scid, core_.id_of(hop.to), hop.amount, hop.cltv});
        }
        part.payment_hash = run->request.goal.payment_hash;
        part.group = run->group;
        part.part = planned.part_id;
        part.amount = planned.amount;
        part.total = run->request.goal.amount;
        part.secret = run->request.goal.payment_secret;
        part.metadata = run->request.goal.metadata;
        part.bolt11 = run->request.bolt11;
        part.label = run->request.label;
        send(std::move(part));
    }
}

}  // namespace millrace::sim
