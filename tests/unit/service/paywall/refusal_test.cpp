#include "service/paywall/refusal.hpp"

#include <set>

#include "tests/unit/catch.hpp"

using namespace millrace;
using paywall::Refusal;

namespace {

// A row of a table, and not that which stands for what has none.
void is_whole(const Refusal& refusal) {
    CAPTURE(refusal.reason);
    CHECK_FALSE(refusal.reason.empty());
    CHECK(refusal.detail.size() > 15);
    CHECK(refusal.status() >= 400);
}

}  // namespace

TEST_CASE("Every reason of L402 is a 402 with a word of its own, and is counted but for no credential") {
    std::set<std::string_view> words;
    for (int i = 1; i <= static_cast<int>(paywall::Reason::work_refused); ++i) {
        const auto reason = static_cast<paywall::Reason>(i);
        const Refusal& refusal = paywall::refusal_of(reason);
        is_whole(refusal);
        words.insert(refusal.reason);
        CHECK(refusal.status() == 402);
        CHECK(refusal.counted.has_value() == (reason != paywall::Reason::no_credential));
    }
    CHECK(words.size() == static_cast<std::size_t>(paywall::Reason::work_refused));
}

TEST_CASE("Every refusal of the Payment scheme has its problem type, its word and its count") {
    using payment::ChargeRefusal;
    using payment::SessionRefusal;
    for (int i = 1; i <= static_cast<int>(ChargeRefusal::expired); ++i) {
        const Refusal refusal = paywall::refusal_of(static_cast<ChargeRefusal>(i));
        is_whole(refusal);
        CHECK(refusal.problem == payment::problem_of(static_cast<ChargeRefusal>(i)));
        CHECK(refusal.counted);
    }
    for (int i = 1; i <= static_cast<int>(SessionRefusal::expired); ++i) {
        const Refusal refusal = paywall::refusal_of(static_cast<SessionRefusal>(i));
        is_whole(refusal);
        CHECK(refusal.problem == payment::problem_of(static_cast<SessionRefusal>(i)));
        CHECK(refusal.counted);
    }
    CHECK(paywall::refusal_of(ChargeRefusal::expired).counted == paywall::AuthResult::expired);
    CHECK(paywall::refusal_of(SessionRefusal::too_cheap).counted == paywall::AuthResult::underpaid);
}

TEST_CASE("What the store says of a session has a row each; what it did is as for one that is closed") {
    using paywall::SessionStep;
    std::set<std::string_view> words;
    for (int i = 0; i <= static_cast<int>(SessionStep::too_many_deposits); ++i) {
        is_whole(paywall::refusal_of(static_cast<SessionStep>(i)));
        words.insert(paywall::refusal_of(static_cast<SessionStep>(i)).reason);
    }
    CHECK(words == std::set<std::string_view>{"deposit_used", "expired", "session_closed", "session_not_found",
                                              "too_many_deposits", "wrong_scope"});
    CHECK(paywall::refusal_of(SessionStep::done).reason == "session_closed");
    using paywall::SessionBook;
    CHECK(paywall::refusal_of(SessionBook::Refusal::not_found).reason == "session_not_found");
    CHECK(paywall::refusal_of(SessionBook::Refusal::closed).reason == "session_closed");
    CHECK(paywall::refusal_of(SessionBook::Refusal::wrong_scope).reason == "wrong_scope");
    for (const Refusal* one : {&paywall::payment_malformed, &paywall::bad_return_invoice, &paywall::charge_revoked,
                               &paywall::session_revoked, &paywall::price_risen, &paywall::session_exhausted,
                               &paywall::not_sold_by_payment, &paywall::not_sold_by_l402, &paywall::sold_by_payment})
        is_whole(*one);
}
