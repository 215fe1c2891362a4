#include "service/store/write_queue.hpp"

#include <future>
#include <thread>

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;
using store::WriteQueue;

namespace {

// For ever, as far as a test is concerned.
constexpr auto ages = 60s;

store::AnsweredWrite use(std::uint64_t uses = 1) {
    return {{}, "weather", uses};
}

PaymentHash hash(std::uint8_t number) {
    std::array<std::uint8_t, 32> bytes{};
    bytes[0] = number;
    return PaymentHash(bytes);
}

std::vector<std::uint64_t> taken(WriteQueue& queue) {
    std::vector<store::Write> group;
    std::vector<std::uint64_t> out;
    if (!queue.take(group)) return {0};
    for (const store::Write& one : group) out.push_back(std::get<store::AnsweredWrite>(one).uses);
    return out;
}

using Uses = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("all that waits is taken at once, in its order, and what comes later with the next group") {
    WriteQueue queue({ages, ages});
    queue.push(use(1));
    queue.push(use(2));
    CHECK(queue.size() == 2);
    CHECK(taken(queue) == Uses{1, 2});
    queue.push(use(3));
    CHECK(taken(queue) == Uses{3});
    CHECK(queue.size() == 0);
    CHECK(queue.pushed() == 3);
}

TEST_CASE("what nobody waits for waits for more, until somebody is in a hurry") {
    WriteQueue queue({ages, ages});
    queue.push(use(1), false);
    auto group = std::async(std::launch::async, [&queue] { return taken(queue); });
    CHECK(group.wait_for(20ms) == std::future_status::timeout);
    queue.push(use(2), false);
    CHECK(group.wait_for(20ms) == std::future_status::timeout);
    queue.push(use(3));
    CHECK(group.get() == Uses{1, 2, 3});
    // The hurry is over with the group that it was for.
    queue.push(use(4), false);
    auto next = std::async(std::launch::async, [&queue] { return taken(queue); });
    CHECK(next.wait_for(20ms) == std::future_status::timeout);
    queue.close();
    CHECK(next.get() == Uses{4});
}

TEST_CASE("what nobody waits for is taken when the patience with it is over") {
    WriteQueue queue({ages, 1ms});
    queue.push(use(1), false);
    CHECK(taken(queue) == Uses{1});
}

TEST_CASE("an idle writer is let go with an empty group") {
    WriteQueue queue({1ms, ages});
    CHECK(taken(queue).empty());
}

TEST_CASE("a closed queue gives what is left, and then says that it is closed") {
    WriteQueue queue({ages, ages});
    queue.push(use(1), false);
    queue.close();
    CHECK(taken(queue) == Uses{1});
    CHECK(taken(queue) == Uses{0});
}

TEST_CASE("uses of one token that were answered are one write of each group") {
    WriteQueue queue({ages, ages});
    queue.push_answered(hash(1), "weather", 1, false);
    queue.push_answered(hash(2), "weather", 10, false);
    queue.push(use(100), false);
    queue.push_answered(hash(1), "weather", 2, false);
    CHECK(queue.size() == 3);
    CHECK(queue.pushed() == 4);
    queue.push_answered(hash(2), "weather", 20, true);
    CHECK(taken(queue) == Uses{3, 30, 100});
    queue.push_answered(hash(1), "weather", 4, true);
    CHECK(taken(queue) == Uses{4});
}
