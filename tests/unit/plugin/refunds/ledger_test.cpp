#include "plugin/refunds/ledger.hpp"

#include "tests/unit/catch.hpp"

namespace millrace::refunds {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

const std::chrono::sys_seconds now{seconds(1795172000)};

PaymentHash hash(std::uint8_t first) {
    return PaymentHash(std::array<std::uint8_t, 32>{first});
}

Refund refund(std::uint64_t index, std::vector<PaymentHash> deposits, RefundState state, std::uint64_t amount = 1000) {
    Refund out;
    out.index = index;
    out.deposits = std::move(deposits);
    out.amount = out.asked = Msat(amount);
    out.max_fee = Msat(100);
    out.fee = Msat(3);
    out.payments = {hash(static_cast<std::uint8_t>(100 + index))};
    out.state = state;
    out.started_at = out.changed_at = now;
    return out;
}

TEST_CASE("a deposit is held by a refund that is pending or complete, and freed by one that failed") {
    Ledger ledger;
    CHECK(ledger.next_index() == 1);
    ledger.put(refund(1, {hash(1), hash(2)}, RefundState::pending));
    ledger.put(refund(2, {hash(3)}, RefundState::failed));
    ledger.put(refund(3, {hash(4)}, RefundState::complete));
    CHECK(ledger.next_index() == 4);
    CHECK(ledger.holding({hash(9), hash(2)})->index == 1);
    CHECK(ledger.holding({hash(4)})->index == 3);
    CHECK(ledger.holding({hash(3), hash(9)}) == nullptr);
    CHECK(ledger.failed({hash(3), hash(1)}).size() == 1);
    CHECK(ledger.failed({hash(1)}).empty());
    CHECK(ledger.paying(hash(102))->index == 2);
    CHECK(ledger.paying(hash(1)) == nullptr);

    // Its successor has its index, and nothing of the former is left.
    Refund again = refund(2, {hash(3)}, RefundState::pending);
    again.payments.push_back(hash(50));
    ledger.put(again);
    CHECK(ledger.holding({hash(3)})->index == 2);
    CHECK(ledger.paying(hash(50))->index == 2);
    ledger.remove(2);
    CHECK(ledger.holding({hash(3)}) == nullptr);
    CHECK(ledger.paying(hash(50)) == nullptr);
    CHECK(ledger.paying(hash(102)) == nullptr);
    ledger.remove(2);
    CHECK(ledger.all().size() == 2);
}

TEST_CASE("the limit counts the last 24 hours, and what is pending however old it is") {
    struct Case {
        RefundState state;
        std::chrono::seconds age;
        std::uint64_t counts;
    };
    for (const Case& one :
         {Case{RefundState::complete, seconds(0), 1003}, Case{RefundState::complete, hours(24) - seconds(1), 1003},
          Case{RefundState::complete, hours(24), 0}, Case{RefundState::complete, -hours(1), 1003},
          Case{RefundState::pending, seconds(0), 1100}, Case{RefundState::pending, hours(24 * 14), 1100},
          Case{RefundState::failed, seconds(0), 0}}) {
        CAPTURE(static_cast<int>(one.state), one.age.count());
        Ledger ledger;
        Refund entry = refund(1, {hash(1)}, one.state);
        entry.started_at = entry.changed_at = now - one.age;
        ledger.put(entry);
        CHECK(ledger.used(now) == Msat(one.counts));
    }
    Ledger ledger;
    for (std::uint8_t i = 1; i < 10; ++i) ledger.put(refund(i, {hash(i)}, RefundState::complete));
    CHECK(ledger.used(now) == Msat(9 * 1003));
}

TEST_CASE("sums that would overflow stay at the top, where nothing is allowed any more") {
    Ledger ledger;
    ledger.put(refund(1, {hash(1)}, RefundState::pending, UINT64_MAX));
    ledger.put(refund(2, {hash(2)}, RefundState::pending, UINT64_MAX));
    CHECK(ledger.used(now) == Msat(UINT64_MAX));
}

TEST_CASE("the fee limit is the greater of the fixed amount and the part of the refund") {
    struct Case {
        std::uint64_t fixed;
        std::uint32_t ppm;
        std::uint64_t amount;
        std::uint64_t limit;
    };
    for (const Case& one :
         {Case{5000, 10'000, 1, 5000}, Case{5000, 10'000, 500'000, 5000}, Case{5000, 10'000, 500'100, 5001},
          Case{5000, 10'000, 1'000'000'000, 10'000'000}, Case{0, 0, 1'000'000, 0}, Case{0, 1'000'000, 999'999, 999'999},
          Case{0, 1'000'000, Msat::max_value, Msat::max_value}, Case{0, 1, 999'999, 0}, Case{0, 1, 1'999'999, 1}}) {
        CAPTURE(one.amount);
        CHECK(fee_limit({Msat(1), Msat(one.fixed), one.ppm}, Msat(one.amount)) == Msat(one.limit));
    }
}

}  // namespace
}  // namespace millrace::refunds
