#include "plugin/invoicing/invoice.hpp"

#include <algorithm>
#include <utility>

namespace millrace::invoicing {

std::uint32_t final_cltv_for(std::uint32_t node_cltv_final) {
    constexpr std::uint32_t least = 18;
    constexpr std::uint32_t margin = 3;
    return std::min(std::max(node_cltv_final, least) + margin, Terms::max_min_final_cltv);
}

std::string default_description(const ServiceName& service, Kind kind) {
    return (kind == Kind::deposit ? "Deposit: " : "L402: ") + service.text();
}

bolt11::Invoice make_invoice(const InvoiceStyle& style, const Terms& terms, const PaymentSecret& secret,
                             const PaymentHash& hash, std::string description,
                             std::vector<std::vector<bolt11::RouteHop>> routes, std::chrono::sys_seconds now) {
    bolt11::Invoice invoice;
    invoice.currency = style.currency;
    invoice.amount = terms.amount;
    invoice.timestamp = now;
    invoice.payment_hash = hash;
    invoice.payment_secret = secret;
    invoice.description = std::move(description);
    // createinvoice counts the expiry from when the row is made, whatever the timestamp says: enough for all the parts.
    invoice.expiry = std::max(terms.expires_at - now, min_expiry);
    invoice.min_final_cltv = terms.min_final_cltv;
    invoice.routes = std::move(routes);
    invoice.features = style.features;
    return invoice;
}

}  // namespace millrace::invoicing
