// What is known of one payment besides its token: when it was settled, when and how it was first used, and whether an
// operator has revoked it.
#pragma once

#include <chrono>
#include <optional>

namespace millrace::paywall {

struct PaymentFacts {
    std::optional<std::chrono::sys_seconds> settled_at;
    std::optional<std::chrono::sys_seconds> first_used_at;
    bool charged = false;  // what it bought was used up as a charge of the Payment scheme
    bool revoked = false;
    bool operator==(const PaymentFacts&) const = default;
};

}  // namespace millrace::paywall
