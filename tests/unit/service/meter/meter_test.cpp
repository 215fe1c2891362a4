#include "service/meter/meter.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;
using http::Framing;
using meter::AnswerHead;
using meter::Meter;
using paywall::Ledger;
using paywall::Reservation;
using paywall::Usage;

namespace {

const PaymentHash token{std::array<std::uint8_t, 32>{1}};

struct World {
    Ledger ledger;
    Meter meter;
    config::Quota quota;
    std::uint64_t recorded_bytes = 0;

    Reservation reserve(const Usage& ask, std::optional<std::uint64_t> held = {}) {
        return std::get<Reservation>(ledger.reserve(token, quota, ask, held));
    }
};

AnswerHead of_length(std::uint64_t length) {
    return {Framing::length, length, {}, false};
}
const AnswerHead chunked{Framing::chunked, 0, {}, false};

}  // namespace

TEST_CASE("A whole number of millisatoshi is a cost, and nothing else is") {
    CHECK(meter::read_cost("0") == 0);
    CHECK(meter::read_cost("1500") == 1500);
    CHECK(meter::read_cost("18446744073709551615") == 18446744073709551615ULL);
    for (const char* text : {"", "-1", "+1", "1.5", " 1", "1 ", "1k", "0x1", "18446744073709551616"})
        CHECK_FALSE(meter::read_cost(text));
}

TEST_CASE("An answer of a known length takes its bytes, or is withheld where they are more than is left") {
    World world;
    world.quota.bytes = 100;
    Reservation use = world.reserve({});
    SECTION("there are enough") {
        const Meter::Came came = world.meter.answer_came(use, of_length(60));
        CHECK(came.enough);
        CHECK(came.bytes_to_tell == 40);
        CHECK(use.pending().bytes == 60);
        use.commit();
        CHECK(world.meter.take_bytes(25) == 25);
        CHECK(world.meter.take_bytes(100) == 35);
        CHECK(world.meter.take_bytes(1) == 0);
        CHECK(meter::remaining_lines(use, came.bytes_to_tell) == "X-L402-Remaining-Bytes: 40\r\n");
    }
    SECTION("there are not: a safe request costs nothing") {
        CHECK_FALSE(world.meter.answer_came(use, of_length(101)).enough);
        CHECK_FALSE(Meter::withheld(use, true));
        CHECK(use.pending().bytes == 0);
    }
    SECTION("there are not: one that may have changed something takes what is left") {
        CHECK_FALSE(world.meter.answer_came(use, of_length(101)).enough);
        CHECK(Meter::withheld(use, false));
        CHECK(use.pending().bytes == 100);
    }
    SECTION("no body takes no bytes") {
        CHECK(world.meter.answer_came(use, {}).enough);
        CHECK(use.pending().bytes == 0);
    }
}

TEST_CASE("A body of unknown length is covered by leases, each before its bytes, and what is left over is given back") {
    World world;
    world.quota.bytes = 2 * meter::byte_lease + 10;
    Reservation use = world.reserve({});
    CHECK(world.meter.answer_came(use, chunked).enough);
    CHECK(use.pending().bytes == meter::byte_lease);
    use.commit();
    CHECK(world.meter.lease_bytes(use, 1000) == 0);  // covered
    CHECK(world.meter.take_bytes(meter::byte_lease) == meter::byte_lease);
    CHECK(world.meter.take_bytes(1) == 0);
    for (const std::uint64_t expected : {meter::byte_lease, std::uint64_t{10}}) {
        CHECK(world.meter.lease_bytes(use, 1000) == expected);
        CHECK(world.meter.take_bytes(1000) == 0);  // not before it is on disk
        use.commit();
        world.meter.bytes_leased(expected);
        CHECK(world.meter.take_bytes(4) == 4);
        if (expected > 10) CHECK(world.meter.take_bytes(expected - 4) == expected - 4);
    }
    CHECK(world.meter.lease_bytes(use, 1000) == 0);  // no more are left
    const Meter::End end = world.meter.end(use, true, true, 0s);
    CHECK(end.give_back == Usage{0, 6, 0});
    CHECK(world.meter.end(use, true, true, 0s).give_back == Usage{});  // once
}

TEST_CASE("Whoever leaves before the first byte of a change has had it all the same") {
    for (const bool safe : {true, false}) {
        World world;
        world.quota.bytes = 100;
        Reservation use = world.reserve({});
        CHECK(world.meter.answer_came(use, of_length(60)).enough);
        use.commit();
        CHECK(world.meter.end(use, safe, true, 0s).give_back.bytes == (safe ? 60 : 0));
    }
}

TEST_CASE("What an answer costs is drawn in place of the price, as far as it was set aside") {
    World world;
    world.quota.credit = Msat(10'000);
    Reservation use = world.reserve({0, 0, 1000}, 2000);
    AnswerHead head = of_length(5);
    SECTION("less than the price") {
        head.cost = 400;
        const Meter::Came came = world.meter.answer_came(use, head);
        CHECK_FALSE(came.too_dear);
        CHECK(use.pending().spent_msat == 400);
        CHECK(use.held() == 0);
        CHECK(meter::remaining_lines(use, 0) == "X-L402-Remaining-Msat: 9600\r\n");
    }
    SECTION("within what was held") {
        head.cost = 2500;
        CHECK_FALSE(world.meter.answer_came(use, head).too_dear);
        CHECK(use.pending().spent_msat == 2500);
    }
    SECTION("more: no more than what was held is drawn") {
        head.cost = 9000;
        CHECK(world.meter.answer_came(use, head).too_dear);
        CHECK(use.pending().spent_msat == 3000);
    }
    SECTION("no word of it: the price") {
        CHECK_FALSE(world.meter.answer_came(use, head).too_dear);
        CHECK(use.pending().spent_msat == 1000);
    }
}

TEST_CASE("A cost in the trailer is what counts, and what was recorded beyond it is given back") {
    World world;
    world.quota.credit = Msat(10'000);
    Reservation use = world.reserve({0, 0, 1000}, 2000);
    AnswerHead head = chunked;
    head.cost_follows = true;
    (void)world.meter.answer_came(use, head);
    use.commit();
    CHECK(use.held() == 2000);
    SECTION("less") {
        const Meter::End end = world.meter.end_came(use, 300);
        CHECK(end.give_back == Usage{0, 0, 700});
        CHECK(end.take == Usage{});
    }
    SECTION("more") {
        const Meter::End end = world.meter.end_came(use, 2500);
        CHECK(end.give_back == Usage{});
        CHECK(end.take == Usage{0, 0, 1500});
        CHECK_FALSE(end.too_dear);
        CHECK(use.pending().spent_msat == 1500);
    }
    SECTION("more than was set aside") {
        const Meter::End end = world.meter.end_came(use, 9000);
        CHECK(end.take == Usage{0, 0, 2000});
        CHECK(end.too_dear);
    }
    SECTION("no word: nothing more is drawn, whoever left") {
        CHECK(world.meter.end_came(use, {}).take == Usage{});
        CHECK(world.meter.end(use, true, true, 1h).take == Usage{});
    }
}

TEST_CASE("What the head's cost spares of what was set aside is there for the trailer's") {
    World world;
    world.quota.credit = Msat(10'000);
    Reservation use = world.reserve({0, 0, 1000}, 200);
    AnswerHead head = chunked;
    head.cost = 970;
    head.cost_follows = true;
    (void)world.meter.answer_came(use, head);
    CHECK(use.pending().spent_msat == 970);
    CHECK(use.held() == 230);
    use.commit();
    CHECK(world.meter.end_came(use, 5000).take == Usage{0, 0, 230});
}

TEST_CASE("A cost that overdrew the balance and could not be recorded leaves no debt") {
    World world;
    world.quota.credit = Msat(1000);
    {
        Reservation use = world.reserve({0, 0, 100});
        AnswerHead head = of_length(5);
        head.cost = 1500;
        CHECK(world.meter.answer_came(use, head).too_dear);
        CHECK(use.pending().spent_msat == 1000);
    }
    CHECK(world.reserve({0, 0, 1000}).left().spent_msat == 0);
    // One that was recorded does: nothing is left for others until that much has come back.
    {
        Reservation use = world.reserve({0, 0, 100});
        AnswerHead head = of_length(5);
        head.cost = 1500;
        (void)world.meter.answer_came(use, head);
        use.commit();
        use.give_back({0, 0, 400});
    }
    CHECK(std::holds_alternative<paywall::Shortage>(world.ledger.reserve(token, world.quota, {0, 0, 1}, {})));
}

TEST_CASE("A client that does not wait for the cost pays what was held for it") {
    for (const auto& [left, waited, taken] :
         {std::tuple(false, 0ms, 0U), {true, 0ms, 2000U}, {false, 1000ms, 2000U}, {false, 999ms, 0U}}) {
        World world;
        world.quota.credit = Msat(10'000);
        Reservation use = world.reserve({0, 0, 1000}, 2000);
        (void)world.meter.answer_came(use, chunked);
        use.commit();
        CHECK(world.meter.end(use, true, left, waited).take == Usage{0, 0, taken});
    }
}

TEST_CASE("Without an answer, what was set aside for it is charged where the request is") {
    World world;
    world.quota.credit = Msat(10'000);
    Reservation use = world.reserve({0, 0, 1000}, 2000);
    world.meter.abandoned(use, false);
    CHECK(use.pending().spent_msat == 3000);
    World bytes;
    bytes.quota.bytes = 100;
    for (const bool safe : {true, false}) {
        Reservation some = bytes.reserve({});
        bytes.meter.abandoned(some, safe);
        CHECK(some.pending().bytes == (safe ? 0 : 100));
    }
}

TEST_CASE("Events are leased as far as there is money, taken one by one, and given back where they do not come") {
    World world;
    world.quota.credit = Msat(10'000);
    Reservation use = world.reserve({0, 0, 1000});
    use.commit();
    const Msat price(100);
    CHECK_FALSE(world.meter.take_event());
    CHECK(Meter::lease_events(use, price) == meter::event_lease);
    SECTION("it could not be recorded") {
        Meter::events_not_leased(use, meter::event_lease, price);
        CHECK(use.pending() == Usage{});
        CHECK(use.left().spent_msat == 9000);
    }
    SECTION("it was") {
        use.commit();
        world.meter.events_leased(meter::event_lease);
        for (std::uint64_t i = 0; i < 30; ++i) CHECK(world.meter.take_event());
        CHECK(world.meter.events_sent() == 30);
        CHECK(world.meter.end_events(price) == (meter::event_lease - 30) * 100);
        CHECK(world.meter.end_events(price) == 0);
        CHECK_FALSE(world.meter.take_event());
    }
    SECTION("there is money for fewer") {
        use.commit();
        const Msat dear(2000);
        CHECK(Meter::lease_events(use, dear) == 2);
        use.commit();
        CHECK(Meter::lease_events(use, dear) == 0);
    }
}
