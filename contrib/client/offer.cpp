#include <algorithm>
#include <set>

#include "common/bolt11/invoice.hpp"
#include "common/l402/challenge.hpp"
#include "common/l402/identifier.hpp"
#include "contrib/client/purchase.hpp"

namespace millrace {

const char* ErrcText<client::OfferErrc>::text(client::OfferErrc errc) {
    switch (errc) {
        case client::OfferErrc::unreadable:
            return "the challenge cannot be read";
        case client::OfferErrc::not_l402:
            return "the token in the challenge is not an L402 token";
        case client::OfferErrc::hash_mismatch:
            return "the invoice does not pay for the token it came with";
        case client::OfferErrc::no_amount:
            return "the invoice names no amount";
        case client::OfferErrc::too_expensive:
            return "the price is above --max-cost-msat";
        case client::OfferErrc::expired:
            return "the invoice has expired";
        case client::OfferErrc::wrong_network:
            return "the invoice is of another network than the node";
    }
    return "unknown";
}

}  // namespace millrace

namespace millrace::client {

namespace {

// An invoice that is closer to its end than this is not paid: the payment takes time on its way.
constexpr std::chrono::seconds expiry_margin{10};

// The name in `services=<name>:<tier>`; the last such caveat is the narrowest one.
std::string service_of(const macaroon::Macaroon& token) {
    constexpr std::string_view condition = "services=";
    std::string service;
    for (const macaroon::Caveat& caveat : token.caveats) {
        const std::string_view text = caveat.text();
        if (caveat.first_party() && text.starts_with(condition)) {
            const std::string_view names = text.substr(condition.size());
            service = names.substr(0, std::min(names.find(':'), names.find(',')));
        }
    }
    return service;
}

}  // namespace

Result<Offer> read_offer(const std::vector<std::string>& www_authenticate) {
    auto challenge = l402::parse_challenge(www_authenticate);
    if (!challenge) return fail(OfferErrc::unreadable, challenge.error().message);
    auto identifier = l402::Identifier::decode(challenge->macaroon.identifier);
    if (!identifier) return fail(OfferErrc::not_l402, identifier.error().message);
    auto invoice = bolt11::decode(challenge->bolt11);
    if (!invoice) return fail(OfferErrc::unreadable, invoice.error().message);
    if (invoice->payment_hash != identifier->payment_hash) return fail(OfferErrc::hash_mismatch);
    if (!invoice->amount) return fail(OfferErrc::no_amount);

    Offer offer;
    offer.pending.service = service_of(challenge->macaroon);
    offer.pending.base64 = challenge->token_base64;
    offer.pending.bolt11 = challenge->bolt11;
    offer.pending.payment_hash = invoice->payment_hash;
    offer.pending.amount = *invoice->amount;
    offer.pending.expires_at = invoice->expires_at();
    offer.currency = invoice->currency;
    return offer;
}

Result<void> check_offer(const Pending& offer, Msat max_cost, TimePoint now) {
    if (offer.amount > max_cost) {
        return fail(OfferErrc::too_expensive, offer.amount.text() + " asked, at most " + max_cost.text() + " allowed");
    }
    if (offer.expires_at < now + expiry_margin) return fail(OfferErrc::expired);
    return {};
}

}  // namespace millrace::client
