// sendpay, listsendpays, delpay, xpay, pay, listforwards: lightningd/pay.c and plugins/xpay.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "common/bolt11/invoice.hpp"
#include "contrib/simulator/node/daemon.hpp"
#include "contrib/simulator/node/page.hpp"
#include "contrib/simulator/node/shapes.hpp"

namespace millrace::sim {

namespace json = boost::json;

namespace {

using SessionPtr = std::shared_ptr<RpcSession>;

constexpr int code_in_progress = 200;
constexpr int code_hash_used = 201;
constexpr int code_other_route = 204;
constexpr int code_no_route = 205;
constexpr int code_invoice_expired = 207;
constexpr int code_no_such_payment = 208;
constexpr int code_status_unexpected = 211;
constexpr int code_already_paid = 219;
constexpr std::uint32_t pay_retry_seconds = 60;

// `short_channel_id_dir` carries a direction behind a slash, `channel` does not.
std::optional<ShortChannelId> scid_of(const json::value& value) {
    if (!value.is_string()) return std::nullopt;
    std::string_view text = value.get_string();
    text = text.substr(0, text.find('/'));
    const auto scid = ShortChannelId::parse(text);
    if (!scid) return std::nullopt;
    return *scid;
}

std::vector<PaidHop> read_route(Params& in) {
    std::vector<PaidHop> out;
    for (const json::value& entry : in.array("route")) {
        const json::object* hop = entry.if_object();
        const auto either = [hop](std::string_view now, std::string_view before) -> const json::value* {
            if (hop == nullptr) return nullptr;
            const json::value* value = hop->if_contains(now);
            return value != nullptr ? value : hop->if_contains(before);
        };
        const json::value* channel = either("short_channel_id_dir", "channel");
        const json::value* id = either("node_id_out", "id");
        const json::value* amount = either("amount_out_msat", "amount_msat");
        const json::value* delay = either("cltv_out", "delay");
        if (channel == nullptr) in.bad("route", "must have either short_channel_id_dir or channel");
        if (id == nullptr) in.bad("route", "must have either node_id_out or id");
        if (amount == nullptr) in.bad("route", "must have either amount_out_msat or amount_msat");
        if (delay == nullptr) in.bad("route", "must have either cltv_out or delay");
        if (channel == nullptr || id == nullptr || amount == nullptr || delay == nullptr) return {};
        const auto scid = scid_of(*channel);
        const auto to =
            id->is_string() ? NodeId::from_hex(std::string_view(id->get_string())) : Result<NodeId>(Error{});
        const auto msat = msat_of(*amount);
        const auto cltv = u64_of(*delay);
        if (!scid) in.bad("route", "bad short_channel_id");
        if (!to) in.bad("route", "bad node_id");
        if (!msat) in.bad("route", "bad amount");
        if (!cltv || *cltv >= UINT32_MAX) in.bad("route", "bad cltv_out/delay");
        if (!scid || !to || !msat || !cltv) return {};
        // lightningd counts delays from the block after the tip (pay.c: base_expiry).
        out.push_back({*scid, *to, *msat, static_cast<std::uint32_t>(*cltv) + 1});
    }
    return out;
}

// lightningd's rules about parts and groups (pay.c): the error, or empty where this part may go.
std::optional<std::pair<int, std::string>> part_clash(const PaymentTable& table, const SendPart& part) {
    for (const PaymentRow* known : table.of(part.payment_hash)) {
        const PaymentRow& row = *known;
        const bool same = row.group == part.group && row.part == part.part;
        if (row.status == PaymentStatus::complete) {
            if (row.group == part.group && row.part != part.part)
                return std::pair{code_hash_used, std::string("Already succeeded other parts")};
            if (row.total != part.total) {
                return std::pair{code_hash_used, "Already succeeded with amount " + row.total.text() + " (not " +
                                                     part.total.text() + ")"};
            }
        }
        if (row.status == PaymentStatus::pending) {
            if (row.group != part.group) {
                return std::pair{code_in_progress, "Payment with groupid=" + std::to_string(row.group) +
                                                       " still in progress, cannot retry before that completes."};
            }
            if ((row.part == 0) != (part.part == 0)) {
                return std::pair{code_in_progress, std::string("Already have ") +
                                                       (row.part != 0 ? "parallel" : "non-parallel") +
                                                       " payment in progress"};
            }
            if (row.total != part.total) {
                return std::pair{rpc_code::bad_params,
                                 "msatoshi was previously " + row.total.text() + ", now " + part.total.text()};
            }
        }
        if (same && row.status != PaymentStatus::failed) continue;
        if (same && part.part != 0) {
            return std::pair{
                code_hash_used,
                "There already is a payment with payment_hash=" + part.payment_hash.hex() +
                    ", groupid=" + std::to_string(part.group) + ", partid=" + std::to_string(part.part) +
                    ". Either change the partid, or wait for the payment to complete and start a new group."};
        }
    }
    return std::nullopt;
}

void answer_sent(const PaymentRow& row, const Reply& reply, bool deferred) {
    json::object out;
    if (deferred) out["message"] = "Monitor status with listpays or waitsendpay";
    for (const auto& [key, value] : payment_json(row)) out[key] = value;
    reply.result(out);
}

void run_sendpay(Daemon& node, Params& in, const Reply& reply, const SessionPtr&) {
    NodeCore& core = node.core();
    SendPart part;
    part.route = read_route(in);
    part.payment_hash = in.fixed<PaymentHash>("payment_hash", "should be a 32 byte hex value");
    part.label = in.optional_string("label");
    const auto amount = in.optional_msat("amount_msat");
    part.bolt11 = in.optional_string("bolt11");
    part.secret = in.optional_fixed<PaymentSecret>("payment_secret", "should be a 32 byte hex value");
    part.part = in.optional_u64("partid").value_or(0);
    const auto group = in.optional_u64("groupid");
    part.metadata = in.optional_hex("payment_metadata");
    part.description = in.optional_string("description");
    if (const auto extra = in.optional_hex("dev_extra_tlvs")) {
        Result<codec::TlvStream> stream = codec::decode_tlv(*extra);
        if (stream) {
            part.extra_tlvs = std::move(*stream);
        } else {
            in.bad("dev_extra_tlvs", "should be a TLV stream");
        }
    }
    if (part.part != 0 && !amount) in.refuse("Must specify msatoshi with partid");
    if (part.route.empty() && !amount) in.refuse("Self-payment requires amount_msat");
    if (part.route.empty() && part.part != 0) in.refuse("Self-payment does not allow (non-zero) partid");
    if (!part.route.empty()) {
        part.amount = part.route.back().amount;
        if (amount && part.part == 0 && *amount != part.amount) {
            in.refuse("Do not specify msatoshi (" + amount->text() +
                      ") without partid: if you do, it must be exactly the final amount (" + part.amount.text() + ")");
        }
    } else {
        part.amount = amount.value_or(Msat());
    }
    part.total = amount.value_or(part.amount);
    if (part.total < part.amount)
        in.refuse("Final amount " + part.amount.text() + " is greater than " + part.total.text());
    if (in.ends(reply)) return;

    part.group = group.value_or(0);
    if (!group) {
        // Without a group: the one that is under way, or a new one.
        std::uint64_t under_way = 0;
        for (const PaymentRow* row : core.state.payments.of(part.payment_hash)) {
            if (row->status != PaymentStatus::failed) under_way = row->group;
        }
        part.group = under_way != 0 ? under_way : node.sender().next_group(part.payment_hash);
    }
    // The same part again, pending or complete, is answered with what is known of it.
    const PaymentRow* known = core.state.payments.find(part.payment_hash, part.part, part.group);
    if (const auto clash = part_clash(core.state.payments, part)) return reply.error(clash->first, clash->second);
    if (known != nullptr && known->status != PaymentStatus::failed)
        return answer_sent(*known, reply, known->status == PaymentStatus::pending);
    if (!part.route.empty() && !node.sender().first_hop_is_up(part.route.front().scid)) {
        const json::object data{{"erring_index", 0},
                                {"failcode", failcode::unknown_next_peer},
                                {"failcodename", failcode_name(failcode::unknown_next_peer)},
                                {"erring_node", core.setup.id.hex()},
                                {"erring_channel", part.route.front().scid.text()},
                                {"erring_direction", core.setup.id < part.route.front().to ? 0 : 1}};
        return reply.error(code_other_route, "No connection to first peer found", data);
    }
    const std::uint64_t id = node.sender().send(std::move(part));
    const PaymentRow& row = *core.state.payments.find(id);
    if (row.status == PaymentStatus::failed) {
        const json::object failure = payment_failure_json(row);
        return reply.error(row.failure->code, std::string_view(failure.at("message").as_string()), failure.at("data"));
    }
    answer_sent(row, reply, row.status == PaymentStatus::pending);
}

void run_listsendpays(Daemon& node, Params& in, const Reply& reply, const SessionPtr&) {
    const auto bolt11 = in.optional_string("bolt11");
    const auto hash = in.optional_fixed<PaymentHash>("payment_hash", "should be a 32 byte hex value");
    const auto status = in.optional_string("status");
    const auto index = in.optional_string("index");
    const auto start = in.optional_u64("start");
    const auto limit = in.optional_u64("limit");
    if (index && *index != "created" && *index != "updated") in.bad("index", "should be 'created' or 'updated'");
    if ((start || limit) && !index) in.refuse("Can only specify {start} or {limit} with {index}");
    if (in.ends(reply)) return;
    json::array rows;
    list_page(node.core().state.payments, {index, start, limit}, [&](const PaymentRow& row) {
        if (hash && row.payment_hash != *hash) return false;
        if (bolt11 && row.bolt11 != bolt11) return false;
        if (status && name(row.status) != *status) return false;
        rows.push_back(payment_json(row));
        return true;
    });
    reply.result(json::object{{"payments", std::move(rows)}});
}

void run_delpay(Daemon& node, Params& in, const Reply& reply, const SessionPtr&) {
    NodeCore& core = node.core();
    const PaymentHash hash = in.fixed<PaymentHash>("payment_hash", "should be a 32 byte hex value");
    const std::string status = in.string("status");
    const auto part = in.optional_u64("partid");
    const auto group = in.optional_u64("groupid");
    if (status != "complete" && status != "failed") in.bad("status", "should be 'complete' or 'failed'");
    if (in.ends(reply)) return;
    std::vector<std::uint64_t> doomed;
    json::array rows;
    bool any = false;
    for (const PaymentRow* row : core.state.payments.of(hash)) {
        any = true;
        if ((part && row->part != *part) || (group && row->group != *group)) continue;
        if (name(row->status) != status) continue;
        doomed.push_back(row->id);
        rows.push_back(payment_json(*row));
    }
    if (!any) return reply.error(code_no_such_payment, "Unknown payment with payment_hash: " + hash.hex());
    if (doomed.empty())
        return reply.error(code_status_unexpected, "Payment with hash " + hash.hex() + " has no " + status + " status");
    for (const std::uint64_t id : doomed) core.state.payments.remove(id);
    core.waiters.poke();
    reply.result(json::object{{"payments", std::move(rows)}});
}

// What a command says of an invoice that was paid before: xpay refuses, pay answers as it did then.
enum class WhenPaid { refuse, answer_again };

// What xpay and pay have in common; `done` answers in the command's own shape.
void pay_invoice(Daemon& node, Params& in, const Reply& reply, const std::string& text, std::optional<Msat> amount,
                 std::optional<Msat> max_fee, WhenPaid when_paid,
                 std::function<void(const PaidInvoice&, const bolt11::Invoice&)> done) {
    NodeCore& core = node.core();
    const auto retry_for = in.optional_u64("retry_for", UINT32_MAX);
    const auto max_parts = in.optional_u64("maxparts", 1000);
    const auto force_parts = in.optional_u64("dev_parts", 100);
    const auto label = in.optional_string("label");
    const Result<bolt11::Invoice> read = bolt11::decode(text);
    if (!read) in.refuse("Invalid bolt11 invoice: " + read.error().message);
    if (read && read->amount && amount) in.refuse("amount_msat unnecessary");
    if (read && !read->amount && !amount) in.refuse("amount_msat required");
    if (read && !read->amount && amount && *amount == Msat()) in.refuse("Cannot pay bolt11 invoice with zero amount");
    if (in.ends(reply)) return;
    const bolt11::Invoice invoice = *read;
    if (core.now_seconds() > invoice.expires_at()) {
        return reply.error(
            code_invoice_expired,
            "Invoice expired " + std::to_string((core.now_seconds() - invoice.expires_at()).count()) + " seconds ago");
    }
    const auto destination = core.network().find_node(invoice.payee);
    if (!destination)
        return reply.error(code_no_route, "Failed: We could not find a usable set of paths. The destination " +
                                              invoice.payee.hex() + " is not in the network graph.");
    // A payment that was made is not made twice.
    const std::vector<const PaymentRow*> attempts = core.state.payments.of(invoice.payment_hash);
    for (const PaymentRow* row : attempts) {
        if (row->status == PaymentStatus::pending) {
            const std::string in_progress = "Payment with groupid=" + std::to_string(row->group) +
                                            " still in progress, cannot retry before that completes.";
            return reply.error(rpc_code::plugin_error, "Unexpected injectpaymentonion error 200: " + in_progress);
        }
        if (row->status != PaymentStatus::complete) continue;
        if (when_paid == WhenPaid::refuse)
            return reply.error(code_already_paid, "Already paid this invoice successfully");
        PaidInvoice paid;
        paid.end.paid = true;
        paid.preimage = row->preimage;
        paid.amount = row->total;
        paid.created_at = row->created_at;
        for (const PaymentRow* part : attempts) {
            if (part->group != row->group || part->status != PaymentStatus::complete) continue;
            paid.sent = Msat(paid.sent.value() + part->sent.value());
            ++paid.successful_parts;
        }
        return done(paid, invoice);
    }
    PayInvoice request;
    PayGoal& goal = request.goal;
    goal.destination = *destination;
    goal.amount = invoice.amount ? *invoice.amount : *amount;
    goal.payment_hash = invoice.payment_hash;
    goal.payment_secret = invoice.payment_secret;
    goal.metadata = invoice.payment_metadata;
    goal.final_cltv = invoice.min_final_cltv + 1;  // one block may come in while it is under way
    // xpay's default: 1 % or 5 sat.
    goal.max_fee = max_fee.value_or(std::max(Msat(goal.amount.value() / 100), Msat(5000)));
    if (max_parts) goal.max_parts = static_cast<std::uint32_t>(std::max<std::uint64_t>(*max_parts, 1));
    if (force_parts) goal.force_parts = static_cast<std::uint32_t>(*force_parts);
    for (const auto& route : invoice.routes) {
        for (const bolt11::RouteHop& hop : route) {
            const auto channel = core.network().find_channel(hop.short_channel_id);
            const auto from = core.network().find_node(hop.pubkey);
            if (!channel || !from) continue;
            ChannelPolicy policy;
            policy.fee_base_msat = hop.fee_base_msat;
            policy.fee_ppm = hop.fee_proportional_millionths;
            policy.cltv_delta = hop.cltv_expiry_delta;
            policy.htlc_maximum = core.network().channel(*channel).capacity;
            goal.hints.push_back({*channel, *from, policy});
        }
    }
    request.bolt11 = text;
    request.label = label;
    request.retry_for_seconds = static_cast<std::uint32_t>(retry_for.value_or(pay_retry_seconds));
    request.done = [done = std::move(done), invoice](const PaidInvoice& paid) { done(paid, invoice); };
    node.sender().pay(std::move(request));
}

void run_xpay(Daemon& node, Params& in, const Reply& reply, const SessionPtr&) {
    const std::string text = in.string("invstring");
    const auto amount = in.optional_msat("amount_msat");
    const auto max_fee = in.optional_msat("maxfee");
    pay_invoice(node, in, reply, text, amount, max_fee, WhenPaid::refuse,
                [reply](const PaidInvoice& paid, const bolt11::Invoice&) {
                    if (!paid.end.paid) return reply.error(paid.end.code, paid.end.message);
                    reply.result(json::object{{"payment_preimage", paid.preimage->reveal_hex()},
                                              {"amount_msat", paid.amount.value()},
                                              {"amount_sent_msat", paid.sent.value()},
                                              {"failed_parts", paid.failed_parts},
                                              {"successful_parts", paid.successful_parts}});
                });
}

void run_pay(Daemon& node, Params& in, const Reply& reply, const SessionPtr&) {
    const std::string text = in.string("bolt11");
    const auto amount = in.optional_msat("amount_msat");
    const auto max_fee = in.optional_msat("maxfee");
    pay_invoice(node, in, reply, text, amount, max_fee, WhenPaid::answer_again,
                [reply](const PaidInvoice& paid, const bolt11::Invoice& invoice) {
                    if (!paid.end.paid) return reply.error(paid.end.code, paid.end.message);
                    reply.result(json::object{{"payment_preimage", paid.preimage->reveal_hex()},
                                              {"amount_msat", paid.amount.value()},
                                              {"amount_sent_msat", paid.sent.value()},
                                              {"parts", paid.successful_parts},
                                              {"destination", invoice.payee.hex()},
                                              {"payment_hash", invoice.payment_hash.hex()},
                                              {"status", "complete"},
                                              {"created_at", static_cast<double>(unix_seconds(paid.created_at))}});
                });
}

void run_listforwards(Daemon& node, Params& in, const Reply& reply, const SessionPtr&) {
    const auto status = in.optional_string("status");
    const auto in_channel = in.optional_string("in_channel");
    const auto out_channel = in.optional_string("out_channel");
    const auto index = in.optional_string("index");
    const auto start = in.optional_u64("start");
    const auto limit = in.optional_u64("limit");
    if (index && *index != "created" && *index != "updated") in.bad("index", "should be 'created' or 'updated'");
    if ((start || limit) && !index) in.refuse("Can only specify {start} or {limit} with {index}");
    if (in.ends(reply)) return;
    json::array rows;
    list_page(node.core().state.forwards, {index, start, limit}, [&](const ForwardRow& row) {
        if (status && name(row.status) != *status) return false;
        if (in_channel && row.in_channel.text() != *in_channel) return false;
        if (out_channel && (!row.out_channel || row.out_channel->text() != *out_channel)) return false;
        rows.push_back(forward_json(row));
        return true;
    });
    reply.result(json::object{{"forwards", std::move(rows)}});
}

constexpr Command commands[] = {
    {"sendpay",
     "route payment_hash [label] [amount_msat] [bolt11] [payment_secret] [partid] [localinvreqid] [groupid] "
     "[payment_metadata] [description] [dev_extra_tlvs]",
     run_sendpay},
    {"listsendpays", "[bolt11] [payment_hash] [status] [index] [start] [limit]", run_listsendpays},
    {"delpay", "payment_hash status [partid] [groupid]", run_delpay},
    {"xpay",
     "invstring [amount_msat] [maxfee] [layers] [retry_for] [partial_msat] [maxdelay] [payer_note] [label] "
     "[localinvreqid] [maxparts] [dev_parts]",
     run_xpay},
    {"pay",
     "bolt11 [amount_msat] [label] [riskfactor] [maxfeepercent] [retry_for] [maxdelay] [exemptfee] [localinvreqid] "
     "[exclude] [maxfee] [description] [partial_msat] [maxparts] [dev_parts]",
     run_pay},
    {"listforwards", "[status] [in_channel] [out_channel] [index] [start] [limit]", run_listforwards},
};

}  // namespace

std::span<const Command> payment_commands() {
    return commands;
}

}  // namespace millrace::sim
