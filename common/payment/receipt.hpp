// What a successful response tells its payer: Payment-Receipt: <base64url of canonical JSON>
//
//   {"challengeId", "method": "lightning", "reference": "<payment hash>", "status": "success", "timestamp": RFC 3339}
#pragma once

#include <chrono>
#include <string>

#include "common/ids/ids.hpp"

namespace millrace::payment {

struct Receipt {
    std::string challenge_id;
    PaymentHash payment_hash;
    std::chrono::sys_seconds settled_at;
};

// The value of the header.
[[nodiscard]] std::string receipt_value(const Receipt& receipt);

}  // namespace millrace::payment
