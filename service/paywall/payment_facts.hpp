// What is known of one payment besides its token: when it was settled and for how much, when and how it was first used,
// and whether an operator has revoked it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "common/money/msat.hpp"

namespace millrace::paywall {

// What a token that was given away is good for, in place of what its service sells.
struct GrantTerms {
    std::optional<std::chrono::sys_seconds> ends_at;
    std::optional<std::uint64_t> uses;
    bool operator==(const GrantTerms&) const = default;
};

struct PaymentFacts {
    std::optional<std::chrono::sys_seconds> settled_at;
    std::optional<std::chrono::sys_seconds> first_used_at;
    bool charged = false;  // what it bought was used up as a charge of the Payment scheme
    bool revoked = false;
    std::optional<GrantTerms> granted = {};  // settled_at is when, then
    std::optional<Msat> amount = {};         // of the invoice that was settled
    // Tokens of the payment's seller that started before this have ended for good (Store::ended_before).
    std::chrono::sys_seconds ended_before = std::chrono::sys_seconds::min();
    bool operator==(const PaymentFacts&) const = default;
};

}  // namespace millrace::paywall
