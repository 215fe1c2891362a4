#include "contrib/simulator/node/shapes.hpp"

#include <string>

#include "common/codec/hex.hpp"
#include "contrib/simulator/node/node_core.hpp"

namespace millrace::sim {

namespace json = boost::json;

json::object invoice_json(const InvoiceRow& row) {
    json::object out;
    out["label"] = row.label;
    out["bolt11"] = row.bolt11;
    out["payment_hash"] = row.payment_hash.hex();
    if (row.amount) out["amount_msat"] = row.amount->value();
    out["status"] = name(row.status);
    if (row.status == InvoiceStatus::paid) {
        out["pay_index"] = row.pay_index;
        out["amount_received_msat"] = row.received.value();
        out["paid_at"] = unix_seconds(row.paid_at);
        out["payment_preimage"] = row.preimage.reveal_hex();
    }
    out["description"] = row.description;
    out["expires_at"] = unix_seconds(row.expires_at);
    out["created_index"] = row.created_index;
    if (row.updated_index != 0) out["updated_index"] = row.updated_index;
    return out;
}

json::object payment_json(const PaymentRow& row) {
    json::object out;
    out["created_index"] = row.id;
    out["id"] = row.id;
    out["payment_hash"] = row.payment_hash.hex();
    out["groupid"] = row.group;
    if (row.updated_index != 0) out["updated_index"] = row.updated_index;
    if (row.part != 0) out["partid"] = row.part;
    if (row.destination) out["destination"] = row.destination->hex();
    if (row.amount) out["amount_msat"] = row.amount->value();
    out["amount_sent_msat"] = row.sent.value();
    out["created_at"] = unix_seconds(row.created_at);
    if (row.completed_at) out["completed_at"] = unix_seconds(*row.completed_at);
    out["status"] = name(row.status);
    if (row.preimage) out["payment_preimage"] = row.preimage->reveal_hex();
    if (row.label) out["label"] = *row.label;
    if (row.bolt11) out["bolt11"] = *row.bolt11;
    if (row.description) out["description"] = *row.description;
    return out;
}

json::object payment_failure_json(const PaymentRow& row) {
    const PartFailure& failure = *row.failure;
    json::object data = payment_json(row);
    if (failure.code == 202) {
        data["onionreply"] = codec::to_hex(failure.failure.message);
        return {{"code", failure.code}, {"message", "Malformed error reply"}, {"data", std::move(data)}};
    }
    const std::uint16_t code = failure.failure.code();
    const std::string code_name(failcode_name(code));
    data["erring_index"] = failure.failure.erring_index;
    data["failcode"] = code;
    if (code_name != "UNKNOWN") data["failcodename"] = code_name;
    if (failure.erring_node) data["erring_node"] = failure.erring_node->hex();
    if (failure.erring_channel) {
        data["erring_channel"] = failure.erring_channel->text();
        data["erring_direction"] = failure.erring_direction;
    }
    if (failure.failure.erring_index > 0) data["raw_message"] = codec::to_hex(failure.failure.message);
    const std::string message = "failed: " + code_name + " (" + failure.reason + ")";
    return {{"code", failure.code}, {"message", message}, {"data", std::move(data)}};
}

json::object forward_json(const ForwardRow& row) {
    json::object out;
    out["created_index"] = row.created_index;
    if (row.updated_index != 0) out["updated_index"] = row.updated_index;
    out["in_channel"] = row.in_channel.text();
    out["in_htlc_id"] = row.in_htlc_id;
    if (row.out_channel) out["out_channel"] = row.out_channel->text();
    if (row.out_htlc_id) out["out_htlc_id"] = *row.out_htlc_id;
    out["in_msat"] = row.in_amount.value();
    if (row.out_amount) {
        out["out_msat"] = row.out_amount->value();
        out["fee_msat"] = row.in_amount.minus(*row.out_amount).value_or(Msat()).value();
    }
    out["status"] = name(row.status);
    if (row.failcode) {
        out["failcode"] = *row.failcode;
        out["failreason"] = failcode_name(*row.failcode);
    }
    out["style"] = "tlv";
    out["received_time"] = seconds_of(row.received);
    if (row.resolved) out["resolved_time"] = seconds_of(*row.resolved);
    return out;
}

json::object forward_event_json(const ForwardRow& row, bool indexed_as_new) {
    json::object out = forward_json(row);
    out.erase(indexed_as_new ? "updated_index" : "created_index");
    out.erase("out_htlc_id");
    out["payment_hash"] = row.payment_hash.hex();
    return out;
}

}  // namespace millrace::sim
