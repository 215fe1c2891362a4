#include "service/async/wakeup.hpp"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "service/async/spawn.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace::async;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

Wakeup::Clock::time_point in(std::chrono::milliseconds time) {
    return Wakeup::Clock::now() + time;
}

// One answer for each of the deadlines, one wait after the other.
Task<> wait_for_each(Wakeup& wakeup, std::vector<std::chrono::milliseconds> deadlines, std::vector<bool>& told) {
    for (const std::chrono::milliseconds deadline : deadlines) {
        const bool one = co_await wakeup.wait_until(in(deadline));
        told.push_back(one);
    }
}

// Counts up to what another thread counts, and looks again only when it is told.
Task<> follow(Wakeup& wakeup, const std::atomic<int>& counted, int end, int& looks) {
    while (counted.load() < end) {
        ++looks;
        co_await wakeup.wait();
    }
}

Task<> hold(Wakeup::Executor executor, std::function<void()>& teller) {
    Wakeup wakeup(executor);
    teller = wakeup.teller();
    co_await wakeup.wait();
}

struct House {
    asio::io_context context;
    Wakeup wakeup{context.get_executor()};
    std::vector<bool> told;

    void wait(std::vector<std::chrono::milliseconds> deadlines) {
        spawn(context.get_executor(), wait_for_each(wakeup, std::move(deadlines), told), "a test");
        context.poll();
    }
};

}  // namespace

TEST_CASE("A wait that was told before it begins ends at once, and what came several times counts once") {
    House house;
    house.wakeup.tell();
    house.wakeup.tell();
    house.wait({1h, 1ms});
    CHECK(house.told == std::vector<bool>{true});
    house.context.run();
    CHECK(house.told == std::vector<bool>{true, false});
}

TEST_CASE("A wait ends when another thread tells it, however far its deadline is") {
    House house;
    house.wait({1h, 1h});
    CHECK(house.told.empty());
    std::thread([&] { house.wakeup.tell(); }).join();
    house.context.poll();
    CHECK(house.told == std::vector<bool>{true});
    std::thread(house.wakeup.teller()).join();
    house.context.run_for(5s);
    CHECK(house.told == std::vector<bool>{true, true});
}

TEST_CASE("A wait that nobody tells ends with its deadline, and what is told of it then is for the next one") {
    House house;
    house.wait({0ms, 1h});
    house.context.run_for(20ms);
    CHECK(house.told == std::vector<bool>{false});
    house.wakeup.tell();
    house.context.restart();
    house.context.run();
    CHECK(house.told == std::vector<bool>{false, true});
}

TEST_CASE("What was told while a deadline came, and was heard by that wait, does not end the next one") {
    House house;
    house.wait({1ms, 30ms});
    std::this_thread::sleep_for(5ms);
    house.wakeup.tell();  // its deadline is over, and the event loop has not found out yet
    const auto began = Wakeup::Clock::now();
    house.context.run();
    CHECK(house.told == std::vector<bool>{true, false});
    CHECK(Wakeup::Clock::now() - began >= 29ms);
}

TEST_CASE("A teller does nothing once what it tells is gone, with its event loop or without") {
    auto context = std::make_unique<asio::io_context>();
    std::function<void()> first;
    std::function<void()> second;
    std::function<void()> third;
    {
        Wakeup wakeup(context->get_executor());
        first = wakeup.teller();
    }
    first();
    CHECK(context->poll() == 0);
    context->restart();
    spawn(context->get_executor(), hold(context->get_executor(), second), "a test");
    spawn(context->get_executor(), hold(context->get_executor(), third), "a test");
    context->poll();
    second();  // on its way
    context.reset();
    for (const auto& teller : {first, second, third}) teller();
}

TEST_CASE("Of what many threads tell nothing is missed") {
    constexpr int threads = 4;
    constexpr int times = 2000;
    House house;
    std::atomic<int> counted{0};
    int looks = 0;
    bool ended = false;
    spawn(house.context.get_executor(), follow(house.wakeup, counted, threads * times, looks), "a test",
          [&] { ended = true; });
    std::vector<std::thread> others;
    for (int i = 0; i < threads; ++i) {
        others.emplace_back([&, teller = house.wakeup.teller()] {
            for (int time = 0; time < times; ++time) {
                counted.fetch_add(1);
                teller();
            }
        });
    }
    house.context.run_for(30s);
    for (std::thread& one : others) one.join();
    CHECK(ended);
    CHECK(looks <= threads * times + 1);
}
