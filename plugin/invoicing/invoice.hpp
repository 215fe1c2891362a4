// The BOLT 11 invoice of a challenge, made when it is issued and made again when an HTLC arrives for one that is no longer
// remembered.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "common/bolt11/invoice.hpp"
#include "plugin/invoicing/payment_secret.hpp"

namespace millrace::invoicing {

// lightningd collects the parts of a payment for 70 s; an invoice must outlive that (lightningd/htlc_set.c).
constexpr std::chrono::seconds min_expiry{90};
// lightningd's own default for `invoice`; the payer's money waits for nothing that long.
constexpr std::chrono::seconds max_expiry{7 * 24 * 3600};
constexpr std::size_t max_description = 639;  // bytes: what a bolt11 `d` field holds

// What all invoices of a node have in common.
struct InvoiceStyle {
    std::string currency;              // bolt11's: "bc", "tb", ...
    Bytes features;                    // init's feature_set.invoice
    std::uint32_t min_final_cltv = 0;  // blocks, see final_cltv_for()
};

// The `c` of our invoices on a node with this cltv-final. lightningd enforces only its own node-wide value, counted when it
// looks at the payment; BOLT 2 derives 18 as the least that is safe; three blocks more let a payment through although
// blocks arrive on its way.
[[nodiscard]] std::uint32_t final_cltv_for(std::uint32_t node_cltv_final);

// "L402: <service>", or "Deposit: <service>"
[[nodiscard]] std::string default_description(const ServiceName& service, Kind kind);

[[nodiscard]] bolt11::Invoice make_invoice(const InvoiceStyle& style, const Terms& terms, const PaymentSecret& secret,
                                           const PaymentHash& hash, std::string description,
                                           std::vector<std::vector<bolt11::RouteHop>> routes,
                                           std::chrono::sys_seconds now);

}  // namespace millrace::invoicing
