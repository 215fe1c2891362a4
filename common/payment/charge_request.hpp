// What a challenge of method "lightning" and intent "charge" asks for (draft-lightning-charge): the JSON in `request`.
//
//   {"amount": "<satoshi>", "currency": "sat", "description"?, "externalId"?,
//    "methodDetails": {"invoice": "lnbc...", "network"?: "mainnet", "paymentHash"?: "<hex>"}}
//
// The invoice is what is paid; `amount` is its price in whole satoshi, rounded up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"
#include "common/payment/payment_error.hpp"

namespace millrace::payment {

inline constexpr std::string_view lightning = "lightning";  // the method
inline constexpr std::string_view charge = "charge";        // the intent
inline constexpr std::string_view session = "session";      // the other intent of the method

enum class Network { mainnet, testnet, signet, regtest };

[[nodiscard]] std::string_view name(Network network);
// Of the name that lightningd gives its network ("bitcoin"). Empty for one that has no invoices of its own.
[[nodiscard]] std::optional<Network> network_of_node(std::string_view lightningd_name);
// Of an invoice's currency prefix ("bc", "bcrt").
[[nodiscard]] std::optional<Network> network_of_invoice(std::string_view currency);

// Whole satoshi, rounded up.
[[nodiscard]] constexpr std::uint64_t to_sat(Msat amount) {
    return amount.value() / 1000 + (amount.value() % 1000 == 0 ? 0 : 1);
}

struct ChargeRequest {
    std::uint64_t amount_sat = 0;
    std::string description;  // empty: none
    std::string external_id;  // empty: none
    std::string invoice;
    std::optional<PaymentHash> payment_hash;
    std::optional<std::string> network;  // absent: mainnet
    bool operator==(const ChargeRequest&) const = default;
};

// The parameter `request`.
[[nodiscard]] std::string encode(const ChargeRequest& request);

// Errors: malformed_request.
[[nodiscard]] Result<ChargeRequest> decode_charge_request(std::string_view parameter);

}  // namespace millrace::payment
