#include "service/paywall/challenge_book.hpp"

#include <map>
#include <random>

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;
using paywall::ChallengeBook;

namespace {

const ChallengeBook::Time noon{std::chrono::seconds(1'800'000'000)};

paywall::ChallengeKey key(std::uint64_t prefix, std::uint64_t price = 1000) {
    return {{prefix}, "weather", price, "", ""};
}

ChallengeBook::Challenge challenge(std::uint8_t mark, ChallengeBook::Time now = noon,
                                   std::chrono::seconds life = 600s) {
    auto out = std::make_shared<gateway::IssuedChallenge>();
    out->payment_hash = PaymentHash(std::array<std::uint8_t, 32>{mark});
    out->expires_at = std::chrono::floor<std::chrono::seconds>(now) + life;
    return out;
}

PaymentHash hash(std::uint8_t mark) {
    return challenge(mark)->payment_hash;
}

// The mark of a challenge; 0: none.
int mark(const ChallengeBook::Challenge& challenge) {
    return challenge ? challenge->payment_hash.view()[0] : 0;
}

// Puts one into the book, as for a buyer that nobody waits behind.
void hand_out(ChallengeBook& book, const paywall::ChallengeKey& which, std::uint8_t number,
              ChallengeBook::Connection connection = 0, ChallengeBook::Time now = noon) {
    CHECK(book.issued(book.begin(which, connection), challenge(number, now), now).empty());
}

std::string room(ChallengeBook& book, std::uint64_t prefix, ChallengeBook::Time now = noon) {
    auto full = book.room({prefix}, now);
    return !full ? "room" : *full == ChallengeBook::Full::prefix ? "prefix full" : "book full";
}

}  // namespace

TEST_CASE("M14: a connection gets its own again, and nobody else's") {
    ChallengeBook book({});
    hand_out(book, key(1), 7, 70);
    hand_out(book, key(1), 8, 80);
    CHECK(mark(book.own(key(1), 70, noon)) == 7);
    CHECK(mark(book.own(key(1), 80, noon)) == 8);
    CHECK(mark(book.own(key(1), 90, noon)) == 0);
    CHECK(mark(book.own(key(2), 70, noon)) == 0);
    CHECK(mark(book.own(key(1, 2000), 70, noon)) == 0);
    paywall::ChallengeKey deposit = key(1);
    deposit.deposit = true;
    CHECK(mark(book.own(deposit, 70, noon)) == 0);
    CHECK(mark(book.own(key(1), 70, noon + 299s)) == 7);
    CHECK(mark(book.own(key(1), 70, noon + 300s)) == 0);  // half of its life is over
}

TEST_CASE("M14: what belongs to no connection is nobody's own") {
    ChallengeBook book({});
    hand_out(book, key(1), 7, 0);
    CHECK(mark(book.own(key(1), 0, noon)) == 0);
    CHECK(mark(book.oldest(key(1), noon)) == 7);
}

TEST_CASE("M14: beyond the limits the oldest open one of the same network and offer is handed out") {
    ChallengeBook book({});
    CHECK(mark(book.oldest(key(1), noon)) == 0);
    hand_out(book, key(1), 3, 1, noon);
    hand_out(book, key(1), 4, 2, noon + 10s);
    hand_out(book, key(1, 2000), 5, 3, noon);
    hand_out(book, key(2), 6, 4, noon);
    CHECK(mark(book.oldest(key(1), noon + 20s)) == 3);
    CHECK(mark(book.oldest(key(1), noon + 20s)) == 3);
    CHECK(mark(book.oldest(key(1), noon + 300s)) == 4);
    CHECK(mark(book.oldest(key(1), noon + 310s)) == 0);
    CHECK(book.size() == 0);
}

TEST_CASE("M14: one that is paid is handed out to nobody, its own connection included") {
    ChallengeBook book({});
    hand_out(book, key(1), 3, 1);
    hand_out(book, key(1), 4, 2);
    book.paid(hash(9));
    CHECK(mark(book.oldest(key(1), noon)) == 3);
    book.paid(hash(3));
    book.paid(hash(3));
    CHECK(mark(book.oldest(key(1), noon)) == 4);
    CHECK(mark(book.own(key(1), 1, noon)) == 0);
    // Who has paid asks for another one.
    hand_out(book, key(1), 5, 1);
    CHECK(mark(book.own(key(1), 1, noon)) == 5);
    book.paid(hash(4));
    book.paid(hash(5));
    CHECK(book.size() == 0);
}

TEST_CASE("M14: whoever finds no open one waits for one that is under way") {
    ChallengeBook book({});
    std::vector<int> told;
    auto waiter = [&told](const ChallengeBook::Outcome& outcome) { told.push_back(mark(outcome.challenge)); };
    CHECK_FALSE(book.join(key(1), waiter));
    const auto first = book.begin(key(1), 1);
    const auto second = book.begin(key(1), 2);
    CHECK(mark(book.oldest(key(1), noon)) == 0);
    CHECK(book.join(key(1), waiter));
    CHECK(book.join(key(1), waiter));
    CHECK_FALSE(book.join(key(1, 2000), waiter));
    // One that fails leaves them to the other.
    CHECK(book.failed(first).empty());
    const auto waiters = book.issued(second, challenge(7), noon);
    REQUIRE(waiters.size() == 2);
    for (const auto& one : waiters) one({challenge(7), true, std::nullopt});
    CHECK(told == std::vector<int>{7, 7});
    // The last that fails tells them so.
    const auto third = book.begin(key(2), 3);
    CHECK(book.join(key(2), waiter));
    CHECK(book.failed(third).size() == 1);
    CHECK(room(book, 2) == "room");
}

TEST_CASE("M14: requests under way get an invoice each") {
    ChallengeBook book({});
    const auto first = book.begin(key(1), 1);
    const auto second = book.begin(key(1), 2);
    CHECK(book.issued(second, challenge(8), noon).empty());
    CHECK(book.issued(first, challenge(7), noon).empty());
    CHECK(mark(book.own(key(1), 1, noon)) == 7);
    CHECK(mark(book.own(key(1), 2, noon)) == 8);
    CHECK(mark(book.oldest(key(1), noon)) == 7);  // by the time of asking
}

TEST_CASE("M14: open ones are bounded, of a network and in all, and make room when they are gone") {
    ChallengeBook book({2, 3});
    hand_out(book, key(1), 1, 1);
    const auto under_way = book.begin(key(1, 2000), 2);
    CHECK(room(book, 1) == "prefix full");
    CHECK(room(book, 2) == "room");
    hand_out(book, key(2), 3, 3);
    CHECK(room(book, 3) == "book full");
    CHECK(book.failed(under_way).empty());  // which costs its network nothing
    CHECK(room(book, 1) == "room");
    CHECK(room(book, 3) == "room");
    hand_out(book, key(1), 4, 4);
    CHECK(room(book, 1) == "prefix full");
    book.paid(hash(4));
    CHECK(room(book, 1) == "room");
    hand_out(book, key(1), 5, 5);
    CHECK(room(book, 1, noon + 299s) == "prefix full");
    CHECK(room(book, 1, noon + 300s) == "room");
    CHECK(book.size() == 0);
}

TEST_CASE("open ones of other lifetimes go when their time comes") {
    ChallengeBook book({});
    CHECK(book.issued(book.begin(key(1), 1), challenge(1, noon, 1000s), noon).empty());
    CHECK(book.issued(book.begin(key(1), 2), challenge(2, noon, 100s), noon).empty());
    CHECK(mark(book.own(key(1), 2, noon + 50s)) == 0);
    CHECK(mark(book.own(key(1), 1, noon + 50s)) == 1);
}

TEST_CASE("where the keys have changed, none of before is handed out") {
    ChallengeBook book({});
    hand_out(book, key(1), 7, 1);
    const auto under_way = book.begin(key(2), 2);
    book.forget_issued();
    CHECK(mark(book.own(key(1), 1, noon)) == 0);
    CHECK(mark(book.oldest(key(1), noon)) == 0);
    CHECK(book.size() == 1);
    CHECK(book.issued(under_way, challenge(8), noon).empty());
    CHECK(mark(book.own(key(2), 2, noon)) == 8);
}

// Against a list of all that was ever handed out.
TEST_CASE("M14: over random requests, payments and failures nobody gets what is another's, paid or stale") {
    std::mt19937_64 random(20261128);
    auto below = [&random](std::uint64_t n) { return random() % n; };
    struct Known {
        std::uint64_t prefix, price;
        ChallengeBook::Connection connection;
        ChallengeBook::Time until;
        bool open;
    };
    const ChallengeBook::Bounds bounds{5, 12};
    ChallengeBook book(bounds);
    std::map<int, Known> known;  // by the first byte of the hash, of which there are enough
    struct UnderWay {
        ChallengeBook::Place place;
        std::uint64_t prefix, price;
        ChallengeBook::Connection connection;
    };
    std::vector<UnderWay> under_way;
    ChallengeBook::Time now = noon;
    std::uint8_t next = 0;
    for (int step = 0; step < 20'000; ++step) {
        now += std::chrono::seconds(below(3));
        for (auto& [number, one] : known) one.open = one.open && now < one.until;
        const std::uint64_t prefix = 1 + below(3), price = 1 + below(2);
        const ChallengeBook::Connection connection = prefix * 10 + below(4);
        const auto which = key(prefix, price);
        const std::uint64_t action = below(10);
        if (action < 5) {
            if (const int own = mark(book.own(which, connection, now)); own != 0) {
                const Known& one = known.at(own);
                CHECK((one.open && one.connection == connection && one.prefix == prefix && one.price == price));
                continue;
            }
            std::size_t open = 0, in_all = under_way.size(), coming = 0;
            for (const UnderWay& one : under_way) coming += one.prefix == prefix ? 1 : 0;
            int oldest = 0;
            for (const auto& [number, one] : known) {
                in_all += one.open ? 1 : 0;
                open += one.open && one.prefix == prefix ? 1 : 0;
            }
            const auto full = book.room({prefix}, now);
            CHECK(full.has_value() == (open + coming >= bounds.per_prefix || in_all >= bounds.in_all));
            if (!full) {
                under_way.push_back({book.begin(which, connection), prefix, price, connection});
            } else if (oldest = mark(book.oldest(which, now)); oldest != 0) {
                const Known& one = known.at(oldest);
                CHECK((one.open && one.prefix == prefix && one.price == price));
            }
        } else if (action < 8 && !under_way.empty()) {
            const std::size_t at = below(under_way.size());
            const UnderWay one = under_way[at];
            under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(at));
            if (below(4) == 0) {
                (void)book.failed(one.place);
                continue;
            }
            do ++next;
            while (next == 0 || (known.contains(next) && known.at(next).open));
            (void)book.issued(one.place, challenge(next, now, 40s), now);
            const auto until = now + (ChallengeBook::Time(challenge(next, now, 40s)->expires_at) - now) / 2;
            known[next] = {one.prefix, one.price, one.connection, until, true};
        } else if (!known.empty()) {
            auto one = known.begin();
            std::advance(one, static_cast<std::ptrdiff_t>(below(known.size())));
            if (!one->second.open) continue;
            book.paid(hash(static_cast<std::uint8_t>(one->first)));
            one->second.open = false;
        }
    }
}
