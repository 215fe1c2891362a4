#include "contrib/client/offer.hpp"

#include <algorithm>
#include <optional>

#include "common/bolt11/invoice.hpp"
#include "common/codec/ascii.hpp"
#include "common/l402/challenge.hpp"
#include "common/l402/identifier.hpp"
#include "common/payment/challenge.hpp"
#include "common/payment/charge_request.hpp"
#include "common/payment/credential_field.hpp"
#include "common/payment/timestamp.hpp"

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
        case client::OfferErrc::bad_field:
            return "the server wants the credential in a header field that it must not have";
        case client::OfferErrc::field_taken:
            return "the credential goes in a header field that -H sets";
    }
    return "unknown";
}

}  // namespace millrace

namespace millrace::client {

namespace {

// An invoice that is closer to its end than this is not paid: the payment takes time on its way.
constexpr std::chrono::seconds expiry_margin{10};

// Of `services=<name>:<tier>` the name, and ":<tier>" where that is not the lowest: tokens of two tiers are bought and
// kept side by side. The last such caveat is the narrowest one.
std::string service_of(const macaroon::Macaroon& token) {
    constexpr std::string_view condition = "services=";
    std::string service;
    for (const macaroon::Caveat& caveat : token.caveats) {
        const std::string_view text = caveat.text();
        if (!caveat.first_party() || !text.starts_with(condition)) continue;
        const std::string_view all = text.substr(condition.size());
        service = all.substr(0, all.find(','));
        if (service.ends_with(":0")) service.resize(service.size() - 2);
    }
    return service;
}

// What the invoice says; who is paid for what is the caller's.
Result<Offer> read_invoice(const std::string& bolt11) {
    auto invoice = bolt11::decode(bolt11);
    if (!invoice) return fail(OfferErrc::unreadable, invoice.error().message);
    if (!invoice->amount) return fail(OfferErrc::no_amount);
    Offer offer;
    offer.bolt11 = bolt11;
    offer.payment_hash = invoice->payment_hash;
    offer.amount = *invoice->amount;
    offer.expires_at = invoice->expires_at();
    offer.currency = invoice->currency;
    return offer;
}

bool takes(const std::vector<std::string>& fields, std::string_view name) {
    return std::any_of(fields.begin(), fields.end(),
                       [&](const std::string& field) { return codec::iequals(field, name); });
}

Result<Offer> read_token_offer(const l402::Challenge& challenge, const Asked& asked) {
    if (takes(asked.own_fields, "Authorization")) return fail(OfferErrc::field_taken, "Authorization");
    auto identifier = l402::Identifier::decode(challenge.macaroon.identifier);
    if (!identifier) return fail(OfferErrc::not_l402, identifier.error().message);
    auto offer = read_invoice(challenge.bolt11);
    if (!offer) return offer.error();
    if (offer->payment_hash != identifier->payment_hash) return fail(OfferErrc::hash_mismatch);
    offer->service = service_of(challenge.macaroon);
    offer->base64 = challenge.token_base64;
    return offer;
}

// The invoice is what is paid: whatever the challenge says besides must agree with it.
Result<Offer> read_charge_offer(const payment::Challenge& challenge, const Asked& asked) {
    const auto request = payment::decode_charge_request(challenge.request);
    if (!request) return fail(OfferErrc::unreadable, request.error().message);
    auto offer = read_invoice(request->invoice);
    if (!offer) return offer.error();
    const auto network = payment::network_of_invoice(offer->currency);
    if (payment::to_sat(offer->amount) != request->amount_sat)
        return fail(OfferErrc::contradictory,
                    std::to_string(request->amount_sat) + " sat, the invoice asks for " + offer->amount.text());
    if (request->payment_hash && *request->payment_hash != offer->payment_hash)
        return fail(OfferErrc::contradictory, "the payment hash");
    if (request->network && (!network || *request->network != payment::name(*network)))
        return fail(OfferErrc::contradictory, "the network");
    const std::optional<std::string> field = payment::credential_field(challenge);
    if (!field) return fail(OfferErrc::bad_field, challenge.header);
    if (takes(asked.own_fields, *field)) return fail(OfferErrc::field_taken, *field);
    if (!challenge.expires.empty()) {
        const auto expires = payment::parse_timestamp(challenge.expires);
        if (!expires) return fail(OfferErrc::unreadable, expires.error().message);
        offer->expires_at = std::min(offer->expires_at, *expires);
    }
    offer->service = charge_key(asked.request);
    offer->charge = payment::challenge_line(challenge);
    return offer;
}

// What was read, and the first fault of what could not be.
struct Readings {
    std::vector<Offer> offers;
    std::optional<Error> first_fault;

    void add(Result<Offer> offer) {
        if (offer) {
            offers.push_back(std::move(*offer));
        } else if (!first_fault) {
            first_fault = offer.error();
        }
    }
};

// A charge by an invoice that buys a token too is the other way to use what is paid.
void add_charge(Readings& readings, Result<Offer> charge) {
    if (charge) {
        for (Offer& offer : readings.offers) {
            if (offer.payment_hash != charge->payment_hash) continue;
            if (offer.charge.empty()) offer.charge = charge->charge;
            return;
        }
    }
    readings.add(std::move(charge));
}

}  // namespace

std::string charge_key(const std::string& request) {
    return "charge " + request;  // no service's name has a space
}

Result<std::vector<Offer>> read_offers(const std::vector<std::string>& www_authenticate, const Asked& asked) {
    Readings readings;
    const auto tokens = l402::parse_challenges(www_authenticate);
    if (tokens) {
        for (const l402::Challenge& challenge : *tokens) readings.add(read_token_offer(challenge, asked));
    }
    if (const auto charges = payment::parse_challenges(www_authenticate)) {
        for (const payment::Challenge& challenge : *charges) {
            if (challenge.method != payment::lightning || challenge.intent != payment::charge) continue;
            add_charge(readings, read_charge_offer(challenge, asked));
        }
    }
    if (!readings.offers.empty()) return std::move(readings.offers);
    if (readings.first_fault) return *readings.first_fault;
    return fail(OfferErrc::unreadable, tokens.error().message);
}

Result<void> check_offer(const Offer& offer, Msat max_cost, TimePoint now) {
    if (offer.expires_at < now + expiry_margin) return fail(OfferErrc::expired);
    if (offer.amount > max_cost) {
        return fail(OfferErrc::too_expensive, offer.amount.text() + " asked, at most " + max_cost.text() + " allowed");
    }
    return {};
}

}  // namespace millrace::client
