// Sessions of the `Payment` scheme as they are recorded: what their credentials ask the store to do, what it did, and
// what it knows of each. The store (service/store/session_store.hpp) decides and records in one commit.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"

namespace millrace::paywall {

// At most so many deposits make a session: what one refund names.
inline constexpr std::size_t max_session_deposits = 100;
// Less is not paid back: the scheme counts whole satoshi.
inline constexpr Msat smallest_refund{1000};

enum class RefundProgress { none, pending, succeeded, failed, skipped };

[[nodiscard]] std::string_view name(RefundProgress progress);  // "pending"; "" for none

enum class ClosedBy { client, idle, operator_ };

[[nodiscard]] std::string_view name(ClosedBy who);

struct SessionRecord {
    PaymentHash id;
    std::string scope;
    std::string service;
    Msat deposit;
    std::string return_invoice;
    std::chrono::seconds idle{0};
    std::chrono::sys_seconds opened_at;
    std::chrono::sys_seconds used_at;
    std::optional<std::chrono::sys_seconds> closed_at;  // this and what follows: once it is closed
    std::string closed_by;
    Msat spent;
    Msat refund;
    RefundProgress refund_progress = RefundProgress::none;
    std::string refund_reason;
    std::vector<PaymentHash> deposits;
};

// A deposit as a credential proved it.
struct Deposit {
    PaymentHash hash;
    Msat amount;
    std::string challenge_id;
    bool in_time = true;  // else it only counts where it was known before
};

struct SessionOpen {
    Deposit deposit;
    std::string scope;
    std::string service;
    std::string return_invoice;
    std::chrono::seconds idle{0};
    std::chrono::sys_seconds at;
};

struct SessionTopUp {
    PaymentHash session;
    Deposit deposit;
    std::string scope;
    std::chrono::sys_seconds at;
};

struct SessionClose {
    PaymentHash session;
    ClosedBy by = ClosedBy::client;
    std::string challenge_id;  // of a client
    Msat spent;                // set aside included
    std::chrono::sys_seconds at;
};

enum class SessionStep {
    done,
    repeated,  // was done before, in answer to the same challenge
    expired,
    not_found,
    closed,
    wrong_scope,
    deposit_used,  // in another session, or in answer to another challenge
    too_many_deposits,
};

struct SessionOutcome {
    SessionStep step = SessionStep::done;
    std::optional<SessionRecord> session;  // as it is now, where there is one
    std::chrono::sys_seconds at;           // when it was done first
};

struct RefundResult {
    RefundProgress progress = RefundProgress::pending;
    std::string reason;
    Msat fee;
};

}  // namespace millrace::paywall
