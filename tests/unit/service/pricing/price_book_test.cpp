#include "service/pricing/price_book.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;
using pricing::PriceBook;
using pricing::Quoted;

namespace {

const PriceBook::Time start{};

// What a waiter was told: "1000", "none", or "" so far.
struct Asker {
    std::string told;
    pricing::Done done() {
        return [this](const Quoted& quoted) { told += quoted.price ? std::to_string(quoted.price->value()) : "none"; };
    }
};

std::string text(const PriceBook::Answer& answer) {
    if (auto* fresh = std::get_if<PriceBook::Fresh>(&answer))
        return "fresh " + (fresh->quoted.price ? std::to_string(fresh->quoted.price->value()) : "none");
    if (std::holds_alternative<PriceBook::Join>(answer)) return "join";
    if (std::holds_alternative<PriceBook::Call>(answer)) return "call";
    return "busy";
}

void tell(PriceBook& book, const std::string& thing, const Quoted& quoted, PriceBook::Time now) {
    for (const pricing::Done& waiter : book.answered(thing, quoted, now, 10s)) waiter(quoted);
}

}  // namespace

TEST_CASE("a price is asked for once by all who want it, and used again while it is fresh") {
    PriceBook book({});
    Asker first;
    Asker second;
    Asker other;
    CHECK(text(book.ask("a", start, first.done())) == "call");
    CHECK(text(book.ask("a", start, second.done())) == "join");
    CHECK(text(book.ask("b", start, other.done())) == "call");
    CHECK(book.calls() == 2);
    tell(book, "a", {Msat(1000)}, start);
    CHECK(first.told == "1000");
    CHECK(second.told == "1000");
    CHECK(other.told.empty());
    CHECK(text(book.ask("a", start + 9s, first.done())) == "fresh 1000");
    CHECK(book.find("a", start + 9s) == Quoted{Msat(1000)});
    CHECK_FALSE(book.find("a", start + 10s));
    CHECK(text(book.ask("a", start + 10s, first.done())) == "call");
    tell(book, "a", {Msat(2000)}, start + 11s);
    CHECK(first.told == "10002000");
    CHECK(text(book.ask("a", start + 20s, first.done())) == "fresh 2000");
}

TEST_CASE("that there is no price is remembered as well") {
    PriceBook book({});
    Asker asker;
    CHECK(text(book.ask("a", start, asker.done())) == "call");
    tell(book, "a", {}, start);
    CHECK(asker.told == "none");
    CHECK(text(book.ask("a", start, asker.done())) == "fresh none");
}

TEST_CASE("no more is asked for, waited for and remembered than was allowed") {
    PriceBook book({.calls = 2, .waiters = 3, .entries = 2});
    Asker asker;
    CHECK(text(book.ask("a", start, asker.done())) == "call");
    CHECK(text(book.ask("b", start, asker.done())) == "call");
    CHECK(text(book.ask("c", start, asker.done())) == "busy");
    CHECK(text(book.ask("a", start, asker.done())) == "join");
    CHECK(text(book.ask("a", start, asker.done())) == "busy");
    tell(book, "a", {Msat(1)}, start);
    tell(book, "b", {Msat(2)}, start);
    CHECK(text(book.ask("c", start, asker.done())) == "call");
    tell(book, "c", {Msat(3)}, start);
    CHECK(book.size() == 2);
    CHECK_FALSE(book.find("a", start));  // the oldest
    CHECK(book.find("b", start));
    // Asked for again, it is the youngest.
    tell(book, "b", {Msat(4)}, start);
    tell(book, "d", {Msat(5)}, start);
    CHECK_FALSE(book.find("c", start));
    CHECK(book.find("b", start) == Quoted{Msat(4)});
    CHECK(book.size() == 2);
}

TEST_CASE("whoever waits when all ends is handed back") {
    PriceBook book({});
    Asker asker;
    (void)book.ask("a", start, asker.done());
    (void)book.ask("a", start, asker.done());
    CHECK(book.abandon().size() == 2);
    CHECK(book.answered("a", {}, start, 1s).empty());
    CHECK(asker.told.empty());
}

TEST_CASE("one thing is what all its facts say, whichever way they are cut") {
    pricing::Question base;
    base.service = "s";
    base.local = Msat(1);
    base.facts = {{"path", "/a"}, {"query", "b"}};
    const std::string thing = pricing::thing_of(base);
    CHECK(thing.size() == 32);
    CHECK(pricing::thing_of(base) == thing);
    std::vector<pricing::Question> others(7, base);
    others[0].service = "t";
    others[1].route = "r";
    others[2].tier = 1;
    others[3].local = Msat(2);
    others[4].facts = {{"path", "/ab"}, {"query", ""}};
    others[5].facts = {{"path", "/a"}};
    others[6].headers = {{"x-model", ""}};
    for (const auto& other : others) CHECK(pricing::thing_of(other) != thing);
    base.tier_name = "of the same number";
    CHECK(pricing::thing_of(base) == thing);
}
