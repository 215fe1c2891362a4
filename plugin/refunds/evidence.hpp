// What the node's own records say about a refund: the deposits it has received, the payments it has made. Nothing here
// is taken from whoever asks for the refund, but for the invoice to pay, which is checked.
#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <variant>

#include "common/bolt11/invoice.hpp"
#include "common/gateway/messages.hpp"
#include "plugin/invoicing/payment_secret.hpp"

namespace millrace::refunds {

// Why a refund is refused: becomes error 4026.
struct Objection {
    gateway::RefundRefusal why;
    std::string detail;
};

// ---- deposits

// What the deposit `hash` received, out of listinvoices' result. It is one of ours where its label says so, and where
// its payment secret opens as a deposit's. Errors: json::Errc where the answer cannot be read.
[[nodiscard]] Result<std::variant<Msat, Objection>> read_deposit(const boost::json::value& listed,
                                                                 const PaymentHash& hash,
                                                                 const invoicing::InvoiceKeys& keys);

// ---- the invoice to pay

struct Payout {
    bolt11::Invoice invoice;
    std::string text;
    Msat amount;  // what it gets
};

// The invoice of the request. It asks for no amount, for the one that is refunded, or for its whole satoshi.
[[nodiscard]] std::variant<Payout, Objection> read_payout(const gateway::RefundRequest& request);

// Whether it may be paid now, by the node `own_id` on the network of `currency`.
[[nodiscard]] std::optional<Objection> fault_of(const Payout& payout, std::string_view currency,
                                                std::string_view own_id, std::chrono::sys_seconds now);

// ---- payments

// The parts of one payment, out of listsendpays.
struct Payment {
    bool under_way = false;  // a part is pending
    bool arrived = false;    // a part is complete
    Msat sent;               // by the complete ones, fees included
};

[[nodiscard]] Result<Payment> read_payment(const boost::json::value& listed);

struct StillPending {};
struct Paid {
    Msat fee;
};
struct NotPaid {};
using Verdict = std::variant<StillPending, Paid, NotPaid>;

// `over`: xpay will send no more parts of it. `sent`: as xpay itself said where it succeeded.
[[nodiscard]] Verdict judge(const Payment& payment, Msat amount, bool over, std::optional<Msat> sent);

}  // namespace millrace::refunds
