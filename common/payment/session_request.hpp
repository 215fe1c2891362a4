// What a challenge of method "lightning" and intent "session" asks for (draft-lightning-session): the JSON in
// `request`.
//
//   {"amount": "<satoshi of one unit>", "currency": "sat", "description"?, "unitType"?, "externalId"?,
//    "depositInvoice"?: "lnbc...", "paymentHash": "<hex>", "depositAmount"?: "<satoshi>", "idleTimeout"?: "<seconds>"}
//
// The invoice is what is paid: a deposit, of which each request takes its price.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/ids/ids.hpp"
#include "common/payment/payment_error.hpp"

namespace millrace::payment {

struct SessionRequest {
    std::uint64_t amount_sat = 0;
    std::string description;      // empty: none
    std::string unit_type;        // empty: none
    std::string external_id;      // empty: none
    std::string deposit_invoice;  // empty: none, where nothing is to be paid
    PaymentHash payment_hash;
    std::optional<std::uint64_t> deposit_sat;
    std::optional<std::chrono::seconds> idle_timeout;
    bool operator==(const SessionRequest&) const = default;
};

// The parameter `request`.
[[nodiscard]] std::string encode(const SessionRequest& request);

// Errors: malformed_request.
[[nodiscard]] Result<SessionRequest> decode_session_request(std::string_view parameter);

}  // namespace millrace::payment
