#include "plugin/refunds/evidence.hpp"

#include <boost/json/array.hpp>

#include "common/json/fields.hpp"
#include "plugin/invoicing/label.hpp"

namespace millrace::refunds {

using gateway::RefundRefusal;

namespace {

bool opens_as_deposit(const std::optional<std::string>& bolt11, const PaymentHash& hash,
                      const invoicing::InvoiceKeys& keys) {
    if (!bolt11) return false;
    const auto invoice = bolt11::decode(*bolt11);
    if (!invoice) return false;
    const auto terms = keys.open(invoice->payment_secret, hash);
    return terms && terms->kind == invoicing::Kind::deposit;
}

}  // namespace

Result<std::variant<Msat, Objection>> read_deposit(const boost::json::value& listed, const PaymentHash& hash,
                                                   const invoicing::InvoiceKeys& keys) {
    using Read = std::variant<Msat, Objection>;
    json::Fields in(listed, "listinvoices");
    const boost::json::array& rows = in.array("invoices");
    if (in.fault()) return *in.fault();
    if (rows.empty()) {
        return Read(Objection{RefundRefusal::not_settled, hash.hex() + " was not paid to this node"});
    }
    json::Fields row(rows.front(), "listinvoices: invoice");
    const std::string label = row.string("label");
    const std::string status = row.string("status");
    const auto bolt11 = row.optional_string("bolt11");
    if (row.fault()) return *row.fault();
    if (label != invoicing::invoice_label(hash, invoicing::Kind::deposit) || !opens_as_deposit(bolt11, hash, keys)) {
        return Read(Objection{RefundRefusal::not_a_deposit, hash.hex() + " is no deposit that millrace sold"});
    }
    if (status != "paid")
        return Read(Objection{RefundRefusal::not_settled, "the deposit " + hash.hex() + " is " + status});
    const Msat received = row.msat("amount_received_msat");
    if (row.fault()) return *row.fault();
    return Read(received);
}

std::variant<Payout, Objection> read_payout(const gateway::RefundRequest& request) {
    auto invoice = bolt11::decode(request.invoice);
    if (!invoice) return Objection{RefundRefusal::bad_invoice, invoice.error().message};
    const Msat whole_satoshi(request.amount.value() / 1000 * 1000);
    const Msat amount = invoice->amount.value_or(request.amount);
    if (amount != request.amount && amount != whole_satoshi) {
        return Objection{RefundRefusal::bad_invoice, "it asks for " + amount.text() +
                                                         ", where it should ask for no amount, or for " +
                                                         request.amount.text() + ", or for whole satoshi of that"};
    }
    return Payout{std::move(*invoice), request.invoice, amount};
}

std::optional<Objection> fault_of(const Payout& payout, std::string_view currency, std::string_view own_id,
                                  std::chrono::sys_seconds now) {
    const bolt11::Invoice& invoice = payout.invoice;
    if (invoice.currency != currency) {
        return Objection{RefundRefusal::bad_invoice, "it is of another network: ln" + invoice.currency +
                                                         ", where it should be ln" + std::string(currency)};
    }
    if (invoice.payee.hex() == own_id) return Objection{RefundRefusal::bad_invoice, "it is this node's own"};
    if (now >= invoice.expires_at()) return Objection{RefundRefusal::bad_invoice, "it has expired"};
    return std::nullopt;
}

Result<Payment> read_payment(const boost::json::value& listed) {
    json::Fields in(listed, "listsendpays");
    Payment out;
    for (const boost::json::value& one : in.array("payments")) {
        json::Fields part(one, "listsendpays: payment");
        const std::string status = part.string("status");
        if (status == "complete") {
            out.arrived = true;
            out.sent = out.sent.plus(part.msat("amount_sent_msat")).value_or(Msat(UINT64_MAX));
        } else if (status == "pending") {
            out.under_way = true;
        } else if (!part.fault() && status != "failed") {
            part.note(json::Errc::out_of_range, "status", "must be pending, complete or failed");
        }
        if (part.fault()) return *part.fault();
    }
    if (in.fault()) return *in.fault();
    return out;
}

Verdict judge(const Payment& payment, Msat amount, bool over, std::optional<Msat> sent) {
    if (payment.under_way) return StillPending{};
    // A recipient that took only some of the parts was paid less than the amount, and no fee can be told.
    if (payment.arrived) return Paid{payment.sent.minus(amount).value_or(Msat{})};
    if (sent) return Paid{sent->minus(amount).value_or(Msat{})};
    if (!over) return StillPending{};
    return NotPaid{};
}

}  // namespace millrace::refunds
