#include "service/limits/seats.hpp"

#include "tests/unit/catch.hpp"

using millrace::limits::Seats;

namespace {

// A room, and who had to leave it, in order.
struct Room {
    Seats seats;
    std::vector<std::string> lost;

    explicit Room(Seats::Bounds bounds) : seats(bounds) {}

    std::optional<Seats::Ticket> take(const std::string& peer, const std::string& name) {
        return seats.take(peer, [this, name] { lost.push_back(name); });
    }
};

}  // namespace

TEST_CASE("H29: connections that hold a seat and say nothing shut nobody out") {
    Room room({4, 3});
    for (int i = 0; i < 100; ++i) REQUIRE(room.take("idle", "idle " + std::to_string(i)));
    CHECK(room.seats.taken() == 3);
    CHECK(room.lost.size() == 97);
    CHECK(room.lost.front() == "idle 0");
    // Another peer finds a seat; the same peer too.
    CHECK(room.take("operator", "operator"));
    CHECK(room.lost.size() == 97);
    CHECK(room.take("idle", "the one that asks"));
    CHECK(room.lost.back() == "idle 97");
}

TEST_CASE("H29: from many addresses likewise, and who was let in stays") {
    Room room({4, 3});
    auto asked = room.take("operator", "asked");
    room.seats.keep(*asked);
    for (int i = 0; i < 10; ++i) REQUIRE(room.take(std::to_string(i), std::to_string(i)));
    CHECK(room.seats.taken() == 4);
    CHECK(room.lost == std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6"});
    // Its answer is under way: it is the oldest that goes next.
    room.seats.let_go(*asked);
    CHECK(room.take("late", "late"));
    CHECK(room.lost.back() == "asked");
    room.seats.keep(*asked);  // which has no seat any more
    room.seats.leave(*asked);
    CHECK(room.seats.taken() == 4);
}

TEST_CASE("where all seats are kept there is none") {
    Room room({3, 1});
    auto keep = [&](const std::string& peer) {
        auto ticket = room.take(peer, peer);
        REQUIRE(ticket);
        room.seats.keep(*ticket);
        return *ticket;
    };
    const Seats::Ticket first = keep("a");
    keep("a");
    CHECK_FALSE(room.seats.full());
    keep("a");
    CHECK(room.seats.full());
    CHECK_FALSE(room.take("b", "fourth"));
    CHECK(room.lost.empty());
    room.seats.leave(first);
    CHECK(room.take("b", "fourth"));
    CHECK_FALSE(room.seats.full());
    CHECK(room.take("a", "fifth"));  // in place of b's, which says nothing
    CHECK(room.lost == std::vector<std::string>{"fourth"});
}
