// What a token says of itself at a service, and what is known of its payment there: what l402::Claim::grant() makes the
// token's grant of. Pure.
#pragma once

#include <span>
#include <string_view>

#include "common/l402/claim.hpp"
#include "service/config/config.hpp"
#include "service/paywall/payment_facts.hpp"

namespace millrace::paywall {

// In the service's seller's name; in its own where the token names that alone: it was bought before the service joined
// its realm. Valid as long as the service is.
struct TokenClaim {
    std::string_view name;
    l402::Claim claim;

    TokenClaim(const macaroon::Macaroon& token, const config::Service& service);
};

// `services`: all of the configuration; those of a realm are sold in one name.
[[nodiscard]] l402::Payment payment_of(const TokenClaim& token, std::span<const config::Service> services,
                                       const PaymentFacts& facts);

}  // namespace millrace::paywall
