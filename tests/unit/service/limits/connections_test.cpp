#include "service/limits/connections.hpp"

#include <thread>
#include <vector>

#include "tests/unit/catch.hpp"

using namespace millrace::limits;

namespace {

Prefix network(const char* address) {
    return prefix_of(parse_address(address).value());
}

}  // namespace

TEST_CASE("H28: a network has as many connections as the limit says, and others have theirs") {
    Connections connections;
    auto first = connections.enter(network("192.0.2.1"), 2);
    auto second = connections.enter(network("192.0.2.200"), 2);
    CHECK(first);
    CHECK(second);
    CHECK_FALSE(connections.enter(network("192.0.2.7"), 2));
    CHECK(connections.enter(network("192.0.3.7"), 2));
    CHECK(connections.enter(network("2001:db8::1"), 2));
    second.reset();
    auto third = connections.enter(network("192.0.2.7"), 2);
    CHECK(third);
    // A limit that was lowered shuts nobody out who is in.
    CHECK_FALSE(connections.enter(network("192.0.2.7"), 1));
    CHECK(connections.networks() == 1);
}

TEST_CASE("a place that was moved on is given up once, and one that counts nowhere never") {
    Connections connections;
    {
        auto place = connections.enter(network("192.0.2.1"), 1);
        Connections::Place kept = std::move(*place);
        place.reset();
        CHECK(connections.networks() == 1);
        Connections::Place nowhere;
    }
    CHECK(connections.networks() == 0);
}

TEST_CASE("places are counted exactly, whatever thread they are on") {
    Connections connections;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&connections] {
            for (int round = 0; round < 2000; ++round) {
                auto one = connections.enter(network("192.0.2.1"), 3);
                auto other = connections.enter(network("192.0.3.1"), 100);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(connections.networks() == 0);
}
