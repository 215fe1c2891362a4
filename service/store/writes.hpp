// What waits for the store's writer: facts to be written, and whom to tell.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "service/store/queued_sessions.hpp"
#include "service/store/store.hpp"

namespace millrace::store {

struct FirstUseWrite {
    PaymentHash hash;
    TokenId token_id;
    std::string service;
    std::chrono::sys_seconds at;
    Store::FirstUseDone done;
    bool is_new = false;  // found out while writing
};

struct ChargeWrite {
    paywall::ChargeUse use;
    Store::ChargeDone done;
    paywall::ChargeAdmission admission = paywall::ChargeAdmission::first;  // found out while writing
};

struct UsageWrite {
    PaymentHash hash;
    std::string service;
    UsageChange change;
    paywall::Usage usage;
    Store::UsageDone done;
};

struct AnsweredWrite {
    PaymentHash hash;
    std::string service;
    std::uint64_t uses = 0;
};

struct PruneWrite {
    paywall::SoldTimes sold;
    std::chrono::sys_seconds now;
    Store::PrunedDone done;
    std::vector<PaymentHash> pruned;  // found out while writing
    EndedBefore ended_before;         // likewise
};

struct FreeUsesWrite {
    paywall::FreeUses uses;
    Store::FreeUsesDone done;
};

using Write =
    std::variant<FirstUseWrite, ChargeWrite, UsageWrite, AnsweredWrite, PruneWrite, FreeUsesWrite, QueuedWrite>;

}  // namespace millrace::store
