#include "service/paywall/ledger.hpp"

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "tests/unit/catch.hpp"
#include "tests/unit/common/random.hpp"

using namespace millrace;
using paywall::Ledger;
using paywall::Reservation;
using paywall::Shortage;
using paywall::Usage;

namespace {

PaymentHash hash(std::uint8_t number) {
    std::array<std::uint8_t, 32> bytes{};
    bytes[0] = number;
    return PaymentHash(bytes);
}

std::string said(const std::variant<Reservation, Shortage>& answer) {
    const Shortage* shortage = std::get_if<Shortage>(&answer);
    if (!shortage) return "reserved";
    return *shortage == Shortage::uses ? "uses" : *shortage == Shortage::bytes ? "bytes" : "balance";
}

const config::Quota three_uses{.uses = 3};
const config::Quota credit{.credit = Msat(1000)};

}  // namespace

TEST_CASE("what is asked of an account is set aside, or it is said what is missing") {
    struct {
        const char* name;
        config::Quota quota;
        Usage used;
        Usage ask;
        const char* expected;
    } const cases[] = {
        {"the first use", {.uses = 3}, {}, {1, 0, 0}, "reserved"},
        {"the last use", {.uses = 3}, {2, 0, 0}, {1, 0, 0}, "reserved"},
        {"one too many", {.uses = 3}, {3, 0, 0}, {1, 0, 0}, "uses"},
        {"a quota that has shrunk", {.uses = 3}, {7, 0, 0}, {1, 0, 0}, "uses"},
        {"the last byte", {.bytes = 10}, {0, 9, 0}, {0, 1, 0}, "reserved"},
        {"no byte is left, and none is asked for yet", {.bytes = 10}, {0, 10, 0}, {}, "bytes"},
        {"as many bytes as there are", {.bytes = 10}, {}, {0, UINT64_MAX, 0}, "reserved"},
        {"the whole balance", {.credit = Msat(1000)}, {0, 0, 0}, {0, 0, 1000}, "reserved"},
        {"more than the balance", {.credit = Msat(1000)}, {0, 0, 1}, {0, 0, 1000}, "balance"},
        {"a price of nothing at a balance of nothing", {.credit = Msat(1000)}, {0, 0, 1000}, {}, "reserved"},
        {"uses are left and bytes are not", {.uses = 3, .bytes = 10}, {1, 10, 0}, {1, 0, 0}, "bytes"},
        {"no quota", {}, {7, 7, 7}, {1, 1, 1}, "reserved"},
    };
    for (const auto& c : cases) {
        INFO(c.name);
        Ledger ledger;
        ledger.use(hash(1), c.used);
        CHECK(said(ledger.reserve(hash(1), c.quota, c.ask)) == c.expected);
        CHECK(ledger.used(hash(1)) == c.used);
    }
}

TEST_CASE("a reservation that ends uncommitted has used nothing") {
    Ledger ledger;
    {
        auto first = ledger.reserve(hash(1), three_uses, {2, 0, 0});
        CHECK(said(ledger.reserve(hash(1), three_uses, {2, 0, 0})) == "uses");
        CHECK(said(ledger.reserve(hash(2), three_uses, {2, 0, 0})) == "reserved");  // another token's account
        Reservation moved = std::move(std::get<Reservation>(first));
        CHECK(moved.left().uses == 1);
    }
    CHECK(ledger.used(hash(1)) == Usage{});
    auto all = ledger.reserve(hash(1), three_uses, {3, 0, 0});
    std::get<Reservation>(all).commit();
    CHECK(ledger.used(hash(1)) == Usage{3, 0, 0});
    all = Shortage::uses;
    CHECK(ledger.used(hash(1)) == Usage{3, 0, 0});
}

TEST_CASE("the true cost takes the place of the price, as far as the balance goes") {
    struct {
        std::uint64_t others;  // set aside by another request
        std::uint64_t cost;
        std::uint64_t expected;
    } const cases[] = {{0, 7, 7}, {0, 0, 0}, {0, 400, 400}, {0, 1000, 1000}, {0, 5000, 1000}, {300, 5000, 700}};
    for (const auto& c : cases) {
        INFO(c.others << ' ' << c.cost);
        Ledger ledger;
        auto other = ledger.reserve(hash(1), credit, {0, 0, c.others});
        auto mine = ledger.reserve(hash(1), credit, {0, 0, 100});
        std::get<Reservation>(mine).settle(c.cost);
        std::get<Reservation>(mine).commit();
        CHECK(ledger.used(hash(1)) == Usage{0, 0, c.expected});
    }
}

// Against a model of sums alone, with every step that a request can take, in random order.
TEST_CASE(
    "of an account that is being closed nothing more is set aside, and it is said what it can have used at most") {
    Ledger ledger;
    auto first = ledger.reserve(hash(1), credit, {0, 0, 300});
    auto& early = std::get<Reservation>(first);
    early.commit();
    auto second = ledger.reserve(hash(1), credit, {0, 0, 200});
    auto& late = std::get<Reservation>(second);
    CHECK(ledger.close(hash(1)).spent_msat == 500);
    CHECK(said(ledger.reserve(hash(1), credit, {0, 0, 1})) == "balance");
    CHECK(late.draw(1).msat == 0);
    late.settle(900);
    CHECK(late.pending().spent_msat == 200);
    late.settle(50);
    CHECK(late.pending().spent_msat == 50);
    late.commit();
    CHECK(ledger.close(hash(1)).spent_msat == 350);
    ledger.reopen(hash(1));
    CHECK(said(ledger.reserve(hash(1), credit, {0, 0, 650})) == "reserved");
    // One that nobody has used can be closed too.
    CHECK(ledger.close(hash(2)) == Usage{});
    CHECK(said(ledger.reserve(hash(2), credit, {0, 0, 1})) == "balance");
}

TEST_CASE("a balance that grows is there for a reservation under way") {
    Ledger ledger;
    auto answer = ledger.reserve(hash(1), credit, {0, 0, 1000});
    auto& reservation = std::get<Reservation>(answer);
    CHECK_FALSE(reservation.add_msat(200));
    reservation.raise_credit(Msat(1200));
    CHECK(reservation.add_msat(200));
}

TEST_CASE("M10: what a request may cost is held while it is under way, and bounds what it draws") {
    struct {
        std::uint64_t cost;  // that is told
        bool covered;
        std::uint64_t expected;  // of a price of 100 and 300 held
    } const cases[] = {{0, true, 0}, {100, true, 100}, {250, true, 250}, {400, true, 400}, {401, false, 400}};
    for (const auto& c : cases) {
        INFO(c.cost);
        Ledger ledger;
        auto mine = ledger.reserve(hash(1), credit, {0, 0, 100}, 300);
        auto& reservation = std::get<Reservation>(mine);
        CHECK(reservation.held() == 300);
        CHECK(reservation.left().spent_msat == 600);
        CHECK(said(ledger.reserve(hash(1), credit, {0, 0, 100}, 501)) == "balance");
        CHECK(said(ledger.reserve(hash(1), credit, {0, 0, 100}, 500)) == "reserved");
        CHECK(reservation.settle(c.cost) == c.covered);
        // A trailer may say more yet, up to what is held.
        CHECK(reservation.held() == 400 - std::max<std::uint64_t>(c.expected, 100));
        reservation.release_held();
        CHECK(reservation.left().spent_msat == 1000 - c.expected);
        reservation.commit();
        CHECK(ledger.used(hash(1)) == Usage{0, 0, c.expected});
    }
    // The price first, and what the trailer says behind it.
    Ledger ledger;
    {
        auto mine = ledger.reserve(hash(1), credit, {0, 0, 100}, 300);
        auto& reservation = std::get<Reservation>(mine);
        reservation.commit();
        CHECK(reservation.held() == 300);
        CHECK(reservation.left().spent_msat == 600);
        CHECK(reservation.draw(50).msat == 50);
        CHECK(reservation.held() == 250);
        reservation.commit();
        CHECK(ledger.used(hash(1)) == Usage{0, 0, 150});
    }
    { auto unused = ledger.reserve(hash(1), credit, {0, 0, 100}, 300); }
    CHECK(said(ledger.reserve(hash(1), credit, {0, 0, 850})) == "reserved");
}

TEST_CASE("M10: while a balance is overdrawn nothing is admitted, whatever comes back") {
    Ledger ledger;
    {
        auto first = ledger.reserve(hash(1), credit, {0, 0, 100});
        auto second = ledger.reserve(hash(1), credit, {0, 0, 100});
        CHECK_FALSE(std::get<Reservation>(first).settle(1100));
        std::get<Reservation>(first).commit();
        CHECK(ledger.used(hash(1)) == Usage{0, 0, 900});
    }
    // The second one cost nothing, and its price pays a part of what the first one overdrew.
    for (const std::uint64_t ask : {0U, 1U, 100U})
        CHECK(said(ledger.reserve(hash(1), credit, {0, 0, ask})) == "balance");
    config::Quota more = credit;
    more.credit = Msat(1101);
    CHECK(said(ledger.reserve(hash(1), more, {0, 0, 2})) == "balance");
    CHECK(said(ledger.reserve(hash(1), more, {0, 0, 1})) == "reserved");
}

TEST_CASE("whatever the order of events, no account goes below zero or beyond what was bought") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        INFO("seed " << seed);
        test::Random random(seed);
        config::Quota quota;
        bool balance = random.below(2) == 0;
        if (balance) {
            quota.credit = Msat(1 + random.below(500));
        } else {
            quota.uses = 1 + random.below(20);
            quota.bytes = 1 + random.below(500);
        }
        const Usage bought{quota.uses.value_or(0), quota.bytes.value_or(0), quota.credit ? quota.credit->value() : 0};
        Ledger ledger;
        Usage used;
        std::uint64_t overdrawn = 0;
        struct Open {
            Reservation reservation;
            Usage pending;
            std::uint64_t lent;      // bytes committed by it that it may give back
            std::uint64_t owed = 0;  // by which what is pending has overdrawn the balance
        };
        std::vector<Open> open;
        auto sum = [&](std::uint64_t Usage::*member) {
            std::uint64_t out = used.*member;
            for (const Open& one : open) out += one.pending.*member;
            return out;
        };
        auto left = [&](std::uint64_t Usage::*member) {
            const std::uint64_t gone = sum(member) + (member == &Usage::spent_msat ? overdrawn : 0);
            return gone < bought.*member ? bought.*member - gone : 0;
        };
        for (int step = 0; step < 400; ++step) {
            std::uint64_t what = random.below(8);
            if (what == 0 || open.empty()) {
                Usage ask = balance ? Usage{0, 0, random.below(60)} : Usage{1, random.below(60), 0};
                auto answer = ledger.reserve(hash(9), quota, ask);
                const std::uint64_t rest = left(&Usage::spent_msat);
                bool expected = balance ? ask.spent_msat <= rest && (overdrawn == 0 || rest > 0)
                                        : left(&Usage::uses) > 0 && left(&Usage::bytes) > 0;
                REQUIRE((said(answer) == "reserved") == expected);
                ask.bytes = std::min(ask.bytes, left(&Usage::bytes));
                if (expected) open.push_back({std::move(std::get<Reservation>(answer)), ask, 0, 0});
                continue;
            }
            std::size_t at = random.below(open.size());
            Open& one = open[at];
            std::uint64_t amount = random.below(80);
            if (what == 1 && !balance) {
                const bool expected = amount <= left(&Usage::bytes) + one.pending.bytes;
                REQUIRE(one.reservation.set_bytes(amount) == expected);
                if (expected) one.pending.bytes = amount;
            } else if (what == 2 && !balance) {
                std::uint64_t expected = std::min(amount, left(&Usage::bytes));
                REQUIRE(one.reservation.add_bytes_up_to(amount) == expected);
                one.pending.bytes += expected;
                const std::uint64_t most = one.pending.bytes + left(&Usage::bytes);
                one.pending.bytes = std::max(one.pending.bytes, std::min(amount * 2, most));
                REQUIRE(one.reservation.raise_bytes(amount * 2) == one.pending.bytes);
            } else if (what == 3 && balance) {
                std::uint64_t most = left(&Usage::spent_msat) + one.pending.spent_msat;
                REQUIRE(one.reservation.settle(amount) == (amount <= most));
                overdrawn += amount > most ? amount - most : 0;
                one.owed += amount > most ? amount - most : 0;
                one.pending.spent_msat = std::min(amount, most);
            } else if (what == 4 && balance) {
                bool expected = amount <= left(&Usage::spent_msat);
                REQUIRE(one.reservation.add_msat(amount) == expected);
                if (expected) one.pending.spent_msat += amount;
            } else if (what == 5) {
                one.reservation.commit();
                used.uses += one.pending.uses;
                used.bytes += one.pending.bytes;
                used.spent_msat += one.pending.spent_msat;
                one.lent += one.pending.bytes;
                one.pending = {};
                one.owed = 0;  // the debt stands
            } else if (what == 6 && one.lent > 0) {
                std::uint64_t back = std::min(amount, one.lent);
                one.reservation.give_back({0, back, 0});
                one.lent -= back;
                used.bytes -= back;
            } else if (what == 7) {
                overdrawn -= one.owed;  // what it was for came to nothing
                open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
            }
            REQUIRE(ledger.used(hash(9)) == used);
            REQUIRE(sum(&Usage::uses) <= bought.uses);
            REQUIRE(sum(&Usage::bytes) <= bought.bytes);
            REQUIRE(sum(&Usage::spent_msat) <= bought.spent_msat);
            for (const Open& each : open) REQUIRE(each.reservation.pending() == each.pending);
        }
    }
}

TEST_CASE("uses run ahead of the disk as far as the lease goes, and not at all without one") {
    const config::Quota quota{.uses = 100};
    struct {
        const char* name;
        std::uint64_t most;
        std::uint64_t ahead;     // before
        std::uint64_t recorded;  // of them
        std::uint64_t uses;      // pending
        const char* expected;
    } const cases[] = {
        {"the first one", 4, 0, 0, 1, "ahead"},
        {"half of the lease", 4, 1, 0, 1, "hurry"},
        {"half of an odd lease", 5, 2, 0, 1, "hurry"},
        {"less than half of an odd lease", 5, 1, 0, 1, "ahead"},
        {"the last one", 4, 3, 0, 1, "hurry"},
        {"one more", 4, 4, 0, 1, "wait"},
        {"one more, once one is on disk", 4, 4, 1, 1, "hurry"},
        {"all are on disk", 4, 4, 4, 1, "ahead"},
        {"a lease of one", 1, 0, 0, 1, "hurry"},
        {"a lease of one that is used up", 1, 1, 0, 1, "wait"},
        {"several at once that fit", 4, 1, 0, 3, "hurry"},
        {"several at once that do not", 4, 2, 0, 3, "wait"},
        {"no lease", 0, 0, 0, 1, "wait"},
        {"a lease that was shortened", 2, 4, 1, 1, "wait"},
    };
    for (const auto& c : cases) {
        INFO(c.name);
        Ledger ledger;
        for (std::uint64_t i = 0; i < c.ahead; ++i) {
            auto answer = ledger.reserve(hash(1), quota, {1, 0, 0});
            REQUIRE(std::get<Reservation>(answer).commit_ahead(c.ahead));
        }
        ledger.recorded(hash(1), c.recorded);
        REQUIRE(ledger.ahead(hash(1)) == c.ahead - c.recorded);
        auto answer = ledger.reserve(hash(1), quota, {c.uses, 0, 0});
        auto& mine = std::get<Reservation>(answer);
        const auto ahead = mine.commit_ahead(c.most);
        const std::string said = !ahead ? "wait" : ahead->hurry ? "hurry" : "ahead";
        CHECK(said == c.expected);
        CHECK(mine.pending().uses == (ahead ? 0 : c.uses));
        CHECK(ledger.used(hash(1)).uses == c.ahead + (ahead ? c.uses : 0));
        CHECK(ledger.ahead(hash(1)) == c.ahead - c.recorded + (ahead ? c.uses : 0));
        CHECK(mine.left().uses == 100 - c.ahead - c.uses);
    }
}

TEST_CASE("an account of which uses are ahead of the disk is not forgotten before they are on it") {
    Ledger ledger;
    auto answer = ledger.reserve(hash(1), three_uses, {2, 0, 0});
    REQUIRE(std::get<Reservation>(answer).commit_ahead(2));
    ledger.forget(hash(1));
    CHECK(ledger.ahead(hash(1)) == 2);
    ledger.recorded(hash(1), 2);
    CHECK(ledger.ahead(hash(1)) == 0);
}

// Requests begin, end unused, run ahead or wait for their commit, in any order; commits succeed late, or fail, after
// which the uses that ran ahead are owed and stay so until a later commit.
TEST_CASE(
    "whatever the order of events, no more uses are ahead of the disk than were leased, nor granted than bought") {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        INFO("seed " << seed);
        test::Random random(seed);
        const config::Quota quota{.uses = 1 + random.below(60)};
        const std::uint64_t lease = random.below(8);
        Ledger ledger;
        std::vector<Reservation> open;
        std::vector<Reservation> waiting;  // for their own commit
        std::uint64_t ahead = 0;           // told to the store
        std::uint64_t answered = 0;
        std::uint64_t disk = 0;
        std::uint64_t refused = 0;  // with 503
        for (int step = 0; step < 400; ++step) {
            const std::uint64_t what = random.below(6);
            if (what == 0 || (open.empty() && waiting.empty() && ahead == 0)) {
                auto answer = ledger.reserve(hash(9), quota, {1, 0, 0});
                const bool expected = answered + open.size() + waiting.size() < *quota.uses;
                REQUIRE((said(answer) == "reserved") == expected);
                if (expected) open.push_back(std::move(std::get<Reservation>(answer)));
            } else if (what <= 2 && !open.empty()) {
                Reservation one = std::move(open.back());
                open.pop_back();
                if (random.below(5) == 0) continue;  // came to nothing
                const bool expected = ahead < lease;
                REQUIRE(one.commit_ahead(lease).has_value() == expected);
                if (expected) {
                    ++ahead;
                    ++answered;
                } else {
                    waiting.push_back(std::move(one));
                }
            } else if (what == 3) {  // a commit of all that the store was told
                ledger.recorded(hash(9), ahead);
                disk += ahead + waiting.size();
                ahead = 0;
                answered += waiting.size();
                for (Reservation& one : waiting) one.commit();
                waiting.clear();
            } else if (what == 4 && ahead > 0) {  // one of those that ran ahead alone
                ledger.recorded(hash(9), 1);
                --ahead;
                ++disk;
            } else if (what == 5) {  // a commit that fails
                refused += waiting.size();
                waiting.clear();
            }
            REQUIRE(ledger.ahead(hash(9)) == ahead);
            REQUIRE(ahead <= lease);
            REQUIRE(ledger.used(hash(9)).uses == answered);
            REQUIRE(answered <= *quota.uses);
            REQUIRE(answered - disk == ahead);  // what a crash would forget
        }
        if (lease > 0) CHECK(refused + answered > 0);
    }
}

TEST_CASE("threads that run ahead with the same token are never further ahead than it is leased") {
    Ledger ledger;
    const config::Quota quota{.uses = 2000};
    constexpr std::uint64_t lease = 3;
    std::atomic<std::uint64_t> ahead{0};
    std::atomic<std::uint64_t> most{0};
    std::vector<std::thread> threads;
    for (int number = 0; number < 4; ++number) {
        threads.emplace_back([&] {
            for (int i = 0; i < 500; ++i) {
                auto answer = ledger.reserve(hash(1), quota, {1, 0, 0});
                Reservation& mine = std::get<Reservation>(answer);
                if (!mine.commit_ahead(lease)) {
                    mine.commit();
                    continue;
                }
                const std::uint64_t now = ++ahead;
                for (std::uint64_t seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
                }
                std::this_thread::yield();
                --ahead;
                ledger.recorded(hash(1), 1);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(most.load() <= lease);
    CHECK(ledger.ahead(hash(1)) == 0);
    CHECK(ledger.used(hash(1)).uses == 2000);
}

TEST_CASE("threads that ask for the same token are given no more than was bought") {
    Ledger ledger;
    const config::Quota quota{.uses = 1000};
    std::atomic<int> admitted{0};
    std::vector<std::thread> threads;
    for (std::uint64_t number = 0; number < 4; ++number) {
        threads.emplace_back([&, number] {
            test::Random random(number);
            for (int i = 0; i < 1000; ++i) {
                auto answer = ledger.reserve(hash(1), quota, {1, 0, 0});
                auto* reserved = std::get_if<Reservation>(&answer);
                if (!reserved || random.below(3) == 0) continue;
                reserved->commit();
                ++admitted;
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(ledger.used(hash(1)).uses == static_cast<std::uint64_t>(admitted.load()));
    CHECK(admitted.load() == 1000);
}

TEST_CASE("who watches an account is told when something of it comes back, and not when something is taken") {
    Ledger ledger;
    int told = 0;
    auto since = [&] { return std::exchange(told, 0); };
    const auto watch = ledger.watch(hash(1), [&] { ++told; });
    {
        auto first = std::get<Reservation>(ledger.reserve(hash(1), credit, {0, 0, 100}, 50));
        auto other = std::get<Reservation>(ledger.reserve(hash(2), credit, {0, 0, 100}));
        CHECK(first.add_msat(10));
        CHECK(since() == 0);
        first.release_held();
        CHECK(since() == 1);
        CHECK(first.settle(60));  // in place of 110
        CHECK(since() == 1);
        first.commit();
        CHECK(since() == 0);
        first.give_back({0, 0, 20});
        CHECK(since() == 1);
        CHECK(first.add_msat(10));
    }
    CHECK(since() == 1);
    (void)ledger.close(hash(1));
    CHECK(since() == 0);
    ledger.reopen(hash(1));
    CHECK(since() == 1);
    ledger.forget(hash(1));
    CHECK(since() == 1);
}
