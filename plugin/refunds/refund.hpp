// A refund: what was promised, to whom, and what became of it. It lies in lightningd's datastore before anything is
// paid.
//
//   key    := ["millrace", "refunds", index]         index: decimal, ten digits
//   value  := JSON text {"version":1, "deposits":[payment_hash, ...], "asked_msat", "amount_msat", "max_fee_msat",
//             "payments":[payment_hash, ...], "state":"pending"|"complete"|"failed", "started_at", "changed_at",
//             "fee_msat"? (complete), "reason"? (failed)}
//
//   pending  ──▶ complete      a payment of it arrived
//      ▲ └─────▶ failed        none is under way any more, and none arrived
//      └─────────── asked for again: another entry in "payments" where the invoice is another
//
// The generation that lightningd counts for each value guards every change: two plugins at once cannot both begin.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/gateway/messages.hpp"
#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"

namespace millrace::refunds {

using gateway::RefundState;

struct Refund {
    std::uint64_t index = 0;
    std::vector<PaymentHash> deposits;  // in ascending order
    Msat asked;                         // of the deposits' unspent part
    Msat amount;                        // what the invoice gets: as asked, or whole satoshi of that
    Msat max_fee;
    std::vector<PaymentHash> payments;  // of the invoices, the present one last
    RefundState state = RefundState::pending;
    Msat fee;                             // once complete
    std::string reason;                   // when failed
    std::chrono::sys_seconds started_at;  // the present try
    std::chrono::sys_seconds changed_at;
    std::optional<std::uint64_t> generation;  // lightningd's, of the value; empty before it is stored

    [[nodiscard]] const PaymentHash& payment() const { return payments.back(); }
};

// What the node may have to part with for it, or has.
[[nodiscard]] Msat set_aside(const Refund& refund);

[[nodiscard]] std::string datastore_index(std::uint64_t index);
[[nodiscard]] std::string datastore_text(const Refund& refund);
// Errors: json::Errc.
[[nodiscard]] Result<Refund> parse_datastore_text(std::string_view index, std::string_view text);

// As the gateway tells it.
[[nodiscard]] gateway::RefundReply reply_of(const Refund& refund);
// As millrace-refunds lists it.
[[nodiscard]] boost::json::object to_json(const Refund& refund);

}  // namespace millrace::refunds
