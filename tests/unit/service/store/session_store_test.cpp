#include "service/store/session_store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <unistd.h>

#include <filesystem>
#include <future>

#include "service/store/sqlite_store.hpp"
#include "tests/unit/catch.hpp"

namespace millrace::store {
namespace {

using namespace std::chrono_literals;
using Step = paywall::SessionStep;

PaymentHash hash(char digit) {
    return PaymentHash::from_hex(std::string(64, digit)).value();
}

const std::chrono::sys_seconds t0{1'700'000'000s};

struct World {
    std::filesystem::path file;
    std::unique_ptr<Store> store;

    World()
        : file(std::filesystem::temp_directory_path() / ("millrace-sessions-" + std::to_string(::getpid()) + ".db")) {
        remove();
        store = open_sqlite(file).value();
    }
    ~World() {
        store.reset();
        remove();
    }
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    void remove() const {
        for (const char* end : {"", "-wal", "-shm", ".lock"}) std::filesystem::remove(file.string() + end);
    }
    void restart() {
        store.reset();
        store = open_sqlite(file).value();
    }

    template <class T, class Start>
    T wait(Start start) {
        std::promise<Result<T>> told;
        start([&told](Result<T> value) { told.set_value(std::move(value)); });
        return told.get_future().get().value();
    }
    paywall::SessionOutcome open(char digit, const std::string& challenge = "c", bool in_time = true) {
        const paywall::SessionOpen open{
            {hash(digit), Msat(10'000), challenge, in_time}, "weather", "weather", "lnbc1", 60s, t0};
        return wait<paywall::SessionOutcome>([&](auto done) { store->sessions().open(open, done); });
    }
    paywall::SessionOutcome top_up(char session, char digit, const std::string& challenge = "t",
                                   const char* scope = "weather", bool in_time = true) {
        const paywall::SessionTopUp top_up{
            hash(session), {hash(digit), Msat(5'000), challenge, in_time}, scope, t0 + 1s};
        return wait<paywall::SessionOutcome>([&](auto done) { store->sessions().top_up(top_up, done); });
    }
    paywall::SessionOutcome close(char session, std::uint64_t spent, const std::string& challenge = "x",
                                  paywall::ClosedBy by = paywall::ClosedBy::client) {
        const paywall::SessionClose close{hash(session), by, challenge, Msat(spent), t0 + 2s};
        return wait<paywall::SessionOutcome>([&](auto done) { store->sessions().close(close, done); });
    }
    void spend(char session, std::uint64_t msat) {
        std::promise<void> told;
        store->record_usage(hash(session), "weather", UsageChange::used, {0, 0, msat},
                            [&told](const Result<void>&) { told.set_value(); });
        told.get_future().get();
    }
    void refund(char session, paywall::RefundResult result) {
        std::promise<void> told;
        store->sessions().record_refund(hash(session), std::move(result),
                                        [&told](const Result<void>&) { told.set_value(); });
        told.get_future().get();
    }
    paywall::SessionRecord known(char session) {
        restart();
        for (paywall::SessionRecord& one : store->sessions().take_all()) {
            if (one.id == hash(session)) return one;
        }
        return {};
    }
};

TEST_CASE("A deposit opens one session, and again for the same challenge only says so") {
    World world;
    const paywall::SessionOutcome first = world.open('a');
    CHECK(first.step == Step::done);
    CHECK(first.session->deposit == Msat(10'000));
    CHECK(first.session->deposits == std::vector<PaymentHash>{hash('a')});
    CHECK(world.open('a').step == Step::repeated);
    CHECK(world.open('a', "other").step == Step::deposit_used);
    CHECK(world.open('b', "c", false).step == Step::expired);
    CHECK(world.open('a', "c", false).step == Step::repeated);
    const paywall::SessionRecord known = world.known('a');
    CHECK(known.scope == "weather");
    CHECK(known.return_invoice == "lnbc1");
    CHECK(known.idle == 60s);
    CHECK(known.opened_at == t0);
    CHECK_FALSE(known.closed_at);
}

TEST_CASE("A deposit is credited once, to an open session of its scope") {
    World world;
    CHECK(world.top_up('a', 'd').step == Step::not_found);
    (void)world.open('a');
    (void)world.open('b');
    CHECK(world.top_up('a', 'd', "t", "maps").step == Step::wrong_scope);
    CHECK(world.top_up('a', 'd', "t", "weather", false).step == Step::expired);
    const paywall::SessionOutcome done = world.top_up('a', 'd');
    CHECK(done.step == Step::done);
    CHECK(done.session->deposit == Msat(15'000));
    const paywall::SessionOutcome again = world.top_up('a', 'd', "t", "weather", false);
    CHECK(again.step == Step::repeated);
    CHECK(again.at == done.at);
    CHECK(world.top_up('a', 'd', "other").step == Step::deposit_used);
    CHECK(world.top_up('b', 'd').step == Step::deposit_used);
    CHECK(world.top_up('b', 'a', "c").step == Step::deposit_used);
    CHECK(world.top_up('a', 'a', "c").step == Step::deposit_used);
    CHECK(world.open('d', "t").step == Step::deposit_used);
    CHECK(world.known('a').deposit == Msat(15'000));
    CHECK(world.known('b').deposit == Msat(10'000));
}

TEST_CASE("A session takes a hundred deposits") {
    World world;
    (void)world.open('a');
    for (int i = 1; i <= 100; ++i) {
        std::string digits = std::to_string(i);
        const PaymentHash deposit = PaymentHash::from_hex(std::string(64 - digits.size(), 'e') + digits).value();
        const paywall::SessionTopUp top_up{hash('a'), {deposit, Msat(1), "t", true}, "weather", t0};
        const auto outcome =
            world.wait<paywall::SessionOutcome>([&](auto done) { world.store->sessions().top_up(top_up, done); });
        CHECK(outcome.step == (i < 100 ? Step::done : Step::too_many_deposits));
    }
}

TEST_CASE("A session is closed once, and what is left is owed") {
    World world;
    (void)world.open('a');
    (void)world.top_up('a', 'd');
    world.spend('a', 4'000);
    const paywall::SessionOutcome done = world.close('a', 4'000);
    CHECK(done.step == Step::done);
    CHECK(done.session->spent == Msat(4'000));
    CHECK(done.session->refund == Msat(11'000));
    CHECK(done.session->refund_progress == paywall::RefundProgress::pending);
    CHECK(done.session->closed_by == "client");
    CHECK(world.close('a', 9'000).step == Step::repeated);
    CHECK(world.close('a', 9'000, "other").step == Step::closed);
    CHECK(world.close('a', 9'000, "", paywall::ClosedBy::idle).step == Step::closed);
    CHECK(world.top_up('a', 'e').step == Step::closed);
    CHECK(world.top_up('a', 'd').step == Step::repeated);
    CHECK(world.open('a').step == Step::closed);
    CHECK(world.close('b', 0).step == Step::not_found);
    const paywall::SessionRecord known = world.known('a');
    CHECK(known.refund == Msat(11'000));
    CHECK(known.closed_at == t0 + 2s);
    CHECK(known.deposits == std::vector<PaymentHash>{hash('a'), hash('d')});
}

TEST_CASE("What is owed never exceeds what is left of the deposits") {
    struct Case {
        std::uint64_t on_disk, told, spent, refund;
        paywall::RefundProgress progress;
    };
    const Case cases[] = {
        {0, 0, 0, 10'000, paywall::RefundProgress::pending},
        {4'000, 0, 4'000, 6'000, paywall::RefundProgress::pending},
        {4'000, 5'000, 5'000, 5'000, paywall::RefundProgress::pending},
        {9'000, 9'000, 9'000, 1'000, paywall::RefundProgress::pending},
        {9'001, 9'001, 9'001, 999, paywall::RefundProgress::skipped},
        {10'000, 10'000, 10'000, 0, paywall::RefundProgress::skipped},
        {10'000, 99'000, 10'000, 0, paywall::RefundProgress::skipped},
    };
    for (const Case& one : cases) {
        World world;
        (void)world.open('a');
        if (one.on_disk > 0) world.spend('a', one.on_disk);
        const paywall::SessionOutcome closed = world.close('a', one.told);
        CAPTURE(one.on_disk, one.told);
        CHECK(closed.session->spent == Msat(one.spent));
        CHECK(closed.session->refund == Msat(one.refund));
        CHECK(closed.session->refund_progress == one.progress);
    }
}

TEST_CASE("A refund that failed may succeed; one that was paid stays paid") {
    World world;
    (void)world.open('a');
    world.refund('a', {paywall::RefundProgress::succeeded, "", Msat(1)});
    CHECK(world.known('a').refund_progress == paywall::RefundProgress::none);
    (void)world.close('a', 0);
    world.refund('a', {paywall::RefundProgress::failed, "no route", Msat()});
    const paywall::SessionRecord failed = world.known('a');
    CHECK(failed.refund_progress == paywall::RefundProgress::failed);
    CHECK(failed.refund_reason == "no route");
    world.refund('a', {paywall::RefundProgress::succeeded, "", Msat(1)});
    world.refund('a', {paywall::RefundProgress::failed, "no route", Msat()});
    const paywall::SessionRecord known = world.known('a');
    CHECK(known.refund_progress == paywall::RefundProgress::succeeded);
    CHECK(known.refund_reason.empty());
}

TEST_CASE("When a session was used is noted, and never goes back") {
    World world;
    (void)world.open('a');
    world.store->sessions().touch(hash('a'), t0 + 9s);
    world.store->sessions().touch(hash('a'), t0 + 5s);
    CHECK(world.known('a').used_at == t0 + 9s);
}

}  // namespace
}  // namespace millrace::store
