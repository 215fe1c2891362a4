// The JSON of records that more than one command or notification shows.
#pragma once

#include <boost/json/object.hpp>

#include "contrib/simulator/ledger/forwards.hpp"
#include "contrib/simulator/ledger/invoices.hpp"
#include "contrib/simulator/ledger/payments.hpp"

namespace millrace::sim {

// listinvoices' entry.
[[nodiscard]] boost::json::object invoice_json(const InvoiceRow& row);
// listsendpays' entry.
[[nodiscard]] boost::json::object payment_json(const PaymentRow& row);
// The error that waitsendpay answers with and sendpay_failure tells of: code, message, data.
[[nodiscard]] boost::json::object payment_failure_json(const PaymentRow& row);
// listforwards' entry; `event`: as forward_event has it, `indexed_as_new` tells which index it names.
[[nodiscard]] boost::json::object forward_json(const ForwardRow& row);
[[nodiscard]] boost::json::object forward_event_json(const ForwardRow& row, bool indexed_as_new);

}  // namespace millrace::sim
