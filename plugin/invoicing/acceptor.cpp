#include "plugin/invoicing/acceptor.hpp"

#include <utility>

#include "common/json/fields.hpp"
#include "plugin/invoicing/label.hpp"
#include "plugin/invoicing/onion_payload.hpp"

namespace millrace::invoicing {

std::string_view name(Refusal refusal) {
    switch (refusal) {
        case Refusal::expired:
            return "expired";
        case Refusal::amount_too_low:
            return "amount_too_low";
        case Refusal::amount_too_high:
            return "amount_too_high";
        case Refusal::cltv_too_soon:
            return "cltv_too_soon";
        case Refusal::epoch_retired:
            return "epoch_retired";
        case Refusal::bad_payload:
            return "bad_payload";
        case Refusal::foreign_invoice:
            return "foreign_invoice";
        case Refusal::already_paid:
            return "already_paid";
        case Refusal::invoice_expired:
            return "invoice_expired";
        case Refusal::invoice_deleted:
            return "invoice_deleted";
        case Refusal::node_failed:
            return "node_failed";
    }
    return "unknown";
}

Result<InvoiceRow> parse_invoice_row(const boost::json::value& row) {
    json::Fields in(row, "invoice");
    InvoiceRow out;
    out.label = in.string("label");
    const std::string status = in.string("status");
    if (in.fault()) return *in.fault();
    if (status == "unpaid") {
        out.status = RowStatus::unpaid;
    } else if (status == "paid") {
        out.status = RowStatus::paid;
    } else if (status == "expired") {
        out.status = RowStatus::expired;
    } else {
        in.note(json::Errc::out_of_range, "status", "must be unpaid, paid or expired");
        return *in.fault();
    }
    return out;
}

Result<std::vector<InvoiceRow>> parse_invoice_rows(const boost::json::value& result) {
    json::Fields in(result, "listinvoices");
    std::vector<InvoiceRow> rows;
    for (const boost::json::value& entry : in.array("invoices")) {
        auto row = parse_invoice_row(entry);
        if (!row) return row.error();
        rows.push_back(std::move(*row));
    }
    if (in.fault()) return *in.fault();
    return rows;
}

Acceptor::Acceptor(const InvoiceKeys& keys, const KeyEpochs& epochs, const InvoiceStyle& style, HtlcFacts facts,
                   std::optional<std::string> remembered)
    : keys_(keys), epochs_(epochs), style_(style), facts_(std::move(facts)), remembered_(std::move(remembered)) {}

std::optional<Refusal> Acceptor::check_terms(std::chrono::sys_seconds now) const {
    if (!epochs_.usable(terms_->epoch)) return Refusal::epoch_retired;
    if (now >= terms_->expires_at) return Refusal::expired;
    if (facts_.total < terms_->amount) return Refusal::amount_too_low;
    if (facts_.total.value() > 2 * terms_->amount.value()) return Refusal::amount_too_high;
    if (facts_.cltv_expiry_relative < std::int64_t{terms_->min_final_cltv}) return Refusal::cltv_too_soon;
    return std::nullopt;
}

std::string Acceptor::label() const {
    return invoice_label(facts_.payment_hash, terms_->kind);
}

Step Acceptor::begin(std::chrono::sys_seconds now) {
    terms_ = keys_.open(facts_.payment_secret, facts_.payment_hash);
    if (!terms_) return PassOn{};
    if (const auto refusal = check_terms(now)) return Refuse{*refusal};
    auto payload = replace_payment_secret(facts_.payload, facts_.payment_secret, stored_invoice_secret(preimage()));
    if (!payload) return Refuse{Refusal::bad_payload};
    payload_ = std::move(*payload);
    return AskRows{};
}

Step Acceptor::judge(const InvoiceRow& row) const {
    if (row.label != label()) return Refuse{Refusal::foreign_invoice};
    switch (row.status) {
        case RowStatus::unpaid:
            return Record{};
        case RowStatus::paid:
            return Refuse{Refusal::already_paid};
        case RowStatus::expired:
            return Refuse{Refusal::invoice_expired};
    }
    return Refuse{Refusal::node_failed};
}

Step Acceptor::on_rows(const std::vector<InvoiceRow>& rows, bool recorded, std::chrono::sys_seconds now) {
    if (!rows.empty()) return judge(rows.front());
    if (recorded) return Refuse{Refusal::invoice_deleted};
    // Asking may have taken a while.
    if (const auto refusal = check_terms(now)) return Refuse{*refusal};
    if (remembered_) return Create{*remembered_};
    auto rebuilt = bolt11::encode_unsigned(make_invoice(style_, *terms_, facts_.payment_secret, facts_.payment_hash,
                                                        default_description(terms_->service, terms_->kind), {}, now));
    if (!rebuilt) return Refuse{Refusal::node_failed};
    return Create{std::move(*rebuilt)};
}

Step Acceptor::on_created() {
    return Record{};
}

Step Acceptor::on_recorded() {
    return Accept{payload_};
}

Step Acceptor::on_duplicate(const InvoiceRow& row) {
    return judge(row);
}

Step Acceptor::on_create_refused() {
    return Refuse{Refusal::node_failed};
}

Step Acceptor::on_no_answer() {
    if (attempts_ >= max_attempts) return Refuse{Refusal::node_failed};
    // 250 ms, 500 ms, 1 s: a lightningd that comes back does so at once.
    return AskRows{std::chrono::milliseconds(125 << attempts_++)};
}

}  // namespace millrace::invoicing
