// The final hop's onion payload, rewritten into what lightningd expects.
//
// lightningd keeps no payment_secret: for a BOLT 11 invoice it recomputes SHA256(preimage with the lowest bit of byte 0
// flipped) and compares that with the onion's (lightningd/invoice.c). Ours is another, hence the rewrite. And it refuses a
// payload with payment_metadata (TLV 16) that its invoice does not have, hence that goes.
//
//   in:  bigsize length, TLV stream         (as the hook shows it)
//   out: TLV stream                         (as the hook's answer takes it), ascending
//   TLV 8, payment_data (BOLT 4) := payment_secret[32] total_msat[tu64]
#pragma once

#include "common/codec/bytes.hpp"
#include "common/ids/ids.hpp"
#include "common/result/error.hpp"

namespace millrace::invoicing {

// What lightningd takes for the payment_secret of the stored invoice with this preimage.
[[nodiscard]] PaymentSecret stored_invoice_secret(const Preimage& preimage);

// Errors: codec::Errc where `payload` is not a TLV stream of its stated length, or has no TLV 8 that begins with `expected`.
[[nodiscard]] Result<Bytes> replace_payment_secret(ByteView payload, const PaymentSecret& expected,
                                                   const PaymentSecret& replacement);

}  // namespace millrace::invoicing
