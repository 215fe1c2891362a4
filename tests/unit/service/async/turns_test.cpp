#include "service/async/turns.hpp"

#include <string>

#include "service/async/spawn.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace::async;
namespace asio = boost::asio;

namespace {

Task<> change(Turns& turns, asio::io_context& context, char name, Wakeup& go_on, std::string& seen) {
    const Turns::Turn turn = co_await turns.take(context.get_executor());
    seen += name;
    co_await go_on.wait();
    seen += static_cast<char>(name - 'a' + 'A');
}

struct House {
    asio::io_context context;
    Turns turns;
    Wakeup go_on{context.get_executor()};
    std::string seen;

    void comes(char name) {
        spawn(context.get_executor(), change(turns, context, name, go_on, seen), "a test");
        poll();
    }
    void ends() {
        go_on.tell();
        poll();
    }
    void poll() {
        context.restart();
        context.poll();
    }
};

}  // namespace

TEST_CASE("Who takes a turn has it at once where nobody has one") {
    House house;
    house.comes('a');
    CHECK(house.seen == "a");
    house.ends();
    house.comes('b');
    CHECK(house.seen == "aAb");
    house.ends();
}

TEST_CASE("Turns come one after another, in the order in which they were asked for") {
    House house;
    for (const char name : {'a', 'b', 'c'}) house.comes(name);
    CHECK(house.seen == "a");
    house.ends();
    CHECK(house.seen == "aAb");
    house.comes('d');
    for (int i = 0; i < 3; ++i) house.ends();
    CHECK(house.seen == "aAbBcCdD");
    house.comes('e');
    CHECK(house.seen == "aAbBcCdDe");
    house.ends();
}

TEST_CASE("One that comes while a turn is handed over comes behind the one that gets it") {
    House house;
    house.comes('a');
    house.comes('b');
    house.go_on.tell();
    house.context.restart();
    for (int i = 0; i < 9 && house.seen != "aA"; ++i) house.context.poll_one();
    house.comes('c');
    CHECK(house.seen == "aAb");
    house.ends();
    house.ends();
    CHECK(house.seen == "aAbBcC");
}
