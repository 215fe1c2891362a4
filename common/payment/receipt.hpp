// What a successful response tells its payer: Payment-Receipt: <base64url of canonical JSON>
//
//   {"challengeId", "method": "lightning", "reference": "<payment hash>", "status": "success", "timestamp": RFC 3339}
//   and where a session was closed: "refundSats": n, "refundStatus": "succeeded" | "failed" | "skipped" | "pending"
//
// A session's payment hash is that of its first deposit.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/ids/ids.hpp"

namespace millrace::payment {

struct RefundTold {
    std::uint64_t sat = 0;
    std::string_view status;
};

struct Receipt {
    std::string challenge_id;
    PaymentHash payment_hash;
    std::chrono::sys_seconds settled_at;
    std::optional<RefundTold> refund = std::nullopt;
};

// The value of the header.
[[nodiscard]] std::string receipt_value(const Receipt& receipt);

}  // namespace millrace::payment
