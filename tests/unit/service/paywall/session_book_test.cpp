#include "service/paywall/session_book.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "tests/unit/catch.hpp"

namespace millrace::paywall {
namespace {

using namespace std::chrono_literals;
using State = SessionBook::State;
using Refusal = SessionBook::Refusal;

PaymentHash id(char digit) {
    return PaymentHash::from_hex(std::string(64, digit)).value();
}

struct World {
    SessionBook::Time now{1000s};
    SessionBook book{[this] { return now; }};

    void add(char digit, std::chrono::seconds idle = 60s, State state = State::open) {
        book.add(id(digit), {"weather", Msat(10'000), idle, state});
    }
    bool enters(char digit) { return std::holds_alternative<SessionBook::Visit>(book.enter(id(digit), "weather")); }
    Refusal refusal(char digit, std::string_view scope = "weather") {
        return std::get<Refusal>(book.enter(id(digit), scope));
    }
};

TEST_CASE("A session is entered while it is open, for what it was sold for") {
    World world;
    CHECK(world.refusal('a') == Refusal::not_found);
    world.add('a');
    CHECK(world.enters('a'));
    CHECK(world.refusal('a', "maps") == Refusal::wrong_scope);
    world.add('b', 60s, State::closed);
    CHECK(world.refusal('b') == Refusal::closed);
    CHECK(world.book.open_count() == 1);
    CHECK(world.book.open_ones([](const PaymentHash&) { return true; }) == std::vector<PaymentHash>{id('a')});
}

TEST_CASE("A session that is known stays as it is, and its deposit only grows") {
    World world;
    world.add('a');
    world.book.set_deposit(id('a'), Msat(20'000), id('c'));
    world.add('a');
    world.book.set_deposit(id('a'), Msat(15'000), id('d'));
    auto paid_by = [&](char payment) {
        return world.book.open_ones([&](const PaymentHash& hash) { return hash == id(payment); }).size();
    };
    CHECK(paid_by('c') == 1);
    CHECK(paid_by('d') == 1);
    CHECK(paid_by('e') == 0);
    CHECK(world.book.deposit(id('a')) == Msat(20'000));
    world.book.closed(id('a'));
    world.add('a');
    CHECK(world.refusal('a') == Refusal::closed);
    CHECK_FALSE(world.book.deposit(id('b')));
}

TEST_CASE("Nobody enters a session that is closing, and it is closed once") {
    World world;
    world.add('a');
    {
        auto visit = world.book.enter(id('a'), "weather");
        CHECK(world.book.begin_close(id('a')));
        CHECK(world.book.in_use(id('a')));
        CHECK(world.refusal('a') == Refusal::closed);
        CHECK_FALSE(world.book.begin_close(id('a')));
        CHECK(world.book.state(id('a')) == State::closing);
    }
    CHECK_FALSE(world.book.in_use(id('a')));
    SECTION("it is closed") {
        world.book.closed(id('a'));
        CHECK(world.book.state(id('a')) == State::closed);
        world.book.reopen(id('a'));
        CHECK(world.refusal('a') == Refusal::closed);
        CHECK(world.book.open_count() == 0);
    }
    SECTION("it is not closed after all") {
        world.book.reopen(id('a'));
        CHECK(world.enters('a'));
        CHECK(world.book.open_count() == 1);
    }
}

TEST_CASE("What is not used for as long as it may be is closing, and named once") {
    World world;
    world.add('a', 60s);
    world.add('b', 120s);
    world.now += 59s;
    CHECK(world.book.sweep().idle.empty());
    world.now += 1s;
    CHECK(world.book.sweep().idle == std::vector<PaymentHash>{id('a')});
    CHECK(world.book.state(id('a')) == State::closing);
    CHECK(world.book.sweep().idle.empty());
    world.book.reopen(id('a'));
    world.now += 60s;
    std::vector<PaymentHash> idle = world.book.sweep().idle;
    std::sort(idle.begin(), idle.end());
    CHECK(idle == std::vector<PaymentHash>{id('a'), id('b')});
}

TEST_CASE("A session is idle from the end of its last request, or of its last deposit") {
    World world;
    world.add('a', 60s);
    world.now += 50s;
    {
        auto visit = world.book.enter(id('a'), "weather");
        world.now += 500s;
        const SessionBook::Sweep swept = world.book.sweep();
        CHECK(swept.idle.empty());
        CHECK(swept.used == std::vector<PaymentHash>{id('a')});
        world.now += 30s;
    }
    world.now += 59s;
    CHECK(world.book.sweep().idle.empty());
    world.book.set_deposit(id('a'), Msat(20'000), id('a'));
    world.now += 59s;
    CHECK(world.book.sweep().idle.empty());
    world.now += 1s;
    CHECK(world.book.sweep().idle == std::vector<PaymentHash>{id('a')});
}

TEST_CASE("Who watches a session is told once of each change of it, and of none of another") {
    World world;
    world.add('a');
    world.add('b');
    int told = 0;
    auto since = [&] { return std::exchange(told, 0); };
    const auto watch = world.book.watch(id('a'), [&] { ++told; });
    {
        auto visit = world.book.enter(id('a'), "weather");
        CHECK(since() == 0);
        CHECK(world.book.begin_close(id('a')));
        CHECK(since() == 1);
        CHECK_FALSE(world.book.begin_close(id('a')));
        CHECK(since() == 0);
    }
    CHECK(since() == 1);
    world.book.reopen(id('a'));
    CHECK(since() == 1);
    world.book.reopen(id('a'));
    CHECK(since() == 0);
    world.book.set_deposit(id('a'), Msat(20'000), id('c'));
    CHECK(since() == 1);
    world.book.set_deposit(id('a'), Msat(20'000), id('c'));
    CHECK(since() == 0);
    world.now += 60s;
    CHECK(world.book.sweep().idle.size() == 2);
    CHECK(since() == 1);
    world.book.closed(id('a'));
    CHECK(since() == 1);
    world.book.closed(id('a'));
    world.book.closed(id('b'));
    CHECK(since() == 0);
    world.book.tell_all();
    CHECK(since() == 1);
}

TEST_CASE("Who is told of a session finds in the book what has changed") {
    World world;
    world.add('a');
    std::vector<State> states;
    std::vector<bool> used;
    const auto watch = world.book.watch(id('a'), [&] {
        states.push_back(world.book.state(id('a')).value());
        used.push_back(world.book.in_use(id('a')));
    });
    {
        auto visit = world.book.enter(id('a'), "weather");
        CHECK(world.book.begin_close(id('a')));
    }
    world.book.closed(id('a'));
    CHECK(states == std::vector<State>{State::closing, State::closing, State::closed});
    CHECK(used == std::vector<bool>{true, false, false});
}

TEST_CASE("Of visits that leave on several threads each is told, and the last one finds the session unused") {
    constexpr int threads = 4;
    constexpr int times = 500;
    World world;
    world.add('a');
    std::atomic<int> told{0};
    std::atomic<int> unused{0};
    std::vector<SessionBook::Visit> visits;
    for (int i = 0; i < threads * times; ++i)
        visits.push_back(std::get<SessionBook::Visit>(world.book.enter(id('a'), "weather")));
    {
        const auto watch = world.book.watch(id('a'), [&] {
            ++told;
            if (!world.book.in_use(id('a'))) ++unused;
        });
        std::vector<std::thread> others;
        for (int i = 0; i < threads; ++i) {
            others.emplace_back([&visits, i] {
                for (int time = 0; time < times; ++time)
                    const SessionBook::Visit left(std::move(visits[static_cast<std::size_t>(i * times + time)]));
            });
        }
        for (std::thread& one : others) one.join();
    }
    CHECK(told == threads * times);
    CHECK(unused >= 1);
    { auto visit = world.book.enter(id('a'), "weather"); }
    CHECK(told == threads * times);
}

}  // namespace
}  // namespace millrace::paywall
