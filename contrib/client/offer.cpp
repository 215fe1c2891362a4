#include <algorithm>
#include <set>

#include "common/bolt11/invoice.hpp"
#include "common/l402/challenge.hpp"
#include "common/l402/identifier.hpp"
#include "common/payment/challenge.hpp"
#include "common/payment/charge_request.hpp"
#include "common/payment/timestamp.hpp"
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
        case client::OfferErrc::contradictory:
            return "the challenge says another thing than its invoice";
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

// What the invoice says; who is paid for what is the caller's.
Result<Offer> read_invoice(const std::string& bolt11) {
    auto invoice = bolt11::decode(bolt11);
    if (!invoice) return fail(OfferErrc::unreadable, invoice.error().message);
    if (!invoice->amount) return fail(OfferErrc::no_amount);
    Offer offer;
    offer.pending.bolt11 = bolt11;
    offer.pending.payment_hash = invoice->payment_hash;
    offer.pending.amount = *invoice->amount;
    offer.pending.expires_at = invoice->expires_at();
    offer.currency = invoice->currency;
    return offer;
}

Result<Offer> read_token_offer(const l402::Challenge& challenge) {
    auto identifier = l402::Identifier::decode(challenge.macaroon.identifier);
    if (!identifier) return fail(OfferErrc::not_l402, identifier.error().message);
    auto offer = read_invoice(challenge.bolt11);
    if (!offer) return offer.error();
    if (offer->pending.payment_hash != identifier->payment_hash) return fail(OfferErrc::hash_mismatch);
    offer->pending.service = service_of(challenge.macaroon);
    offer->pending.base64 = challenge.token_base64;
    return offer;
}

// The first challenge that this client can answer.
std::optional<payment::Challenge> find_charge(const std::vector<std::string>& www_authenticate) {
    const auto challenges = payment::parse_challenges(www_authenticate);
    if (!challenges) return std::nullopt;
    for (const payment::Challenge& challenge : *challenges) {
        if (challenge.method == payment::lightning && challenge.intent == payment::charge) return challenge;
    }
    return std::nullopt;
}

// The invoice is what is paid: whatever the challenge says besides must agree with it.
Result<Offer> read_charge_offer(const payment::Challenge& challenge, const std::string& request) {
    const auto asked = payment::decode_charge_request(challenge.request);
    if (!asked) return fail(OfferErrc::unreadable, asked.error().message);
    auto offer = read_invoice(asked->invoice);
    if (!offer) return offer.error();
    const auto network = payment::network_of_invoice(offer->currency);
    if (payment::to_sat(offer->pending.amount) != asked->amount_sat)
        return fail(OfferErrc::contradictory, std::to_string(asked->amount_sat) + " sat, the invoice asks for " +
                                                  offer->pending.amount.text());
    if (asked->payment_hash && *asked->payment_hash != offer->pending.payment_hash)
        return fail(OfferErrc::contradictory, "the payment hash");
    if (asked->network && (!network || *asked->network != payment::name(*network)))
        return fail(OfferErrc::contradictory, "the network");
    if (!challenge.expires.empty()) {
        const auto expires = payment::parse_timestamp(challenge.expires);
        if (!expires) return fail(OfferErrc::unreadable, expires.error().message);
        offer->pending.expires_at = std::min(offer->pending.expires_at, *expires);
    }
    offer->pending.service = charge_key(request);
    offer->pending.charge = payment::challenge_line(challenge);
    return offer;
}

}  // namespace

std::string charge_key(const std::string& request) {
    return "charge " + request;  // no service's name has a space
}

Result<Offer> read_offer(const std::vector<std::string>& www_authenticate, const std::string& request) {
    auto challenge = l402::parse_challenge(www_authenticate);
    if (challenge) return read_token_offer(*challenge);
    if (auto charge = find_charge(www_authenticate)) return read_charge_offer(*charge, request);
    return fail(OfferErrc::unreadable, challenge.error().message);
}

Result<void> check_offer(const Pending& offer, Msat max_cost, TimePoint now) {
    if (offer.amount > max_cost) {
        return fail(OfferErrc::too_expensive, offer.amount.text() + " asked, at most " + max_cost.text() + " allowed");
    }
    if (offer.expires_at < now + expiry_margin) return fail(OfferErrc::expired);
    return {};
}

}  // namespace millrace::client
