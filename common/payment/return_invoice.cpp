#include "common/payment/return_invoice.hpp"

#include "common/bolt11/invoice.hpp"

namespace millrace::payment {
namespace {

Error bad(std::string_view why) {
    return fail(Errc::bad_return_invoice, why);
}

}  // namespace

Result<void> check_return_invoice(std::string_view invoice, const ReturnInvoiceFacts& facts) {
    const Result<bolt11::Invoice> decoded = bolt11::decode(invoice);
    if (!decoded) return bad(decoded.error().message);
    if (network_of_invoice(decoded->currency) != facts.network)
        return bad("it is of another network than " + std::string(name(facts.network)));
    if (decoded->amount && *decoded->amount != Msat())
        return bad("it states an amount; what is paid back is known later");
    if (decoded->payee.hex() == facts.node_id) return bad("its payee is the node that would pay it");
    if (decoded->expires_at() <= facts.now) return bad("it has expired");
    if (decoded->expires_at() < facts.now + facts.needed)
        return bad("it expires too early: it must be payable for " + std::to_string(facts.needed.count()) +
                   " s at least");
    return {};
}

}  // namespace millrace::payment
