// invoice, createinvoice, signinvoice, listinvoices, delinvoice, decode, listincoming: lightningd/invoice.c and
// plugins/topology.c.
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <limits>
#include <utility>

#include "common/bolt11/invoice.hpp"
#include "common/codec/hex.hpp"
#include "common/crypto/hash.hpp"
#include "contrib/simulator/node/daemon.hpp"
#include "contrib/simulator/node/shapes.hpp"
#include "contrib/simulator/node/signing.hpp"

namespace millrace::sim {

namespace json = boost::json;

namespace {

constexpr std::uint64_t default_expiry_seconds = 604'800;  // of `invoice`, one week
constexpr std::size_t max_label = 128;
constexpr std::size_t max_description = 639;  // what a bolt11 field holds

constexpr int code_label_exists = 900;
constexpr int code_preimage_exists = 901;
constexpr int code_not_found = 905;
constexpr int code_status_unexpected = 906;
constexpr int code_no_description = 908;

bool secret_required(const Bytes& features) {
    // Bit 8, var_onion_optin as lightningd writes it; bit 14, payment_secret.
    const auto set = [&features](std::size_t bit) {
        return bit / 8 < features.size() && (features[features.size() - 1 - bit / 8] >> (bit % 8) & 1U) != 0;
    };
    return set(8) || set(14);
}

// A new row out of an invoice that this node signed; the clock starts now, whatever the invoice's timestamp says.
InvoiceRow row_of(const bolt11::Invoice& invoice, std::string text, std::string label, const Preimage& preimage,
                  NodeCore& core) {
    InvoiceRow row;
    row.label = std::move(label);
    row.bolt11 = std::move(text);
    row.description = std::string(invoice.description_text());
    row.payment_hash = invoice.payment_hash;
    row.preimage = preimage;
    row.amount = invoice.amount;
    row.expires_at = core.now_seconds() + invoice.expiry;
    row.secret_required = secret_required(invoice.features);
    return row;
}

void announce(NodeCore& core, const InvoiceRow& row) {
    json::object event;
    if (row.amount) event["msat"] = row.amount->value();
    event["preimage"] = row.preimage.reveal_hex();
    event["label"] = row.label;
    core.plugins->notify("invoice_creation", event);
    core.waiters.poke();
}

// Channels on which a payment could reach this node, as `listincoming` shows them.
json::array incoming_channels(NodeCore& core) {
    json::array out;
    const Network& network = core.network();
    for (const ChannelIndex index : network.nodes()[core.index].channels) {
        const Channel& channel = network.channel(index);
        if (channel.closed) continue;
        const int theirs = 1 - channel.side_of(core.index);
        const ChannelSide& side = channel.sides[static_cast<std::size_t>(theirs)];
        out.push_back(json::object{{"id", core.id_of(side.node).hex()},
                                   {"short_channel_id", channel.scid.text()},
                                   {"fee_base_msat", side.policy.fee_base_msat},
                                   {"fee_proportional_millionths", side.policy.fee_ppm},
                                   {"cltv_expiry_delta", side.policy.cltv_delta},
                                   {"htlc_min_msat", side.policy.htlc_minimum.value()},
                                   {"htlc_max_msat", side.policy.htlc_maximum.value()},
                                   {"incoming_capacity_msat", channel.spendable(theirs).value()},
                                   {"public", channel.is_public},
                                   {"peer_features", features::node},
                                   {"enabled", side.policy.enabled && channel.connected}});
    }
    return out;
}

// Route hints as `invoice` chooses them: where no public channel leads here, one with enough capacity.
std::vector<std::vector<bolt11::RouteHop>> route_hints(NodeCore& core, std::optional<Msat> amount,
                                                       std::optional<bool> expose_private) {
    const Network& network = core.network();
    bool any_public = false;
    std::vector<std::vector<bolt11::RouteHop>> out;
    for (const ChannelIndex index : network.nodes()[core.index].channels)
        any_public = any_public || network.channel(index).is_public;
    const bool with_private = expose_private.value_or(!any_public);
    for (const ChannelIndex index : network.nodes()[core.index].channels) {
        const Channel& channel = network.channel(index);
        if (channel.is_public || !with_private || channel.closed || !channel.connected) continue;
        const int theirs = 1 - channel.side_of(core.index);
        if (amount && channel.spendable(theirs) < *amount) continue;
        const ChannelSide& side = channel.sides[static_cast<std::size_t>(theirs)];
        out.push_back({bolt11::RouteHop{core.id_of(side.node), channel.scid, side.policy.fee_base_msat,
                                        side.policy.fee_ppm, side.policy.cltv_delta}});
    }
    return out;
}

void run_invoice(Daemon& node, Params& in, const Reply& reply, const std::shared_ptr<RpcSession>&) {
    NodeCore& core = node.core();
    const std::optional<Msat> amount = in.msat_or_any("amount_msat");
    const std::string label = in.string("label");
    const std::string description = in.string("description");
    const std::uint64_t expiry = in.optional_u64("expiry").value_or(default_expiry_seconds);
    std::optional<Preimage> preimage = in.optional_fixed<Preimage>("preimage", "should be 64 hex digits");
    const auto cltv = in.optional_u64("cltv", UINT32_MAX);
    const bool hash_only = in.optional_boolean("deschashonly").value_or(false);
    std::optional<bool> expose;
    if (const json::value* given = in.find("exposeprivatechannels"); given != nullptr && given->is_bool())
        expose = given->get_bool();
    if (label.size() > max_label) in.refuse("Label '" + label + "' over " + std::to_string(max_label) + " bytes");
    if (description.size() > max_description && !hash_only) {
        in.refuse("Descriptions greater than 639 bytes are not supported (description length " +
                  std::to_string(description.size()) + ")");
    }
    if (in.ends(reply)) return;

    if (core.state.invoices.by_label(label) != nullptr)
        return reply.error(code_label_exists, "Duplicate label '" + label + "'");
    if (!preimage) {
        // From the node's key and the row number: a replayed run has the same preimages.
        const std::string text = "preimage " + std::to_string(core.state.invoices.created() + 1);
        preimage = Preimage(crypto::hmac_sha256(core.setup.key.reveal(), as_bytes(text)));
    }
    bolt11::Invoice invoice;
    invoice.currency = std::string(bolt11::currency_of_network(core.setup.network));
    invoice.amount = amount;
    invoice.timestamp = core.now_seconds();
    invoice.payment_hash = crypto::payment_hash(*preimage);
    invoice.payment_secret = invoice_secret(*preimage);
    if (hash_only) {
        invoice.description = crypto::sha256(as_bytes(description));
    } else {
        invoice.description = description;
    }
    invoice.expiry = std::chrono::seconds(expiry);
    invoice.min_final_cltv = static_cast<std::uint32_t>(cltv.value_or(core.setup.cltv_final));
    invoice.features = codec::from_hex("02024100").value();
    invoice.routes = route_hints(core, amount, expose);
    Result<std::string> text = bolt11::encode_signed(invoice, core.setup.key);
    if (!text) return reply.error(rpc_code::bad_params, text.error().message);
    InvoiceRow row = row_of(invoice, *text, label, *preimage, core);
    row.description = description;
    if (core.state.invoices.create(std::move(row)) == InvoiceTable::Created::duplicate_hash) {
        return reply.error(code_preimage_exists, "preimage already used");
    }
    const InvoiceRow& stored = *core.state.invoices.by_label(label);
    node.watch_expiry(stored.expires_at);
    announce(core, stored);
    json::object result{{"payment_hash", stored.payment_hash.hex()},
                        {"expires_at", unix_seconds(stored.expires_at)},
                        {"bolt11", stored.bolt11},
                        {"payment_secret", invoice.payment_secret.hex()},
                        {"created_index", stored.created_index}};
    std::uint64_t receivable = 0;
    for (const ChannelIndex index : core.network().nodes()[core.index].channels) {
        const Channel& channel = core.network().channel(index);
        receivable += channel.spendable(1 - channel.side_of(core.index)).value();
    }
    if (amount && receivable < amount->value()) {
        result["warning_capacity"] = "Insufficient incoming channel capacity to pay invoice";
    }
    reply.result(result);
}

void run_signinvoice(Daemon& node, Params& in, const Reply& reply, const std::shared_ptr<RpcSession>&) {
    const std::string text = in.string("invstring");
    if (in.ends(reply)) return;
    const Result<SignedInvoice> done = sign_again(text, node.core().setup.key);
    if (!done) return reply.error(rpc_code::bad_params, "Unparsable invoice '" + text + "': " + done.error().message);
    reply.result(json::object{{"bolt11", done->text}});
}

void run_createinvoice(Daemon& node, Params& in, const Reply& reply, const std::shared_ptr<RpcSession>&) {
    NodeCore& core = node.core();
    const std::string text = in.string("invstring");
    const std::string label = in.string("label");
    const Preimage preimage = in.fixed<Preimage>("preimage", "should be 64 hex digits");
    std::optional<SignedInvoice> made;
    if (!text.empty()) {
        Result<SignedInvoice> done = sign_again(text, core.setup.key);
        if (!done) {
            in.refuse("Unparsable invoice '" + text + "': " + done.error().message);
        } else if (!std::holds_alternative<std::string>(done->invoice.description)) {
            in.refuse("Missing description in invoice");
        } else if (crypto::payment_hash(preimage) != done->invoice.payment_hash) {
            in.refuse("Incorrect preimage");
        } else {
            made = std::move(*done);
        }
    }
    if (in.ends(reply)) return;
    switch (core.state.invoices.create(row_of(made->invoice, made->text, label, preimage, core))) {
        case InvoiceTable::Created::duplicate_label:
            return reply.error(code_label_exists, "Duplicate label",
                               invoice_json(*core.state.invoices.by_label(label)));
        case InvoiceTable::Created::duplicate_hash:
            return core.fatal(
                "createinvoice: Error executing statement: UNIQUE constraint failed: invoices.payment_hash (label " +
                label + ")");
        case InvoiceTable::Created::yes:
            break;
    }
    const InvoiceRow& stored = *core.state.invoices.by_label(label);
    node.watch_expiry(stored.expires_at);
    announce(core, stored);
    reply.result(invoice_json(stored));
}

void run_listinvoices(Daemon& node, Params& in, const Reply& reply, const std::shared_ptr<RpcSession>&) {
    const InvoiceTable& table = node.core().state.invoices;
    const auto label = in.optional_string("label");
    const auto invstring = in.optional_string("invstring");
    auto hash = in.optional_fixed<PaymentHash>("payment_hash", "should be a 32 byte hex value");
    const auto offer = in.optional_string("offer_id");
    const auto index = in.optional_string("index");
    const auto start = in.optional_u64("start");
    const auto limit = in.optional_u64("limit");
    if (label.has_value() + invstring.has_value() + hash.has_value() + offer.has_value() > 1) {
        in.refuse("Can only specify one of {label}, {invstring}, {payment_hash} or {offer_id}");
    }
    if (index && *index != "created" && *index != "updated") in.bad("index", "should be 'created' or 'updated'");
    if ((start || limit) && !index) in.refuse("Can only specify {start} or {limit} with {index}");
    if (invstring) {
        const Result<bolt11::Invoice> invoice = bolt11::decode(*invstring);
        if (invoice) {
            hash = invoice->payment_hash;
        } else {
            in.refuse("Invalid invstring");
        }
    }
    if (in.ends(reply)) return;
    node.core().state.invoices.expire(node.core().now_seconds());
    json::array rows;
    if (label || hash || offer) {
        const InvoiceRow* row = label ? table.by_label(*label) : hash ? table.by_hash(*hash) : nullptr;
        if (row != nullptr) rows.push_back(invoice_json(*row));
    } else {
        std::uint64_t left = limit.value_or(std::numeric_limits<std::uint64_t>::max());
        if (index && *index == "updated") {
            std::map<std::uint64_t, const InvoiceRow*> by_update;
            for (const auto& [created, row] : table.rows()) {
                if (row.updated_index >= std::max<std::uint64_t>(start.value_or(0), 1))
                    by_update[row.updated_index] = &row;
            }
            for (auto at = by_update.begin(); at != by_update.end() && left > 0; ++at, --left)
                rows.push_back(invoice_json(*at->second));
        } else {
            for (auto at = table.rows().lower_bound(start.value_or(0)); at != table.rows().end() && left > 0;
                 ++at, --left) {
                rows.push_back(invoice_json(at->second));
            }
        }
    }
    reply.result(json::object{{"invoices", std::move(rows)}});
}

void run_delinvoice(Daemon& node, Params& in, const Reply& reply, const std::shared_ptr<RpcSession>&) {
    NodeCore& core = node.core();
    const std::string label = in.string("label");
    const std::string status = in.string("status");
    const bool description_only = in.optional_boolean("desconly").value_or(false);
    if (in.ends(reply)) return;
    core.state.invoices.expire(core.now_seconds());
    const InvoiceRow* row = core.state.invoices.by_label(label);
    if (row == nullptr) return reply.error(code_not_found, "Unknown invoice");
    if (status != name(row->status)) {
        return reply.error(code_status_unexpected,
                           "Invoice status is " + std::string(name(row->status)) + " not " + status,
                           json::object{{"current_status", name(row->status)}, {"expected_status", status}});
    }
    json::object result = invoice_json(*row);
    if (description_only) {
        if (row->description.empty()) return reply.error(code_no_description, "Invoice description already removed");
        core.state.invoices.clear_description(row->created_index);
        result.erase("description");
    } else {
        core.state.invoices.remove(row->created_index);
    }
    core.waiters.poke();
    reply.result(result);
}

Bytes der(const std::array<std::uint8_t, 64>& compact) {
    const auto integer = [](ByteView bytes) {
        std::size_t skip = 0;
        while (skip + 1 < bytes.size() && bytes[skip] == 0) ++skip;
        Bytes out;
        if ((bytes[skip] & 0x80U) != 0) out.push_back(0);
        out.insert(out.end(), bytes.begin() + static_cast<std::ptrdiff_t>(skip), bytes.end());
        out.insert(out.begin(), {2, static_cast<std::uint8_t>(out.size())});
        return out;
    };
    Bytes body = integer(ByteView(compact).first(32));
    const Bytes second = integer(ByteView(compact).last(32));
    body.insert(body.end(), second.begin(), second.end());
    body.insert(body.begin(), {0x30, static_cast<std::uint8_t>(body.size())});
    return body;
}

void run_decode(Daemon&, Params& in, const Reply& reply, const std::shared_ptr<RpcSession>&) {
    const std::string text = in.string("string");
    if (in.ends(reply)) return;
    const Result<bolt11::Invoice> read = bolt11::decode(text);
    if (!read) return reply.error(rpc_code::bad_params, "Invalid bolt11: " + read.error().message);
    const bolt11::Invoice& invoice = *read;
    json::object out{{"type", "bolt11 invoice"},
                     {"currency", invoice.currency},
                     {"created_at", unix_seconds(invoice.timestamp)},
                     {"expiry", invoice.expiry.count()},
                     {"payee", invoice.payee.hex()}};
    if (invoice.amount) out["amount_msat"] = invoice.amount->value();
    if (const auto* description = std::get_if<std::string>(&invoice.description)) {
        out["description"] = *description;
    } else {
        out["description_hash"] = codec::to_hex(std::get<crypto::Digest>(invoice.description));
    }
    out["min_final_cltv_expiry"] = invoice.min_final_cltv;
    out["payment_secret"] = invoice.payment_secret.hex();
    if (!invoice.features.empty()) out["features"] = codec::to_hex(invoice.features);
    if (invoice.payment_metadata) out["payment_metadata"] = codec::to_hex(*invoice.payment_metadata);
    if (!invoice.routes.empty()) {
        json::array routes;
        for (const auto& route : invoice.routes) {
            json::array hops;
            for (const bolt11::RouteHop& hop : route) {
                hops.push_back(json::object{{"pubkey", hop.pubkey.hex()},
                                            {"short_channel_id", hop.short_channel_id.text()},
                                            {"fee_base_msat", hop.fee_base_msat},
                                            {"fee_proportional_millionths", hop.fee_proportional_millionths},
                                            {"cltv_expiry_delta", hop.cltv_expiry_delta}});
            }
            routes.push_back(std::move(hops));
        }
        out["routes"] = std::move(routes);
    }
    out["payment_hash"] = invoice.payment_hash.hex();
    out["signature"] = codec::to_hex(der(invoice.signature.compact));
    out["valid"] = true;
    reply.result(out);
}

void run_listincoming(Daemon& node, Params& in, const Reply& reply, const std::shared_ptr<RpcSession>&) {
    if (in.ends(reply)) return;
    reply.result(json::object{{"incoming", incoming_channels(node.core())}});
}

constexpr Command commands[] = {
    {"invoice",
     "amount_msat label description [expiry] [fallbacks] [preimage] [exposeprivatechannels] [cltv] [deschashonly] "
     "[dev-routes]",
     run_invoice},
    {"signinvoice", "invstring", run_signinvoice},
    {"createinvoice", "invstring label preimage", run_createinvoice},
    {"listinvoices", "[label] [invstring] [payment_hash] [offer_id] [index] [start] [limit]", run_listinvoices},
    {"delinvoice", "label status [desconly]", run_delinvoice},
    {"decode", "string", run_decode},
    {"listincoming", "", run_listincoming},
};

}  // namespace

std::span<const Command> invoice_commands() {
    return commands;
}

}  // namespace millrace::sim
