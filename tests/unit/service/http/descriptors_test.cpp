#include "service/http/descriptors.hpp"

#include <boost/asio/error.hpp>
#include <cerrno>

#include "tests/unit/catch.hpp"

using namespace millrace::http;
using namespace std::chrono_literals;

TEST_CASE("H3: each client has a descriptor for its upstream beside what the service keeps for itself") {
    struct Case {
        std::size_t limit;
        std::size_t own;
        std::size_t kept;
        std::size_t clients;
    };
    const Case cases[] = {
        {1024, 124, 124, 450}, {1'048'576, 500, 500, 524'038},
        {100, 124, 50, 25},                     // too low: half is kept
        {64, 20, 20, 22},      {2, 100, 1, 1},  // nothing is served without one
        {0, 100, 0, 1},
    };
    for (const Case& c : cases) {
        const DescriptorPlan plan = plan_descriptors(c.limit, c.own);
        CHECK(plan.limit == c.limit);
        CHECK(plan.own == c.kept);
        CHECK(plan.clients == c.clients);
        if (c.limit > 2) CHECK(plan.own + 2 * plan.clients <= plan.limit);
    }
}

TEST_CASE("H3: a shortage of the machine's tells nothing about a peer") {
    auto system = [](int number) { return ErrorCode(number, boost::system::system_category()); };
    for (int number : {EMFILE, ENFILE, ENOMEM, ENOBUFS, ENOSPC}) CHECK(is_shortage(system(number)));
    for (int number : {0, ECONNREFUSED, ECONNRESET, ETIMEDOUT, ECANCELED}) CHECK_FALSE(is_shortage(system(number)));
    CHECK(is_shortage(asio::error::no_descriptors));
    CHECK_FALSE(is_shortage(asio::error::host_not_found));
    CHECK_FALSE(is_shortage(asio::error::eof));
}

TEST_CASE("H3: a shortage is remembered for some seconds") {
    Descriptors descriptors;
    const auto now = Descriptors::Clock::now();
    CHECK_FALSE(descriptors.short_of_them(now));
    descriptors.note_shortage(now);
    CHECK(descriptors.short_of_them(now));
    CHECK(descriptors.short_of_them(now + Descriptors::memory - 1ms));
    CHECK_FALSE(descriptors.short_of_them(now + Descriptors::memory));
}
