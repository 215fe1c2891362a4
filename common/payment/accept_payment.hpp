// Accept-Payment: which methods and intents a client can pay with, weighted as in other negotiating fields.
//
//   Accept-Payment := range ("," range)*       range := (method | "*") "/" (intent | "*") [";q=" 0..1, three decimals]
//   Accept-Payment: lightning/charge, lightning/session;q=0.5, */charge;q=0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/payment/payment_error.hpp"

namespace millrace::payment {

struct PaymentRange {
    std::string method;       // "*": any
    std::string intent;       // "*": any
    unsigned quality = 1000;  // thousandths; 0: not to be offered
    bool operator==(const PaymentRange&) const = default;
};

// Empty elements are skipped. Errors: malformed_preferences; the field may then be ignored.
[[nodiscard]] Result<std::vector<PaymentRange>> parse_accept_payment(std::string_view value);

// What `ranges` say of an offer, by the most specific one that fits: method and intent, then the method alone, then the
// intent alone, then any. 0 where none fits.
[[nodiscard]] unsigned quality_of(std::span<const PaymentRange> ranges, std::string_view method,
                                  std::string_view intent);

struct Offer {
    std::string_view method;
    std::string_view intent;
    bool operator==(const Offer&) const = default;
};

// Those of `offers` that the client can pay, the best first, in their own order where it does not care. No ranges at
// all: every offer.
[[nodiscard]] std::vector<Offer> negotiate(std::span<const PaymentRange> ranges, std::span<const Offer> offers);

}  // namespace millrace::payment
