// A paid invoice in lightningd's records, read as a settlement.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/gateway/messages.hpp"
#include "plugin/invoicing/payment_secret.hpp"

namespace millrace::invoicing {

// What counts of a row of `listinvoices index=updated`, whosever it is.
struct UpdatedRow {
    std::uint64_t updated_index = 0;
    std::optional<std::uint64_t> paid;   // the pay_index, of an invoice of ours that was paid
    std::optional<std::string> expired;  // the label, of an invoice of ours that nobody paid in time
};

// Errors: json::Errc.
[[nodiscard]] Result<std::vector<UpdatedRow>> parse_updated_rows(const boost::json::value& result);

struct PaidInvoice {
    std::uint64_t pay_index = 0;
    std::optional<gateway::Settlement> settlement;  // empty for an invoice that is not ours
};

// A row of waitanyinvoice or listinvoices that is paid. The service comes out of the payment_secret in the row's bolt11; it
// stays empty where that cannot be read. Errors: json::Errc.
[[nodiscard]] Result<PaidInvoice> parse_paid_invoice(const boost::json::value& row, const InvoiceKeys& keys);

}  // namespace millrace::invoicing
