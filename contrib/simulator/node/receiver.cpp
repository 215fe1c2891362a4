#include "contrib/simulator/node/receiver.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "common/codec/hex.hpp"
#include "common/crypto/hash.hpp"
#include "contrib/simulator/network/forwarding.hpp"
#include "contrib/simulator/node/shapes.hpp"

namespace millrace::sim {

namespace json = boost::json;

namespace {

constexpr std::size_t onion_packet_size = 1366;  // BOLT 4: version, key[33], hop payloads[1300], hmac[32]

// Bytes that look like what a node would see, the same for the same HTLC.
Bytes make_up(std::string_view what, const Htlc& htlc, std::size_t size) {
    Bytes key = to_bytes(as_bytes(what));
    key.insert(key.end(), htlc.payment_hash.view().begin(), htlc.payment_hash.view().end());
    key.push_back(static_cast<std::uint8_t>(htlc.hop));
    Bytes out(size);
    crypto::chacha20_xor(SecretKey(crypto::sha256(key)), {}, out);
    return out;
}

Bytes next_onion(const Htlc& htlc) {
    Bytes out = make_up("onion", htlc, onion_packet_size);
    out[0] = 0;                                              // version
    out[1] = static_cast<std::uint8_t>(2U | (out[1] & 1U));  // a compressed point
    return out;
}

std::optional<Bytes> hex_member(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    Result<Bytes> bytes = codec::from_hex(std::string_view(value->get_string()));
    if (!bytes) return std::nullopt;
    return std::move(*bytes);
}

}  // namespace

PaymentSecret invoice_secret(const Preimage& preimage) {
    Bytes modified = to_bytes(preimage.reveal());
    modified[0] ^= 1U;
    return PaymentSecret(crypto::sha256(modified));
}

void Receiver::accept(HtlcRef ref) {
    const Htlc* htlc = core_.network().find(ref);
    if (htlc == nullptr || htlc->state != HtlcState::locked_in) return;
    auto incoming = std::make_shared<Incoming>();
    incoming->htlc = ref;
    incoming->payload = encode_payload(htlc->onion->hops[htlc->hop]);
    decode(*incoming);
    HookCall call;
    call.hook = "htlc_accepted";
    const auto weak = core_.weak_from_this();
    call.params = [this, incoming] { return hook_params(*incoming); };
    call.answer = [this, incoming, weak](const json::value& result) {
        const auto alive = weak.lock();
        return alive && hook_answer(*incoming, result);
    };
    call.done = [this, incoming, weak] {
        if (const auto alive = weak.lock()) hooks_done(*incoming);
    };
    core_.plugins->call_hook(std::move(call));
}

void Receiver::decode(Incoming& incoming) const {
    incoming.decoded = decode_payload(incoming.payload, incoming.bad);
}

json::object Receiver::hook_params(const Incoming& incoming) const {
    const Network& network = core_.network();
    const Htlc* found = network.find(incoming.htlc);
    if (found == nullptr) return {};
    const Htlc& htlc = *found;
    const Channel& channel = network.channel(htlc.channel);
    json::object onion;
    onion["payload"] = codec::to_hex(with_length(incoming.payload));
    if (incoming.decoded) {
        const HopPayload& payload = *incoming.decoded;
        onion["type"] = "tlv";
        if (payload.next) onion["short_channel_id"] = payload.next->text();
        onion["forward_msat"] = payload.forward.value();
        onion["outgoing_cltv_value"] = payload.outgoing_cltv;
        if (payload.payment_data) {
            onion["total_msat"] = payload.payment_data->total.value();
            onion["payment_secret"] = payload.payment_data->secret.hex();
        }
        if (payload.metadata) onion["payment_metadata"] = codec::to_hex(*payload.metadata);
    }
    onion["next_onion"] = codec::to_hex(next_onion(htlc));
    onion["shared_secret"] = codec::to_hex(make_up("shared secret", htlc, 32));

    json::object out;
    out["peer_id"] = core_.id_of(network.offerer_of(htlc)).hex();
    out["onion"] = std::move(onion);
    std::optional<ChannelIndex> next = incoming.forward_to;
    if (!next && incoming.decoded && incoming.decoded->next) {
        next = network.find_channel(*incoming.decoded->next);
        const bool ours = next && (network.channel(*next).sides[0].node == core_.index ||
                                   network.channel(*next).sides[1].node == core_.index);
        if (ours) next = best_channel(network, *next, core_.index);
    }
    if (next) out["forward_to"] = channel_id(network.channel(*next).scid);
    out["htlc"] = json::object{{"short_channel_id", channel.scid.text()},
                               {"id", htlc.id},
                               {"amount_msat", htlc.amount.value()},
                               {"cltv_expiry", htlc.cltv_expiry},
                               {"cltv_expiry_relative", std::int64_t{htlc.cltv_expiry} - std::int64_t{core_.height()}},
                               {"payment_hash", htlc.payment_hash.hex()}};
    return out;
}

bool Receiver::hook_answer(Incoming& incoming, const json::value& answer) {
    const auto fatal = [this](const std::string& why) {
        core_.fatal(why);
        return false;
    };
    const Htlc* htlc = core_.network().find(incoming.htlc);
    if (htlc == nullptr || htlc->state != HtlcState::locked_in) return false;
    const json::object* object = answer.if_object();
    const json::value* result = object == nullptr ? nullptr : object->if_contains("result");
    if (result == nullptr) return fatal("Plugin return value does not contain 'result' key " + json::serialize(answer));
    if (const json::value* amount = object->if_contains("invoice_msat")) {
        if (!amount->is_uint64() && !(amount->is_int64() && amount->get_int64() >= 0)) {
            return fatal("Bad invoice_msat for htlc_accepted hook: " + json::serialize(*amount));
        }
        incoming.invoice_amount = Msat(amount->to_number<std::uint64_t>());
    }
    if (object->contains("extra_tlvs") && !hex_member(*object, "extra_tlvs")) {
        return fatal("Bad custom tlvs for htlc_accepted hook: " + json::serialize(object->at("extra_tlvs")));
    }
    if (object->contains("payload")) {
        std::optional<Bytes> payload = hex_member(*object, "payload");
        if (!payload) return fatal("Bad payload for htlc_accepted hook: " + json::serialize(object->at("payload")));
        incoming.payload = std::move(*payload);
        decode(incoming);
    }
    if (const json::value* forward_to = object->if_contains("forward_to")) {
        const std::optional<Bytes> id = hex_member(*object, "forward_to");
        if (!id || id->size() != 32)
            return fatal("Bad forward_to for htlc_accepted hook: " + json::serialize(*forward_to));
        for (const ChannelIndex channel : core_.network().nodes()[core_.index].channels) {
            if (channel_id(core_.network().channel(channel).scid) == codec::to_hex(*id)) incoming.forward_to = channel;
        }
    }
    const std::string_view word = result->is_string() ? std::string_view(result->get_string()) : std::string_view();
    if (word == "continue") return true;
    if (word == "fail") {
        if (object->contains("failure_onion")) {
            std::optional<Bytes> onion = hex_member(*object, "failure_onion");
            if (!onion)
                return fatal("Bad failure_onion for htlc_accepted hook: " +
                             json::serialize(object->at("failure_onion")));
            core_.network().fail(incoming.htlc, {std::move(*onion), htlc->hop + 1, true});
            return false;
        }
        if (!object->contains("failure_message")) {
            return fatal("Missing both failure_onion and failure_message for htlc_accepted hook fail: " +
                         json::serialize(*result));
        }
        std::optional<Bytes> message = hex_member(*object, "failure_message");
        if (!message)
            return fatal("Bad failure_message for htlc_accepted hook: " +
                         json::serialize(object->at("failure_message")));
        fail(incoming.htlc, std::move(*message));
        return false;
    }
    if (word == "resolve") {
        const json::value* key = object->if_contains("payment_key");
        if (key == nullptr) {
            return fatal("Plugin did not specify a 'payment_key' in return value to the htlc_accepted hook: " +
                         json::serialize(*result));
        }
        const auto preimage =
            key->is_string() ? Preimage::from_hex(std::string_view(key->get_string())) : Result<Preimage>(Error{});
        if (!preimage) return fatal("Plugin specified an invalid 'payment_key'");
        if (crypto::payment_hash(*preimage) != htlc->payment_hash) {
            core_.write_log(LogLevel::broken, "lightningd",
                            "Plugin returned a preimage which doesn't match the HTLC hash! Failing the HTLC.");
            fail_receiving(incoming.htlc, unknown_details(htlc->amount, core_.height()));
            return false;
        }
        core_.network().fulfil(incoming.htlc, *preimage);
        return false;
    }
    return fatal("Plugin responded with an unknown result to the htlc_accepted hook: " + json::serialize(*result));
}

void Receiver::hooks_done(const Incoming& incoming) {
    const Htlc* htlc = core_.network().find(incoming.htlc);
    if (htlc == nullptr || htlc->state != HtlcState::locked_in) return;
    if (!incoming.decoded) return fail_receiving(incoming.htlc, invalid_payload(incoming.bad.type, 0));
    if (incoming.decoded->next || incoming.forward_to) return forward(incoming);
    pay_invoice(incoming);
}

void Receiver::forward(const Incoming& incoming) {
    Network& network = core_.network();
    const Htlc in = *network.find(incoming.htlc);
    ForwardRow row;
    row.payment_hash = in.payment_hash;
    row.in_channel = network.channel(in.channel).scid;
    row.in_htlc_id = in.id;
    row.in_amount = in.amount;
    row.received = in.locked_in_at;
    auto done = forward_htlc(network, incoming.htlc, *incoming.decoded, incoming.forward_to);
    if (const auto* forwarded = std::get_if<Forwarded>(&done)) {
        row.out_channel = network.channel(forwarded->channel).scid;
        row.out_htlc_id = network.find(forwarded->outgoing)->id;
        row.out_amount = incoming.decoded->forward;
        const ForwardRow& stored = core_.state.forwards.add(std::move(row));
        core_.plugins->notify("forward_event", forward_event_json(stored, true));
        core_.waiters.poke();
        return;
    }
    auto& failed = std::get<NotForwarded>(done);
    if (failed.channel) {
        row.out_channel = network.channel(*failed.channel).scid;
        row.out_amount = incoming.decoded->forward;
    }
    row.status = ForwardStatus::local_failed;
    row.failcode = Failure{failed.failure, 0, false}.code();
    row.resolved = core_.now();
    const ForwardRow& stored = core_.state.forwards.add(std::move(row));
    core_.plugins->notify("forward_event", forward_event_json(stored, true));
    core_.waiters.poke();
    fail(incoming.htlc, std::move(failed.failure));
}

void Receiver::outgoing_resolved(const Htlc& out) {
    Network& network = core_.network();
    const Htlc* in = network.find(out.upstream);
    if (in == nullptr) return;
    ForwardRow* row = core_.state.forwards.find(network.channel(in->channel).scid, in->id);
    if (row != nullptr) {
        core_.state.forwards.resolve(*row, out.fulfilled ? ForwardStatus::settled : ForwardStatus::failed, core_.now());
        json::object event = forward_event_json(*row, false);
        if (out.fulfilled) event["preimage"] = out.preimage.reveal_hex();
        core_.plugins->notify("forward_event", std::move(event));
    }
    if (out.fulfilled) {
        network.fulfil(out.upstream, out.preimage);
    } else {
        network.fail(out.upstream, out.failure);
    }
    core_.waiters.poke();
}

Receiver::Check Receiver::check_invoice(const PaymentHash& hash, Msat total, std::optional<Msat> expected,
                                        const std::optional<PaymentSecret>& secret) const {
    const InvoiceRow* row = core_.state.invoices.by_hash(hash);
    if (row == nullptr) return {nullptr, "Unknown invoice " + hash.hex()};
    if (row->status != InvoiceStatus::unpaid) return {nullptr, "Already paid or expired invoice " + hash.hex()};
    if (row->secret_required && !secret) return {nullptr, "Attempt to pay " + hash.hex() + " without secret"};
    if (secret && *secret != invoice_secret(row->preimage)) {
        return {nullptr, "Attempt to pay " + hash.hex() + " with wrong payment_secret"};
    }
    if (row->amount) {
        const Msat least = expected.value_or(*row->amount);
        const Msat most(2 * least.value());
        if (total < least)
            return {nullptr, "Attempt to pay " + hash.hex() + " with amount " + total.text() + " < " + least.text()};
        if (total > most)
            return {nullptr, "Attempt to pay " + hash.hex() + " with amount " + total.text() + " > " + most.text()};
    }
    return {row, {}};
}

void Receiver::pay_invoice(const Incoming& incoming) {
    const Htlc htlc = *core_.network().find(incoming.htlc);
    const HopPayload& payload = *incoming.decoded;
    const Bytes unknown = unknown_details(htlc.amount, core_.height());
    if (htlc.amount < payload.forward) return fail_receiving(incoming.htlc, final_wrong_amount(htlc.amount));
    if (htlc.cltv_expiry < payload.outgoing_cltv)
        return fail_receiving(incoming.htlc, final_wrong_cltv(htlc.cltv_expiry));
    if (core_.height() + core_.setup.cltv_final > htlc.cltv_expiry) {
        core_.write_log(LogLevel::debug, "lightningd",
                        "Expiry cltv too soon " + std::to_string(htlc.cltv_expiry) + " < " +
                            std::to_string(core_.height()) + " + " + std::to_string(core_.setup.cltv_final));
        return fail_receiving(incoming.htlc, unknown);
    }
    if (payload.metadata) return fail_receiving(incoming.htlc, invalid_payload(16, 0));
    const Msat total = payload.payment_data ? payload.payment_data->total : payload.forward;
    std::optional<PaymentSecret> secret;
    if (payload.payment_data) secret = payload.payment_data->secret;

    core_.state.invoices.expire(core_.now_seconds());
    const Check check = check_invoice(htlc.payment_hash, total, incoming.invoice_amount, secret);
    if (check.invoice == nullptr) {
        core_.write_log(LogLevel::info, "lightningd", "payment failed: " + check.fault);
        return fail_receiving(incoming.htlc, unknown);
    }
    switch (sets_.add(htlc.payment_hash, incoming.htlc, payload.forward, total)) {
        case HtlcSets::Added::other_total:
            core_.write_log(LogLevel::unusual, "lightningd",
                            "Failing HTLC set " + htlc.payment_hash.hex() + ": new htlc has another total_msat");
            fail_set(htlc.payment_hash, final_wrong_amount(htlc.amount));
            return fail_receiving(incoming.htlc, final_wrong_amount(htlc.amount));
        case HtlcSets::Added::first: {
            const std::uint64_t generation = sets_.find(htlc.payment_hash)->generation;
            core_.after(mpp_timeout, [this, hash = htlc.payment_hash, generation] {
                const HtlcSet* set = sets_.find(hash);
                if (set == nullptr || set->generation != generation) return;
                core_.write_log(LogLevel::debug, "lightningd", "HTLC set " + hash.hex() + " timed out");
                fail_set(hash, plain_failure(failcode::mpp_timeout));
            });
            break;
        }
        case HtlcSets::Added::more:
            break;
    }
    const HtlcSet& set = *sets_.find(htlc.payment_hash);
    core_.write_log(LogLevel::debug, "lightningd",
                    "HTLC set contains " + std::to_string(set.parts.size()) + " HTLCs, for a total of " +
                        set.so_far.text() + " out of " + set.total.text());
    if (set.complete()) set_complete(htlc.payment_hash);
}

void Receiver::set_complete(const PaymentHash& hash) {
    auto set = std::make_shared<HtlcSet>(sets_.take(hash));
    const InvoiceRow* row = core_.state.invoices.by_hash(hash);
    HookCall call;
    call.hook = "invoice_payment";
    const auto weak = core_.weak_from_this();
    json::object payment{
        {"label", row->label}, {"preimage", row->preimage.reveal_hex()}, {"msat", set->so_far.value()}};
    call.params = [payment = std::move(payment)] { return json::object{{"payment", payment}}; };
    call.answer = [this, set, weak](const json::value& answer) {
        const auto alive = weak.lock();
        if (!alive) return false;
        const json::object* object = answer.if_object();
        const json::value* result = object == nullptr ? nullptr : object->if_contains("result");
        if (result == nullptr) {
            core_.fatal("Plugin returned an invalid response to the invoice_payment hook: " + json::serialize(answer));
            return false;
        }
        if (*result == json::value("continue")) return true;
        if (*result != json::value("reject") && !object->contains("failure_message")) {
            core_.fatal("Invalid invoice_payment hook result: " + json::serialize(answer));
            return false;
        }
        for (const HtlcRef part : set->parts) {
            const Htlc* htlc = core_.network().find(part);
            if (htlc == nullptr) continue;
            fail_receiving(
                part, hex_member(*object, "failure_message").value_or(unknown_details(htlc->amount, core_.height())));
        }
        return false;
    };
    call.done = [this, set, hash, weak] {
        const auto alive = weak.lock();
        if (!alive) return;
        const InvoiceRow* invoice = core_.state.invoices.by_hash(hash);
        if (invoice == nullptr || invoice->status != InvoiceStatus::unpaid) {
            for (const HtlcRef part : set->parts) {
                if (const Htlc* htlc = core_.network().find(part))
                    fail_receiving(part, unknown_details(htlc->amount, core_.height()));
            }
            return;
        }
        const Preimage preimage = invoice->preimage;
        settle_invoice(*invoice, set->so_far, set->parts.size());
        for (const HtlcRef part : set->parts) core_.network().fulfil(part, preimage);
    };
    core_.plugins->call_hook(std::move(call));
}

void Receiver::settle_invoice(const InvoiceRow& invoice, Msat received, std::size_t parts) {
    const InvoiceRow& paid = core_.state.invoices.pay(invoice.created_index, received, core_.now_seconds());
    core_.write_log(LogLevel::info, "lightningd",
                    "Resolved invoice '" + paid.label + "' with amount " + received.text() + " in " +
                        std::to_string(parts) + " htlcs");
    core_.plugins->notify(
        "invoice_payment",
        json::object{{"msat", received.value()}, {"preimage", paid.preimage.reveal_hex()}, {"label", paid.label}});
    core_.waiters.poke();
}

void Receiver::fail_set(const PaymentHash& hash, const Bytes& message) {
    for (const HtlcRef part : sets_.take(hash).parts) fail_receiving(part, message);
}

void Receiver::fail_receiving(HtlcRef ref, Bytes message) {
    const Htlc* htlc = core_.network().find(ref);
    if (htlc == nullptr) return;
    // lightningd tells of failed receives as forwards without a way out.
    ForwardRow row;
    row.payment_hash = htlc->payment_hash;
    row.in_channel = core_.network().channel(htlc->channel).scid;
    row.in_htlc_id = htlc->id;
    row.in_amount = htlc->amount;
    row.received = htlc->locked_in_at;
    row.status = ForwardStatus::local_failed;
    row.failcode = Failure{message, 0, false}.code();
    row.resolved = core_.now();
    const ForwardRow& stored = core_.state.forwards.add(std::move(row));
    core_.plugins->notify("forward_event", forward_event_json(stored, true));
    fail(ref, std::move(message));
    core_.waiters.poke();
}

void Receiver::fail(HtlcRef ref, Bytes message) {
    const Htlc* htlc = core_.network().find(ref);
    if (htlc == nullptr) return;
    core_.network().fail(ref, {std::move(message), htlc->hop + 1, false});
}

}  // namespace millrace::sim
