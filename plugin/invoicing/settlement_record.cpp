#include "plugin/invoicing/settlement_record.hpp"

#include "common/bolt11/invoice.hpp"
#include "common/json/fields.hpp"
#include "plugin/invoicing/label.hpp"

namespace millrace::invoicing {
namespace {

std::string service_of(const std::optional<std::string>& bolt11, const PaymentHash& hash, const InvoiceKeys& keys) {
    if (!bolt11) return {};
    const auto invoice = bolt11::decode(*bolt11);
    if (!invoice) return {};
    const auto terms = keys.open(invoice->payment_secret, hash);
    return terms ? terms->service.text() : std::string{};
}

}  // namespace

Result<std::vector<UpdatedRow>> parse_updated_rows(const boost::json::value& result) {
    json::Fields in(result, "listinvoices");
    std::vector<UpdatedRow> rows;
    for (const boost::json::value& each : in.array("invoices")) {
        json::Fields fields(each, "listinvoices: invoice");
        UpdatedRow row;
        row.updated_index = fields.u64("updated_index");
        const std::string label = fields.string("label");
        const auto hash = PaymentHash::from_hex(fields.string("payment_hash"));
        const std::string status = fields.string("status");
        if (hash && kind_of_label(label, *hash)) {
            if (status == "paid") row.paid = fields.u64("pay_index");
            if (status == "expired") row.expired = label;
        }
        if (fields.fault()) return *fields.fault();
        rows.push_back(std::move(row));
    }
    if (in.fault()) return *in.fault();
    return rows;
}

Result<PaidInvoice> parse_paid_invoice(const boost::json::value& row, const InvoiceKeys& keys) {
    json::Fields in(row, "invoice");
    PaidInvoice paid;
    gateway::Settlement settlement;
    paid.pay_index = settlement.pay_index = in.u64("pay_index");
    settlement.payment_hash = in.hex<PaymentHash>("payment_hash");
    settlement.label = in.string("label");
    if (in.fault()) return *in.fault();
    const auto kind = kind_of_label(settlement.label, settlement.payment_hash);
    if (!kind) return paid;
    settlement.deposit = *kind == Kind::deposit;

    settlement.amount_received = in.msat("amount_received_msat");
    settlement.amount = in.optional_msat("amount_msat").value_or(settlement.amount_received);
    settlement.settled_at = in.time("paid_at");
    settlement.description = in.optional_string("description").value_or("");
    const auto bolt11 = in.optional_string("bolt11");
    if (in.fault()) return *in.fault();
    settlement.service = service_of(bolt11, settlement.payment_hash, keys);
    paid.settlement = std::move(settlement);
    return paid;
}

}  // namespace millrace::invoicing
