#include "service/paywall/watchers.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/catch.hpp"

namespace millrace::paywall {
namespace {

PaymentHash id(char digit) {
    return PaymentHash::from_hex(std::string(64, digit)).value();
}

TEST_CASE("Who watches is told of each change of that one, and of no other") {
    Watchers watchers;
    int first = 0;
    int second = 0;
    int other = 0;
    const Watchers::Watch one = watchers.watch(id('a'), [&] { ++first; });
    const Watchers::Watch two = watchers.watch(id('a'), [&] { ++second; });
    const Watchers::Watch three = watchers.watch(id('b'), [&] { ++other; });
    watchers.tell(id('a'));
    watchers.tell(id('a'));
    watchers.tell(id('c'));
    CHECK((first == 2 && second == 2 && other == 0));
    watchers.tell_all();
    CHECK((first == 3 && second == 3 && other == 1));
}

TEST_CASE("Whose watch has gone is told nothing more, and the others are") {
    Watchers watchers;
    int first = 0;
    int second = 0;
    auto one = std::make_optional(watchers.watch(id('a'), [&] { ++first; }));
    const Watchers::Watch two = watchers.watch(id('a'), [&] { ++second; });
    auto moved = std::make_optional(std::move(*one));
    one.reset();
    watchers.tell(id('a'));
    CHECK((first == 1 && second == 1));
    moved.reset();
    watchers.tell(id('a'));
    watchers.tell_all();
    CHECK((first == 1 && second == 3));
}

TEST_CASE("Who is told may watch others, and lets go of theirs") {
    Watchers watchers;
    int told = 0;
    std::vector<Watchers::Watch> more;
    auto other = std::make_optional(watchers.watch(id('b'), [&] { ++told; }));
    const Watchers::Watch one = watchers.watch(id('a'), [&] {
        other.reset();
        more.push_back(watchers.watch(id('b'), [&] { told += 10; }));
        watchers.tell(id('b'));
    });
    watchers.tell(id('a'));
    CHECK(told == 10);
}

TEST_CASE("Of what several threads tell each change is told once, and nobody is told whose watch has gone") {
    constexpr int threads = 3;
    constexpr int times = 2000;
    Watchers watchers;
    std::atomic<bool> enough{false};
    std::atomic<int> changes{0};
    std::atomic<int> all{0};
    std::atomic<int> late{0};
    const Watchers::Watch always = watchers.watch(id('a'), [&] { all.fetch_add(1); });
    std::vector<std::thread> others;
    for (int i = 0; i < threads; ++i) {
        others.emplace_back([&] {
            while (!enough) {
                changes.fetch_add(1);
                watchers.tell(id('a'));
            }
        });
    }
    for (int time = 0; time < times; ++time) {
        auto gone = std::make_shared<std::atomic<bool>>(false);
        {
            const Watchers::Watch brief = watchers.watch(id('a'), [&late, gone] {
                if (gone->load()) late.fetch_add(1);
            });
            std::this_thread::yield();
        }
        gone->store(true);
    }
    enough = true;
    for (std::thread& one : others) one.join();
    CHECK(all == changes);
    CHECK(late == 0);
}

// Looks under the lock of what it watches, as whoever waits does, and would wait for ever for what it missed.
TEST_CASE("Who watches first and then looks misses nothing") {
    Watchers watchers;
    for (int round = 0; round < 300; ++round) {
        std::mutex mutex;
        bool changed = false;
        std::atomic<bool> told{false};
        std::thread other([&] {
            {
                std::lock_guard lock(mutex);
                changed = true;
            }
            watchers.tell(id('a'));
        });
        const Watchers::Watch watch = watchers.watch(id('a'), [&] { told = true; });
        bool seen = false;
        {
            std::lock_guard lock(mutex);
            seen = changed;
        }
        other.join();
        CHECK((seen || told));
    }
}

}  // namespace
}  // namespace millrace::paywall
