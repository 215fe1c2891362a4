// Whether a charge of the Payment scheme, proven to be paid (common/payment/charge.hpp), may be used: once, for one
// request. A pure function of the use and of what is recorded of an earlier one.
//
// A client that lost the response has paid for it all the same. So the same credential for the same request (method,
// host, path and query) is let through again, `max_replays` times, within `replay_time` of the first use or for as
// long as the challenge lasts: but only a request that may be repeated without harm, which is one of an idempotent
// method (RFC 9110 §9.2.2), without a body, and no upgrade of the connection. Any other was acted on once, and is
// refused with a reason that says so.
//
// A use that came to nothing (service/paywall/charging.hpp) is taken back. The record counts the uses that stand:
//
//   none --first--> 1 --replay--> 2 ...       2 --taken back--> 1 --taken back--> 0: released
//
// A first use comes before the challenge ends, or as late as it likes where the node has told that the invoice was paid
// before that: its owner may have been kept from it by us.
//
// Where none stands the charge is as good as unused: for any request that it opens, in time, and as a token. Where the
// process ends meanwhile, a use that was under way stands.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "common/crypto/hash.hpp"
#include "common/ids/ids.hpp"

namespace millrace::paywall {

inline constexpr std::chrono::minutes replay_time{5};
inline constexpr unsigned max_replays = 3;

struct ChargeUse {
    PaymentHash payment_hash;
    std::string challenge_id;
    std::string service;
    crypto::Digest request{};  // of request_digest()
    bool repeatable = false;
    std::chrono::sys_seconds at;
    std::chrono::sys_seconds expires;  // of the challenge
    bool paid_in_time = false;         // as the node has told, so that it may come as late as it likes
};

// What is recorded of the first use.
struct ChargeRecord {
    std::string challenge_id;
    crypto::Digest request{};
    unsigned replays = 0;
    std::chrono::sys_seconds replay_until;
    bool released = false;  // no use stands
};

enum class ChargeAdmission {
    first,           // let through, and recorded
    replay,          // let through once more
    expired,         // never used, and too late now
    other_request,   // used for another request, or under another challenge for the same invoice
    not_repeatable,  // used for this request, which must not be repeated
    worn_out,        // used for this request, and repeated too often or too late
    token_used,      // what the payment bought was used as an L402 token
};

[[nodiscard]] ChargeAdmission admit_charge(const ChargeUse& use, const std::optional<ChargeRecord>& earlier);

// An invoice that was paid in its last moments is told as settled a little later.
inline constexpr std::chrono::seconds settle_time{60};

// Until when a first use may be repeated.
[[nodiscard]] std::chrono::sys_seconds replay_until(const ChargeUse& use);

// `deciding`: what else of the request decides what it costs, as DecidingFields::told_in() puts it.
[[nodiscard]] crypto::Digest request_digest(std::string_view method, std::string_view host, std::string_view target,
                                            std::string_view deciding = {});

[[nodiscard]] bool lets_through(ChargeAdmission admission);
[[nodiscard]] std::string_view name(ChargeAdmission admission);     // "other_request"
[[nodiscard]] std::string_view explain(ChargeAdmission admission);  // a sentence for the client

}  // namespace millrace::paywall
