#include "service/paywall/work_desk.hpp"

#include "common/codec/base64.hpp"
#include "common/l402/token.hpp"
#include "common/l402/work.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;
using config::WorkBuys;
using paywall::WorkDesk;
using paywall::WorkVerdict;

namespace {

const limits::Clock::time_point tick{1s};
const std::chrono::sys_seconds noon{1'800'000'000s};
const config::Work easy{.bits = 4, .max_bits = 8, .lifetime = 60s, .in_all = {1000, 1s}};

SecretKey key(std::uint8_t number) {
    std::array<std::uint8_t, 32> bytes{};
    bytes[0] = number;
    return SecretKey(bytes);
}

macaroon::Macaroon read(const WorkDesk::Task& task) {
    return macaroon::decode(codec::from_base64(task.token_base64).value()).value();
}

TokenId id_of(const macaroon::Macaroon& macaroon) {
    return l402::Identifier::decode(macaroon.identifier).value().token_id;
}

macaroon::Macaroon solved(const WorkDesk::Task& task) {
    macaroon::Macaroon out = read(task);
    const auto nonce = l402::solve_work(id_of(out), task.bits, 1U << 20U);
    out.add_first_party_caveat(l402::work_caveat({task.bits, nonce.value()}));
    return out;
}

}  // namespace

TEST_CASE("work is honoured once, for what it was set for") {
    WorkDesk desk(key(1));
    const WorkDesk::Task task = desk.set(easy, "weather", WorkBuys::invoice, noon);
    CHECK(task.bits == 4);
    const macaroon::Macaroon work = solved(task);
    CHECK(desk.use(easy, work, "tides", WorkBuys::invoice, noon, tick) == WorkVerdict::refused);
    CHECK(desk.use(easy, work, "weather", WorkBuys::request, noon, tick) == WorkVerdict::refused);
    CHECK(desk.use(easy, work, "weather", WorkBuys::invoice, noon + 59s, tick) == WorkVerdict::good);
    CHECK(desk.use(easy, work, "weather", WorkBuys::invoice, noon + 59s, tick) == WorkVerdict::refused);
    const macaroon::Macaroon late = solved(desk.set(easy, "weather", WorkBuys::invoice, noon));
    CHECK(desk.use(easy, late, "weather", WorkBuys::invoice, noon + 60s, tick) == WorkVerdict::refused);
    // Of another process, or of this one before it started anew.
    const macaroon::Macaroon early = solved(desk.set(easy, "weather", WorkBuys::invoice, noon));
    CHECK(WorkDesk(key(2)).use(easy, early, "weather", WorkBuys::invoice, noon, tick) == WorkVerdict::refused);
}

TEST_CASE("M17: work whose request came to nothing is good again") {
    WorkDesk desk(key(1));
    const macaroon::Macaroon work = solved(desk.set(easy, "weather", WorkBuys::request, noon));
    for (int i = 0; i < 2; ++i) {
        CHECK(desk.use(easy, work, "weather", WorkBuys::request, noon, tick) == WorkVerdict::good);
        CHECK(desk.use(easy, work, "weather", WorkBuys::request, noon, tick) == WorkVerdict::refused);
        desk.give_back(easy, id_of(work));
    }
    CHECK(desk.use(easy, work, "weather", WorkBuys::request, noon + 60s, tick) == WorkVerdict::refused);
}

TEST_CASE("what is no solution is refused") {
    WorkDesk desk(key(1));
    const config::Work settings{.bits = 16, .max_bits = 16};
    const WorkDesk::Task task = desk.set(settings, "weather", WorkBuys::invoice, noon);
    const macaroon::Macaroon set = read(task);
    auto refused = [&](const macaroon::Macaroon& work) {
        return desk.use(settings, work, "weather", WorkBuys::invoice, noon, tick) == WorkVerdict::refused;
    };
    auto with = [&](std::initializer_list<std::string> caveats) {
        macaroon::Macaroon out = set;
        for (const std::string& caveat : caveats) out.add_first_party_caveat(caveat);
        return out;
    };
    const std::uint64_t nonce = l402::solve_work(id_of(set), 16, 1U << 24U).value();
    const std::string good = l402::work_caveat({16, nonce});
    // The first nonce is no solution but by luck, which would be found before.
    REQUIRE(nonce > 0);
    CHECK(refused(set));
    CHECK(refused(with({l402::work_caveat({16, 0})})));
    CHECK(refused(with({l402::work_caveat({0, 0})})));
    CHECK(refused(with({l402::work_caveat({1, nonce})})));
    CHECK(refused(with({"weather_work=0,invoice", l402::work_caveat({0, 0})})));
    CHECK(refused(with({good, good})));
    CHECK(refused(with({good, "preimage=00"})));
    macaroon::Macaroon changed = with({good});
    changed.caveats[1].identifier =
        Bytes(as_bytes("weather_valid_until=9999999999").begin(), as_bytes("weather_valid_until=9999999999").end());
    CHECK(refused(changed));
    changed = with({good});
    changed.caveats[2].identifier =
        Bytes(as_bytes("weather_work=0,invoice").begin(), as_bytes("weather_work=0,invoice").end());
    CHECK(refused(changed));
    CHECK_FALSE(refused(with({good})));
}

TEST_CASE("work is no token, and a token is no work") {
    l402::KeyRing keys;
    keys.keys.emplace(0, key(1));
    WorkDesk desk(key(1));  // even under one key
    const macaroon::Macaroon work = solved(desk.set(easy, "weather", WorkBuys::invoice, noon));
    const l402::Identifier identifier = l402::Identifier::decode(work.identifier).value();
    CHECK(identifier.payment_hash == PaymentHash{});
    const l402::Credential credential{work, identifier, Preimage{}};
    CHECK(l402::verify(credential, keys, "weather", noon));
    const l402::Identifier bought{PaymentHash{}, l402::make_token_id(0, {})};
    macaroon::Macaroon token = l402::mint(key(1), bought, ServiceName::parse("weather").value(), {.price = Msat(1)});
    token.add_first_party_caveat("weather_valid_until=1800000060");
    token.add_first_party_caveat("weather_work=0,invoice");
    token.add_first_party_caveat(l402::work_caveat({0, 0}));
    CHECK(WorkDesk(key(2)).use(easy, token, "weather", WorkBuys::invoice, noon, tick) == WorkVerdict::refused);
}

TEST_CASE("beyond the rate a solution has to wait, and stays good") {
    WorkDesk desk(key(1));
    const config::Work rare{.bits = 1, .max_bits = 1, .lifetime = 60s, .in_all = {1, 1h}};
    const macaroon::Macaroon first = solved(desk.set(rare, "weather", WorkBuys::invoice, noon));
    const macaroon::Macaroon second = solved(desk.set(rare, "weather", WorkBuys::invoice, noon));
    CHECK(desk.use(rare, first, "weather", WorkBuys::invoice, noon, tick) == WorkVerdict::good);
    CHECK(desk.use(rare, second, "weather", WorkBuys::invoice, noon, tick) == WorkVerdict::busy);
    CHECK(desk.use(rare, second, "weather", WorkBuys::invoice, noon, tick) == WorkVerdict::busy);
    CHECK(desk.use(rare, first, "weather", WorkBuys::invoice, noon, tick) == WorkVerdict::refused);
}

TEST_CASE("N1: work that got nothing is good again, and costs the rate nothing") {
    WorkDesk desk(key(1));
    config::Work slow = easy;
    slow.in_all = {1, 24h};
    const macaroon::Macaroon work = solved(desk.set(slow, "weather", WorkBuys::invoice, noon));
    for (int i = 0; i < 3; ++i) {
        CHECK(desk.use(slow, work, "weather", WorkBuys::invoice, noon, tick) == WorkVerdict::good);
        CHECK(desk.use(slow, work, "weather", WorkBuys::invoice, noon, tick) == WorkVerdict::refused);
        desk.give_back(slow, id_of(work));
    }
    desk.give_back(slow, id_of(work));  // twice is once
    CHECK(desk.use(slow, work, "weather", WorkBuys::invoice, noon + 60s, tick) == WorkVerdict::refused);
    CHECK(desk.use(slow, work, "weather", WorkBuys::invoice, noon, tick) == WorkVerdict::good);
    const macaroon::Macaroon other = solved(desk.set(slow, "weather", WorkBuys::invoice, noon));
    CHECK(desk.use(slow, other, "weather", WorkBuys::invoice, noon, tick) == WorkVerdict::busy);
}

TEST_CASE("the work rises with the demand") {
    const config::Work settings{.bits = 20, .max_bits = 24, .lifetime = 60s, .in_all = {10, 1s}};  // 100 in the window
    struct {
        std::uint64_t tasks;
        unsigned bits;
    } const cases[] = {{0, 20}, {99, 20}, {100, 21}, {199, 21}, {200, 22}, {400, 23}, {800, 24}, {1'000'000, 24}};
    for (const auto& c : cases) {
        INFO(c.tasks);
        CHECK(paywall::work_bits(settings, c.tasks) == c.bits);
    }
    CHECK(paywall::work_bits({.bits = 20, .max_bits = 20}, 1'000'000) == 20);
    CHECK(paywall::work_bits({.bits = 20, .max_bits = 26, .in_all = {1, 1h}}, 1) == 21);
    WorkDesk desk(key(1));
    const config::Work few{.bits = 4, .max_bits = 20, .lifetime = 60s, .in_all = {1, 1s}};
    unsigned bits = 0;
    for (int i = 0; i < 40; ++i) bits = desk.set(few, "weather", WorkBuys::invoice, noon).bits;
    CHECK(bits == 7);
    CHECK(desk.set(few, "weather", WorkBuys::invoice, noon + 10s).bits == 7);
    CHECK(desk.set(few, "weather", WorkBuys::invoice, noon + 20s).bits == 4);
}
