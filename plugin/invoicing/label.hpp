// The label under which an invoice of ours stands in lightningd: a pure function of its payment hash, so that creating it
// again can only meet itself. (createinvoice with a known hash and another label aborts lightningd.)
#pragma once

#include <string>

#include "common/ids/ids.hpp"

namespace millrace::invoicing {

[[nodiscard]] inline std::string invoice_label(const PaymentHash& hash) { return "millrace-" + hash.hex(); }

}  // namespace millrace::invoicing
