#include "service/async/task.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "service/async/spawn.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace::async;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using Timer = asio::steady_timer;

namespace {

Task<std::string> say(std::string text) {
    co_return text;
}

Task<std::string> say_later(Timer& timer, std::string text) {
    timer.expires_after(1ms);
    auto [failed] = co_await timer.async_wait(use_result);
    if (failed) throw std::runtime_error("cancelled");
    co_return text;
}

Task<> say_both(Timer& timer, std::vector<std::string>& out) {
    out.push_back(co_await say("now"));
    out.push_back(co_await say_later(timer, "later"));
}

Task<> hold(Timer& timer, std::shared_ptr<int> held) {
    auto wait = [](Timer& until, std::shared_ptr<int> also) -> Task<> {
        until.expires_after(1h);
        (void)co_await until.async_wait(use_result);
        (void)also;
    };
    co_await wait(timer, held);
    (void)held;
}

template <class Initiation>
Task<> wait_for(Initiation initiation, bool& went_on) {
    auto [value] = co_await asio::async_initiate<const UseResult, void(int)>(initiation, use_result);
    went_on = value == 7;
}

template <class Initiation>
std::string end_of(Initiation initiation, bool& went_on) {
    asio::io_context context;
    std::string thrown;
    start(context.get_executor(), wait_for(initiation, went_on), [&](const std::exception_ptr& end) {
        try {
            if (end) std::rethrow_exception(end);
            thrown = "nothing";
        } catch (const std::exception& error) {
            thrown = error.what();
        }
    });
    context.run();
    return thrown;
}

Task<int> count_down(int from) {
    if (from == 0) co_return 0;
    co_return 1 + co_await count_down(from - 1);
}

}  // namespace

TEST_CASE("A coroutine gets what those say that it awaits, at once or later") {
    asio::io_context context;
    Timer timer(context);
    std::vector<std::string> out;
    spawn(context.get_executor(), say_both(timer, out), "a test");
    context.run();
    CHECK(out == std::vector<std::string>{"now", "later"});
}

TEST_CASE("An exception reaches who awaits, and in the end who was spawned") {
    asio::io_context context;
    Timer timer(context);
    std::string caught;
    bool ended = false;
    auto outer = [&]() -> Task<> {
        try {
            (void)co_await say_later(timer, "");
        } catch (const std::runtime_error& error) {
            caught = error.what();
            throw;
        }
    };
    spawn(context.get_executor(), outer(), "a test", [&] { ended = true; });
    context.poll();
    timer.cancel();
    context.restart();
    context.run();
    CHECK(caught == "cancelled");
    CHECK(ended);
}

TEST_CASE("What is waited for when the event loop goes takes along all who wait") {
    auto held = std::make_shared<int>(0);
    bool ended = false;
    {
        asio::io_context context;
        Timer timer(context);
        spawn(context.get_executor(), hold(timer, held), "a test", [&] { ended = true; });
        CHECK(held.use_count() == 2);
        context.poll();
        CHECK(held.use_count() > 2);
    }
    CHECK(held.use_count() == 1);
    CHECK_FALSE(ended);
    {
        asio::io_context context;
        Timer timer(context);
        spawn(context.get_executor(), hold(timer, held), "a test");  // does not begin
    }
    CHECK(held.use_count() == 1);
    { [[maybe_unused]] const Task<std::string> never = say("never awaited"); }
}

TEST_CASE("An operation that cannot begin is heard of, and one that forgets who waits takes them along") {
    bool went_on = false;
    CHECK(end_of([](auto) { throw std::runtime_error("no"); }, went_on) == "no");
    CHECK_FALSE(went_on);
    CHECK(end_of([](auto) {}, went_on).empty());
    CHECK_FALSE(went_on);
}

TEST_CASE("Frames of many sizes come and go") {
    asio::io_context context;
    int counted = 0;
    auto outer = [&]() -> Task<> {
        for (int i = 0; i < 20; ++i) counted += co_await count_down(i * 10);
    };
    spawn(context.get_executor(), outer(), "a test");
    context.run();
    CHECK(counted == 1900);
    for (std::size_t size : {1UL, 64UL, 65UL, 4096UL, 4097UL, 100000UL}) {
        std::vector<void*> frames;
        for (int i = 0; i < 100; ++i) frames.push_back(Frames::allocate(size));
        for (void* frame : frames) Frames::free(frame, size);
        void* again = Frames::allocate(size);
        std::fill_n(static_cast<char*>(again), size, 'x');
        Frames::free(again, size);
    }
    std::thread([] { Frames::free(Frames::allocate(128), 128); }).join();
}
