#include "common/payment/accept_payment.hpp"

#include <optional>

#include "tests/unit/catch.hpp"

namespace millrace::payment {
namespace {

TEST_CASE("Accept-Payment is read as a weighted list, or refused as a whole") {
    using Ranges = std::vector<PaymentRange>;
    struct Case {
        const char* value;
        std::optional<Ranges> ranges;
    };
    const Case cases[] = {
        {"lightning/charge", Ranges{{"lightning", "charge", 1000}}},
        {"lightning/charge, lightning/session;q=0.5, */charge;q=0",
         Ranges{{"lightning", "charge", 1000}, {"lightning", "session", 500}, {"*", "charge", 0}}},
        {" lightning/* ; q=0.125 ,, */*;Q=1.000", Ranges{{"lightning", "*", 125}, {"*", "*", 1000}}},
        {"tempo/charge;version=2;q=0.001", Ranges{{"tempo", "charge", 1}}},
        {"", Ranges{}},
        {" , ", Ranges{}},
        {"lightning", std::nullopt},
        {"lightning/", std::nullopt},
        {"/charge", std::nullopt},
        {"lightning/charge/x", std::nullopt},
        {"light ning/charge", std::nullopt},
        {"lightning/charge;q=", std::nullopt},
        {"lightning/charge;q=2", std::nullopt},
        {"lightning/charge;q=1.001", std::nullopt},
        {"lightning/charge;q=0.5555", std::nullopt},
        {"lightning/charge;q=-0", std::nullopt},
        {"lightning/charge;q=.5", std::nullopt},
        {"lightning/charge, nonsense", std::nullopt},
    };
    for (const Case& one : cases) {
        CAPTURE(one.value);
        const Result<Ranges> read = parse_accept_payment(one.value);
        CHECK(read.has_value() == one.ranges.has_value());
        if (read && one.ranges) CHECK(*read == *one.ranges);
        if (!read) CHECK(is(read.error(), Errc::malformed_preferences));
    }
}

TEST_CASE("Of the offers those are made that the client can pay, the best first") {
    constexpr Offer charge{"lightning", "charge"};
    constexpr Offer session{"lightning", "session"};
    constexpr Offer offers[] = {charge, session};
    struct Case {
        const char* accepts;
        std::vector<Offer> made;
    };
    const Case cases[] = {
        {"", {charge, session}},
        {"lightning/charge", {charge}},
        {"lightning/session, lightning/charge", {charge, session}},
        {"lightning/charge;q=0.4, lightning/session;q=0.5", {session, charge}},
        {"lightning/*", {charge, session}},
        {"*/session", {session}},
        {"*/*", {charge, session}},
        {"*/*, lightning/charge;q=0", {session}},
        {"lightning/charge;q=0, */*", {session}},
        {"lightning/*;q=0.2, */session;q=0.9", {charge, session}},
        {"*/charge;q=0, lightning/*", {charge, session}},
        {"tempo/charge", {}},
        {"lightning/charge;q=0", {}},
    };
    for (const Case& one : cases) {
        CAPTURE(one.accepts);
        CHECK(negotiate(parse_accept_payment(one.accepts).value(), offers) == one.made);
    }
}

}  // namespace
}  // namespace millrace::payment
