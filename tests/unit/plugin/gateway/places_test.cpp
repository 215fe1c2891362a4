#include "plugin/gateway/places.hpp"

#include <vector>

#include "tests/unit/catch.hpp"

namespace millrace::gateway {
namespace {

const Places::Limits few{.strangers = 3, .clients = 6, .per_user = 4};

// Enters and says hello at once: the id, or 0 where it may not stay.
Places::Id come(Places& places, uid_t user, bool subscribes = false) {
    const auto entered = places.enter(user);
    if (!places.greet(entered.id).stays) {
        places.leave(entered.id);
        return 0;
    }
    if (subscribes) places.subscribe(entered.id);
    return entered.id;
}

TEST_CASE("N12: of those that say nothing the oldest makes room") {
    Places places(few);
    std::vector<Places::Id> silent;
    for (int i = 0; i < 3; ++i) {
        const auto entered = places.enter(1000);
        CHECK_FALSE(entered.leaves);
        silent.push_back(entered.id);
    }
    for (int i = 0; i < 10; ++i) {
        const auto entered = places.enter(1000);
        CHECK(entered.leaves == silent.front());
        silent.erase(silent.begin());
        silent.push_back(entered.id);
    }
    // Who was put out cannot come in by a late hello.
    CHECK_FALSE(places.greet(1).stays);
    CHECK(come(places, 1000) != 0);
}

TEST_CASE("N12: who has subscribed stays, whoever comes") {
    Places places(few);
    const auto service = come(places, 1000, true);
    const auto second = come(places, 1000, true);
    for (int i = 0; i < 100; ++i) {
        const auto entered = places.enter(1000);
        const auto greeted = places.greet(entered.id);
        CHECK(greeted.stays);
        CHECK((greeted.leaves != service && greeted.leaves != second));
    }
}

TEST_CASE("N12: a service finds a place though another user took all that it could") {
    Places places(few);
    int stayed = 0;
    for (int i = 0; i < 20; ++i) stayed += come(places, 666, true) != 0 ? 1 : 0;
    CHECK(stayed == 4);
    CHECK(come(places, 1000, true) != 0);
    CHECK(come(places, 1000, true) != 0);
    // All are known ones now.
    CHECK(come(places, 1000) == 0);
    CHECK(come(places, 1001) == 0);
}

TEST_CASE("N12: the oldest client that has not subscribed makes room for another") {
    Places places(few);
    const auto idle = come(places, 1);
    const auto service = come(places, 1, true);
    for (int i = 0; i < 4; ++i) CHECK(come(places, 2) != 0);
    const auto entered = places.enter(3);
    const auto greeted = places.greet(entered.id);
    CHECK(greeted.stays);
    CHECK(greeted.leaves == idle);
    CHECK(greeted.leaves != service);
    // A user at its own limit makes room of its own.
    const auto more = places.enter(2);
    const auto own = places.greet(more.id);
    CHECK(own.stays);
    CHECK(own.leaves == service + 1);
}

TEST_CASE("a place is free again when its holder leaves, and a second hello takes none") {
    Places places(few);
    const auto first = come(places, 1, true);
    CHECK(places.greet(first).stays);
    for (int i = 0; i < 3; ++i) CHECK(come(places, 1, true) != 0);
    CHECK(come(places, 1) == 0);
    places.leave(first);
    CHECK(come(places, 1) != 0);
}

}  // namespace
}  // namespace millrace::gateway
