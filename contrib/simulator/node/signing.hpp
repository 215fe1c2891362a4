// What hsmd does for invoices: signing, and signing again what somebody else has written.
#pragma once

#include <string>
#include <string_view>

#include "common/bolt11/invoice.hpp"

namespace millrace::sim {

struct SignedInvoice {
    bolt11::Invoice invoice;
    std::string text;
};

// Reads an invoice whatever its signature is worth, and writes it anew in canonical order, signed by `key`. As
// lightningd does, it drops the payment_metadata feature (bits 48 and 49) where there is no metadata.
[[nodiscard]] Result<SignedInvoice> sign_again(std::string_view text, const SecretKey& key);

}  // namespace millrace::sim
