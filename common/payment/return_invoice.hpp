// The invoice to which what is left of a session is paid back: given by the client when it opens the session, and
// trusted in nothing before it is looked at.
#pragma once

#include <chrono>
#include <string_view>

#include "common/payment/charge_request.hpp"
#include "common/payment/payment_error.hpp"

namespace millrace::payment {

struct ReturnInvoiceFacts {
    Network network;           // of the node that pays
    std::string_view node_id;  // of that node, 66 hex digits; empty: not known
    std::chrono::system_clock::time_point now;
    std::chrono::seconds needed{0};  // for how long it must be payable at least
};

// An invoice of BOLT 11 that is signed, states no amount, and can be paid by this node, which is not its payee.
// Errors: bad_return_invoice, which says what is wrong.
[[nodiscard]] Result<void> check_return_invoice(std::string_view invoice, const ReturnInvoiceFacts& facts);

}  // namespace millrace::payment
