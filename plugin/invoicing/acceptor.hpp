// Decides what becomes of one HTLC that carries a payment_secret. No I/O: it is fed facts, the time and lightningd's answers,
// and says what to do next.
//
//   begin ──▶ not ours ───────────────────────────────▶ PassOn
//     │                          refusal ─────────────▶ Refuse
//     ▼ our checks hold             ▲
//   AskRows(hash) ── on_rows ───────┤ a foreign row, a paid or expired one; none, though it was accepted before
//     │  none          │ ours, unpaid
//     ▼                └──────────────────────────────▶ Record ── on_recorded ─▶ Accept(payload)
//   Create(invoice) ── on_created ── made, or 900 with our own unpaid row ─▶ Record
//
//   What is recorded outlives the row: a row that was deleted, paid as it may have been, is not made a second time. It is
//   recorded behind the row, so that a node that fails in between finds the row and no record, and goes on.
//
//   createinvoice of a hash that lightningd knows under another label would abort it, hence the question first. Nobody can
//   slip in between: to make such a row takes the preimage, which leaves this node only with the first payment, and after
//   that our own row stands there (keep autoclean's ages longer than challenges live).
//
//   lightningd did not answer: AskRows again after a while, a few times, then Refuse(node_failed). All of it is idempotent:
//   lightningd replays HTLCs that it had not decided when it went down.
//
// The checks are made on every HTLC, since lightningd keeps no expiry of ours, no cltv of ours, and takes up to twice the
// amount; that tolerance (BOLT 4) is kept: amount <= total_msat <= 2 * amount.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "plugin/invoicing/htlc.hpp"
#include "plugin/invoicing/invoice.hpp"
#include "plugin/invoicing/key_epochs.hpp"
#include "plugin/invoicing/payment_secret.hpp"

namespace millrace::invoicing {

enum class Refusal {
    expired,          // the challenge's time is over
    amount_too_low,   // total_msat below the amount
    amount_too_high,  // total_msat above twice the amount
    cltv_too_soon,    // fewer blocks left than the invoice asks for
    epoch_retired,    // the token it would pay for is worthless
    bad_payload,      // the onion payload cannot be rewritten
    foreign_invoice,  // lightningd has an invoice with this hash that is not ours
    already_paid,     // lightningd has it as paid
    invoice_expired,  // lightningd has it as expired: it was tried before, in vain
    invoice_deleted,  // it was accepted before, and its invoice has been deleted since
    node_failed,      // lightningd refused to make the invoice, or did not answer
};

constexpr std::size_t refusal_count = 11;

// One word for status, metrics and logs: "amount_too_low".
[[nodiscard]] std::string_view name(Refusal refusal);

enum class RowStatus { unpaid, paid, expired };

// What counts of an invoice in lightningd.
struct InvoiceRow {
    std::string label;
    RowStatus status = RowStatus::unpaid;
};

// listinvoices' result, or createinvoice's `data` of error 900. Errors: json::Errc.
[[nodiscard]] Result<std::vector<InvoiceRow>> parse_invoice_rows(const boost::json::value& result);
[[nodiscard]] Result<InvoiceRow> parse_invoice_row(const boost::json::value& row);

struct PassOn {};
struct Refuse {
    Refusal why;
};
struct AskRows {
    std::chrono::milliseconds delay{0};  // wait that long first
};
struct Create {
    std::string invstring;  // createinvoice signs it; label and preimage follow from the hash and the secret
};
struct Record {};  // write down that it is accepted, until the terms' expiry
struct Accept {
    Bytes payload;
};
using Step = std::variant<PassOn, Refuse, AskRows, Create, Record, Accept>;

class Acceptor {
  public:
    // How often lightningd is asked anew when it does not answer.
    static constexpr int max_attempts = 4;

    // `remembered` is the challenge's own bolt11 where it is still known. The references must outlive the acceptor.
    Acceptor(const InvoiceKeys& keys, const KeyEpochs& epochs, const InvoiceStyle& style, HtlcFacts facts,
             std::optional<std::string> remembered);

    [[nodiscard]] Step begin(std::chrono::sys_seconds now);

    // After AskRows. `recorded`: this challenge was accepted before.
    [[nodiscard]] Step on_rows(const std::vector<InvoiceRow>& rows, bool recorded, std::chrono::sys_seconds now);

    // After Create: made; or refused with error 900 and this row; or refused for another reason.
    [[nodiscard]] Step on_created();
    [[nodiscard]] Step on_duplicate(const InvoiceRow& row);
    [[nodiscard]] Step on_create_refused();

    // After Record.
    [[nodiscard]] Step on_recorded();

    // After any of them: no answer, or none that can be understood.
    [[nodiscard]] Step on_no_answer();

    [[nodiscard]] const HtlcFacts& facts() const { return facts_; }
    // Once begin() did not say PassOn.
    [[nodiscard]] const std::optional<Terms>& terms() const { return terms_; }
    [[nodiscard]] Preimage preimage() const { return keys_.preimage(facts_.payment_secret, terms_->kind); }
    [[nodiscard]] std::string label() const;

  private:
    [[nodiscard]] std::optional<Refusal> check_terms(std::chrono::sys_seconds now) const;
    [[nodiscard]] Step judge(const InvoiceRow& row) const;

    const InvoiceKeys& keys_;
    const KeyEpochs& epochs_;
    const InvoiceStyle& style_;
    HtlcFacts facts_;
    std::optional<std::string> remembered_;
    std::optional<Terms> terms_;
    Bytes payload_;
    int attempts_ = 1;
};

}  // namespace millrace::invoicing
