// What a 402 offers, read and judged before anything is paid.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"
#include "common/result/error.hpp"

namespace millrace::client {

using TimePoint = std::chrono::sys_seconds;

// What an offer is refused for. The text of each is what the user reads.
enum class OfferErrc {
    unreadable = 1,  // the macaroon or the invoice cannot be read
    not_l402,        // the macaroon's identifier is not an L402 one
    hash_mismatch,   // the invoice pays another hash than the token's
    no_amount,       // an invoice for any amount
    too_expensive,   // above --max-cost-msat
    expired,         // the invoice has expired or is about to
    wrong_network,   // the invoice is of another network than the node
    contradictory,   // a charge that says another amount, hash or network than its invoice
    bad_field,       // a charge whose credential should go in a field like Host or Content-Length
    field_taken,     // -H sets the field that the credential goes in
};

// One invoice and what it buys: a token, one request by charge, or either of them where the server offers both.
struct Offer {
    std::string service = {};  // where it is stored: of the macaroon's `services`, or the charge_key of a mere charge
    std::string base64 = {};   // the macaroon that the invoice buys, as received; empty: no L402
    std::string charge = {};   // the Payment challenge that the invoice answers, as a header line; empty: no charge
    std::string bolt11 = {};
    PaymentHash payment_hash = {};
    Msat amount = {};
    TimePoint expires_at = {};  // of the invoice; of a mere charge also of its challenge
    std::string currency = {};  // of the invoice: its BOLT 11 prefix ("bc", "bcrt")
};

// Under which a charge's payment is stored, in the place of a service. `request`: method and target.
[[nodiscard]] std::string charge_key(const std::string& request);

// What is asked for, as far as offers depend on it.
struct Asked {
    std::string request = {};                  // method and target
    std::vector<std::string> own_fields = {};  // names of the header fields that are the user's
};

// The offers among the values of WWW-Authenticate that can be answered, in the order in which to try them: L402 first,
// then charges over lightning; no judgement of price and time yet. Where none is left, the error of the first.
// Errors: unreadable, not_l402, hash_mismatch, no_amount, contradictory, bad_field, field_taken.
[[nodiscard]] Result<std::vector<Offer>> read_offers(const std::vector<std::string>& www_authenticate,
                                                     const Asked& asked = {});

// Whether the offer may be paid now. Errors: too_expensive, expired.
[[nodiscard]] Result<void> check_offer(const Offer& offer, Msat max_cost, TimePoint now);

}  // namespace millrace::client

namespace millrace {
template <>
struct ErrcText<client::OfferErrc> {
    static constexpr const char* domain = "millrace.client";
    static const char* text(client::OfferErrc errc);
};
}  // namespace millrace
