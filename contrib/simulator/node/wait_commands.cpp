// waitanyinvoice, waitinvoice, wait, waitsendpay, waitblockheight: commands that answer when something has happened.
#include <utility>

#include "contrib/simulator/node/daemon.hpp"
#include "contrib/simulator/node/shapes.hpp"

namespace millrace::sim {

namespace json = boost::json;

namespace {

constexpr int code_expired_during_wait = 903;
constexpr int code_invoice_timeout = 904;
constexpr int code_wait_timeout = 2000;

// Answers `code` after `seconds` of the node's clock, unless the command was answered before.
void answer_late(NodeCore& core, std::optional<std::uint64_t> seconds, const Reply& reply, int code,
                 std::string message) {
    if (!seconds) return;
    core.after(std::chrono::seconds(*seconds),
               [reply, code, message = std::move(message)] { reply.error(code, message); });
}

void run_waitanyinvoice(Daemon& node, Params& in, const Reply& reply, const std::shared_ptr<RpcSession>&) {
    NodeCore& core = node.core();
    const std::uint64_t after = in.optional_u64("lastpay_index").value_or(0);
    const auto timeout = in.optional_u64("timeout", 31'536'000);
    if (in.ends(reply)) return;
    core.waiters.wait([&core, after, reply] {
        if (reply.answered()) return true;
        const InvoiceRow* row = core.state.invoices.paid_after(after);
        if (row == nullptr) return false;
        reply.result(invoice_json(*row));
        return true;
    });
    answer_late(core, timeout, reply, code_invoice_timeout, "Timed out while waiting for invoice to be paid");
}

void run_waitinvoice(Daemon& node, Params& in, const Reply& reply, const std::shared_ptr<RpcSession>&) {
    NodeCore& core = node.core();
    const std::string label = in.string("label");
    if (in.ends(reply)) return;
    if (core.state.invoices.by_label(label) == nullptr) return reply.error(rpc_code::general, "Label not found");
    core.waiters.wait([&core, label, reply] {
        const InvoiceRow* row = core.state.invoices.by_label(label);
        if (row == nullptr) {
            reply.error(rpc_code::general, "Invoice deleted during wait");
            return true;
        }
        if (row->status == InvoiceStatus::unpaid) return false;
        if (row->status == InvoiceStatus::paid) {
            reply.result(invoice_json(*row));
        } else {
            reply.error(code_expired_during_wait, "invoice expired during wait", invoice_json(*row));
        }
        return true;
    });
}

struct Indexes {
    std::uint64_t created = 0;
    std::uint64_t updated = 0;
    std::uint64_t deleted = 0;
};

std::optional<Indexes> indexes_of(const NodeState& state, std::string_view subsystem) {
    if (subsystem == "invoices")
        return Indexes{state.invoices.created(), state.invoices.updated(), state.invoices.deleted()};
    if (subsystem == "forwards") return Indexes{state.forwards.created(), state.forwards.updated(), 0};
    if (subsystem == "sendpays")
        return Indexes{state.payments.created(), state.payments.updated(), state.payments.deleted()};
    if (subsystem == "channelmoves") return Indexes{state.channel_movements, 0, 0};
    if (subsystem == "htlcs" || subsystem == "chainmoves" || subsystem == "networkevents") return Indexes{};
    return std::nullopt;
}

// What `wait` tells about the row that reached the index.
json::object details(const NodeState& state, std::string_view subsystem, bool created, std::uint64_t index) {
    const auto at = [created](const auto& row) { return created ? row.created_index : row.updated_index; };
    if (subsystem == "invoices") {
        for (const auto& [key, row] : state.invoices.rows()) {
            if (at(row) == index) return {{"status", name(row.status)}, {"label", row.label}, {"bolt11", row.bolt11}};
        }
    }
    if (subsystem == "forwards") {
        for (const auto& [key, row] : state.forwards.rows()) {
            if (at(row) != index) continue;
            json::object out{{"status", name(row.status)},
                             {"in_channel", row.in_channel.text()},
                             {"in_htlc_id", row.in_htlc_id},
                             {"in_msat", row.in_amount.value()}};
            if (row.out_channel) out["out_channel"] = row.out_channel->text();
            return out;
        }
    }
    if (subsystem == "sendpays") {
        for (const auto& [key, row] : state.payments.rows()) {
            if ((created ? row.id : row.updated_index) != index) continue;
            return {{"status", name(row.status)},
                    {"partid", row.part},
                    {"groupid", row.group},
                    {"payment_hash", row.payment_hash.hex()}};
        }
    }
    return {};
}

void run_wait(Daemon& node, Params& in, const Reply& reply, const std::shared_ptr<RpcSession>&) {
    NodeCore& core = node.core();
    const std::string subsystem = in.string("subsystem");
    const std::string indexname = in.string("indexname");
    const std::uint64_t next = in.u64("nextvalue");
    if (!indexes_of(core.state, subsystem)) in.bad("subsystem", "unknown subsystem");
    if (indexname != "created" && indexname != "updated" && indexname != "deleted")
        in.bad("indexname", "unknown index");
    if (in.ends(reply)) return;
    core.waiters.wait([&core, subsystem, indexname, next, reply, waited = false]() mutable {
        const Indexes now = *indexes_of(core.state, subsystem);
        const std::uint64_t value = indexname == "created"   ? now.created
                                    : indexname == "updated" ? now.updated
                                                             : now.deleted;
        if (value < next) {
            waited = true;
            return false;
        }
        json::object out{{"subsystem", subsystem}, {indexname, waited ? next : value}};
        if (waited && indexname != "deleted")
            out[subsystem] = details(core.state, subsystem, indexname == "created", next);
        reply.result(out);
        return true;
    });
}

void run_waitsendpay(Daemon& node, Params& in, const Reply& reply, const std::shared_ptr<RpcSession>&) {
    NodeCore& core = node.core();
    const PaymentHash hash = in.fixed<PaymentHash>("payment_hash", "should be a 32 byte hex value");
    const auto timeout = in.optional_u64("timeout", 31'536'000);
    const std::uint64_t part = in.optional_u64("partid").value_or(0);
    const std::uint64_t group = in.optional_u64("groupid").value_or(0);
    if (in.ends(reply)) return;
    const PaymentRow* found = core.state.payments.find(hash, part, group);
    if (found == nullptr) {
        return reply.error(208, "Never attempted payment part " + std::to_string(part) + " for '" + hash.hex() + "'");
    }
    core.waiters.wait([&core, id = found->id, reply] {
        if (reply.answered()) return true;
        const PaymentRow* row = core.state.payments.find(id);
        if (row == nullptr) {
            reply.error(208, "Payment was deleted");
            return true;
        }
        if (row->status == PaymentStatus::pending && !row->failure) return false;
        if (row->status == PaymentStatus::complete) {
            reply.result(payment_json(*row));
        } else {
            const json::object failure = payment_failure_json(*row);
            reply.error(row->failure->code, std::string_view(failure.at("message").as_string()), failure.at("data"));
        }
        return true;
    });
    answer_late(core, timeout, reply, 200, "Timed out while waiting");
}

void run_waitblockheight(Daemon& node, Params& in, const Reply& reply, const std::shared_ptr<RpcSession>&) {
    NodeCore& core = node.core();
    const std::uint64_t height = in.u64("blockheight");
    const std::uint64_t timeout = in.optional_u64("timeout", 31'536'000).value_or(60);
    if (in.ends(reply)) return;
    core.waiters.wait([&core, height, reply] {
        if (reply.answered()) return true;
        if (core.height() < height) return false;
        reply.result(json::object{{"blockheight", core.height()}});
        return true;
    });
    answer_late(core, timeout, reply, code_wait_timeout, "Timed out.");
}

constexpr Command commands[] = {
    {"waitanyinvoice", "[lastpay_index] [timeout]", run_waitanyinvoice},
    {"waitinvoice", "label", run_waitinvoice},
    {"wait", "subsystem indexname nextvalue", run_wait},
    {"waitsendpay", "payment_hash [timeout] [partid] [groupid]", run_waitsendpay},
    {"waitblockheight", "blockheight [timeout]", run_waitblockheight},
};

}  // namespace

std::span<const Command> wait_commands() {
    return commands;
}

}  // namespace millrace::sim
