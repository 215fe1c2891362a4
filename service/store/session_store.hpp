// Sessions of the Payment scheme as the store keeps them: opened with a deposit, topped up, closed once, and what is
// left paid back. What they spend is recorded as the usage of their first deposit's payment hash (Store::record_usage).
//
//   open    a deposit that was never used opens a session, unless it did so before
//   top_up  a deposit that was never used is added to an open session, unless it was before
//   close   of an open session: what is left is fixed, and owed
//
// Each decides and records in one commit, and answers the same when the same challenge comes again. `done` is called
// from the store's own thread once the fact is on disk, or could not be written.
#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "common/ids/ids.hpp"
#include "common/result/error.hpp"
#include "service/paywall/session_record.hpp"

namespace millrace::store {

class SessionStore {
  public:
    virtual ~SessionStore() = default;

    using Done = std::function<void(Result<paywall::SessionOutcome>)>;
    virtual void open(paywall::SessionOpen open, Done done) = 0;
    virtual void top_up(paywall::SessionTopUp top_up, Done done) = 0;
    virtual void close(paywall::SessionClose close, Done done) = 0;

    using Written = std::function<void(Result<void>)>;
    // Of a closed session whose refund is pending; else nothing is changed.
    virtual void record_refund(const PaymentHash& session, paywall::RefundResult result, Written done) = 0;
    virtual void touch(const PaymentHash& session, std::chrono::sys_seconds at) = 0;

    // All of them. To be called once, at the start: nothing is kept.
    [[nodiscard]] virtual std::vector<paywall::SessionRecord> take_all() = 0;
};

}  // namespace millrace::store
