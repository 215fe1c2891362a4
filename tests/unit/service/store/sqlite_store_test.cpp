#include "service/store/sqlite_store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <mutex>

#include "service/store/migrations.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;

namespace {

const std::chrono::sys_seconds noon{std::chrono::seconds(1'800'000'000)};

class Folder {
  public:
    Folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "millrace-store-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    [[nodiscard]] std::filesystem::path operator/(const char* name) const { return path_ / name; }

  private:
    std::filesystem::path path_;
};

PaymentHash hash(std::uint16_t number) {
    std::array<std::uint8_t, 32> bytes{};
    bytes[0] = static_cast<std::uint8_t>(number);
    bytes[1] = static_cast<std::uint8_t>(number >> 8U);
    return PaymentHash(bytes);
}

gateway::Settlement settlement(std::uint16_t number, std::uint64_t pay_index) {
    return {hash(number),
            "millrace-" + hash(number).hex(),
            Msat(1000),
            Msat(1001),
            noon + std::chrono::seconds(number),
            "weather",
            "L402: weather",
            pay_index};
}

Result<std::chrono::sys_seconds> use(store::Store& store, std::uint16_t number, std::chrono::sys_seconds at) {
    std::promise<Result<std::chrono::sys_seconds>> done;
    store.record_first_use({hash(number), {}}, "weather", at,
                           [&](Result<std::chrono::sys_seconds> result) { done.set_value(std::move(result)); });
    return done.get_future().get();
}

Result<bool> settle(store::Store& store, const gateway::Settlement& one, const char* node = "node") {
    std::promise<Result<bool>> done;
    store.record_settlement(node, one, [&](Result<bool> result) { done.set_value(std::move(result)); });
    return done.get_future().get();
}

Result<paywall::ChargeAdmission> charge(store::Store& store, std::uint16_t number, std::chrono::sys_seconds at,
                                        bool repeatable = true) {
    paywall::ChargeUse use{hash(number), "id", "weather", {}, repeatable, at, noon + 10min};
    std::promise<Result<paywall::ChargeAdmission>> done;
    store.use_charge(use, [&](Result<paywall::ChargeAdmission> result) { done.set_value(std::move(result)); });
    return done.get_future().get();
}

Result<void> use_up(store::Store& store, std::uint16_t number, store::UsageChange change, paywall::Usage usage) {
    std::promise<Result<void>> done;
    store.record_usage(hash(number), "weather", change, usage,
                       [&](Result<void> result) { done.set_value(std::move(result)); });
    return done.get_future().get();
}

// Counts the uses of token 1 that were answered and are on disk.
class Recorded {
  public:
    explicit Recorded(store::Store& store) {
        store.on_recorded([this](const PaymentHash& token, std::uint64_t uses) {
            std::lock_guard lock(mutex_);
            if (token == hash(1)) uses_ += uses;
            more_.notify_one();
        });
    }
    bool wait_for(std::uint64_t uses) {
        std::unique_lock lock(mutex_);
        return more_.wait_for(lock, 60s, [&] { return uses_ == uses; });
    }
    std::uint64_t uses() {
        std::lock_guard lock(mutex_);
        return uses_;
    }

  private:
    std::mutex mutex_;
    std::condition_variable more_;
    std::uint64_t uses_ = 0;
};

std::string contents(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

int pragma(const std::filesystem::path& file, const char* name) {
    SQLite::Database database(file.string(), SQLite::OPEN_READONLY);
    return database.execAndGet(std::string("PRAGMA ") + name).getInt();
}

}  // namespace

TEST_CASE("a new store has the newest schema and knows nothing") {
    Folder folder;
    auto store = store::open_sqlite(folder / "m.db").value();
    CHECK(store->facts(hash(1)) == paywall::PaymentFacts{});
    CHECK(store->resume_from("node") == 1);
    store.reset();
    CHECK(pragma(folder / "m.db", "user_version") == static_cast<int>(store::migrations().size()));
    CHECK(contents(folder / "m.db").substr(0, 15) == "SQLite format 3");
}

TEST_CASE("N8: the store knows its node, be it by name alone, by what it sold, or by what it sold last") {
    Folder folder;
    auto store = store::open_sqlite(folder / "m.db").value();
    auto reopen = [&] {
        store.reset();
        store = store::open_sqlite(folder / "m.db").value();
    };
    CHECK_FALSE(store->home_node());
    // Checks are for this thread alone.
    auto remember = [&store](const char* name) {
        auto stored = std::make_shared<std::promise<bool>>();
        store->remember_node(name, [stored](const Result<void>& done) { stored->set_value(done.has_value()); });
        return stored->get_future();
    };
    std::future<bool> stored = remember("first");
    CHECK(store->home_node() == "first");
    CHECK(stored.get());
    reopen();
    CHECK(store->home_node() == "first");
    CHECK(store->resume_from("first") == 1);
    CHECK(settle(*store, settlement(2, 7)).value());  // of "node"
    reopen();
    CHECK(store->home_node() == "node");
    CHECK(store->resume_from("node") == 8);
    // A name alone moves no cursor back.
    CHECK(remember("node").get());
    reopen();
    CHECK(store->resume_from("node") == 8);
}

TEST_CASE("migrations are numbered without a gap") {
    int expected = 1;
    for (const store::Migration& migration : store::migrations()) CHECK(migration.version == expected++);
}

TEST_CASE("what was recorded is known at once, and after the store was opened again") {
    Folder folder;
    auto store = store::open_sqlite(folder / "m.db").value();
    CHECK(use(*store, 1, noon).value() == noon);
    CHECK(use(*store, 1, noon + 5s).value() == noon);  // the first one stays
    CHECK(settle(*store, settlement(2, 7)).value());
    CHECK_FALSE(settle(*store, settlement(2, 7)).value());
    CHECK(settle(*store, settlement(1, 9)).value());
    for (int round = 0; round < 2; ++round) {
        CHECK(store->facts(hash(1)) ==
              paywall::PaymentFacts{.settled_at = noon + 1s, .first_used_at = noon, .amount = Msat(1000)});
        CHECK(store->facts(hash(2)) == paywall::PaymentFacts{.settled_at = noon + 2s, .amount = Msat(1000)});
        CHECK(store->resume_from("node") == 10);
        CHECK(store->resume_from("another") == 1);
        store.reset();
        store = store::open_sqlite(folder / "m.db").value();
    }
}

TEST_CASE("a charge is used once, also after the store was opened again") {
    using paywall::ChargeAdmission;
    Folder folder;
    auto store = store::open_sqlite(folder / "m.db").value();
    CHECK_FALSE(store->facts(hash(1)).charged);
    CHECK(charge(*store, 1, noon).value() == ChargeAdmission::first);
    CHECK(charge(*store, 2, noon, false).value() == ChargeAdmission::first);
    CHECK(charge(*store, 3, noon + 10min).value() == ChargeAdmission::expired);
    for (int round = 0; round < 2; ++round) {
        CHECK(store->facts(hash(1)).charged);
        CHECK_FALSE(store->facts(hash(3)).charged);
        CHECK(charge(*store, 1, noon + 1s).value() == ChargeAdmission::replay);
        CHECK(charge(*store, 2, noon + 1s, false).value() == ChargeAdmission::not_repeatable);
        store.reset();
        store = store::open_sqlite(folder / "m.db").value();
    }
    CHECK(charge(*store, 1, noon + 1s).value() == ChargeAdmission::replay);
    CHECK(charge(*store, 1, noon + 1s).value() == ChargeAdmission::worn_out);
}

TEST_CASE("what a payment bought is used as a token or as a charge, whichever comes first") {
    Folder folder;
    auto store = store::open_sqlite(folder / "m.db").value();
    use(*store, 1, noon).value();
    CHECK(charge(*store, 1, noon).value() == paywall::ChargeAdmission::token_used);
    CHECK_FALSE(store->facts(hash(1)).charged);
}

TEST_CASE("M17: a use of a charge that came to nothing is taken back, also on disk") {
    Folder folder;
    auto release = [](store::Store& store, std::uint16_t number) {
        std::promise<Result<void>> done;
        store.release_charge(hash(number), [&](const Result<void>& result) { done.set_value(result); });
        return done.get_future().get();
    };
    {
        auto store = store::open_sqlite(folder / "m.db").value();
        CHECK(charge(*store, 1, noon, false).value() == paywall::ChargeAdmission::first);
        CHECK(charge(*store, 1, noon, false).value() == paywall::ChargeAdmission::not_repeatable);
        REQUIRE(release(*store, 1));
        CHECK_FALSE(store->facts(hash(1)).charged);
        CHECK(charge(*store, 1, noon, false).value() == paywall::ChargeAdmission::first);
        CHECK(store->facts(hash(1)).charged);
        REQUIRE(release(*store, 1));
        // One of two that stand: the other one was acted upon.
        CHECK(charge(*store, 2, noon).value() == paywall::ChargeAdmission::first);
        CHECK(charge(*store, 2, noon).value() == paywall::ChargeAdmission::replay);
        REQUIRE(release(*store, 2));
        CHECK(store->facts(hash(2)).charged);
        CHECK(charge(*store, 2, noon, false).value() == paywall::ChargeAdmission::not_repeatable);
        REQUIRE(release(*store, 9));  // never used
        CHECK(charge(*store, 3, noon, false).value() ==
              paywall::ChargeAdmission::first);  // under way when the process ends
    }
    auto store = store::open_sqlite(folder / "m.db").value();
    CHECK_FALSE(store->facts(hash(1)).charged);
    CHECK(store->facts(hash(2)).charged);
    CHECK(store->facts(hash(3)).charged);
    CHECK(charge(*store, 3, noon, false).value() == paywall::ChargeAdmission::not_repeatable);
    // What is released may be used as a token, and then as a charge no more.
    use(*store, 1, noon).value();
    CHECK(charge(*store, 1, noon).value() == paywall::ChargeAdmission::token_used);
}

TEST_CASE("of many uses of a charge at once one is the first") {
    Folder folder;
    auto store = store::open_sqlite(folder / "m.db").value();
    constexpr int count = 500;
    std::mutex mutex;
    std::condition_variable all;
    int first = 0;
    int refused = 0;
    for (int i = 0; i < count; ++i) {
        paywall::ChargeUse use{hash(1), "id", "weather", {}, false, noon, noon + 10min};
        store->use_charge(use, [&](const Result<paywall::ChargeAdmission>& result) {
            std::lock_guard lock(mutex);
            ++(result.value() == paywall::ChargeAdmission::first ? first : refused);
            all.notify_one();
        });
    }
    std::unique_lock lock(mutex);
    REQUIRE(all.wait_for(lock, 60s, [&] { return first + refused == count; }));
    CHECK(first == 1);
    CHECK(store->figures().commits < count / 4);
}

TEST_CASE("M4: a payment that was used as a charge is never good as a token, however long ago that was") {
    Folder folder;
    auto store = store::open_sqlite(folder / "m.db").value();
    charge(*store, 1, noon).value();
    charge(*store, 2, noon + 24h * 365).value();  // too late: leaves no record
    charge(*store, 3, noon + 9min).value();
    store.reset();
    store = store::open_sqlite(folder / "m.db").value();
    CHECK(store->facts(hash(1)).charged);
    CHECK_FALSE(store->facts(hash(2)).charged);
    CHECK(store->facts(hash(3)).charged);
}

TEST_CASE("a store of the first version is brought up to date") {
    Folder folder;
    {
        SQLite::Database database((folder / "m.db").string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        database.exec("PRAGMA application_id = 1298754668");
        database.exec(std::string(store::migrations()[0].sql));
        database.exec("PRAGMA user_version = 1");
        database.exec("INSERT INTO first_uses VALUES (zeroblob(32), 'weather', 1800000000)");
    }
    auto store = store::open_sqlite(folder / "m.db").value();
    CHECK(store->facts(hash(0)).first_used_at == noon);
    CHECK(charge(*store, 1, noon).value() == paywall::ChargeAdmission::first);
}

TEST_CASE("what tokens have used adds up, and is there when the store is opened again") {
    using enum store::UsageChange;
    Folder folder;
    auto store = store::open_sqlite(folder / "m.db").value();
    CHECK(store->take_usages().empty());
    CHECK(use_up(*store, 1, used, {1, 1000, 0}));
    CHECK(use_up(*store, 2, used, {0, 0, 70}));
    CHECK(use_up(*store, 1, used, {1, 0, 5}));
    CHECK(use_up(*store, 1, given_back, {0, 400, 0}));
    for (int round = 0; round < 2; ++round) {
        store.reset();
        store = store::open_sqlite(folder / "m.db").value();
        auto usages = store->take_usages();
        REQUIRE(usages.size() == 2);
        if (usages[0].hash != hash(1)) std::swap(usages[0], usages[1]);
        CHECK(usages[0].used == paywall::Usage{2, 600, 5});
        CHECK(usages[1].used == paywall::Usage{0, 0, 70});
        CHECK(store->take_usages().empty());
    }
}

TEST_CASE("uses that were answered are on disk soon, at once where there is hurry, and are told then") {
    Folder folder;
    auto store = store::open_sqlite(folder / "m.db").value();
    Recorded recorded(*store);
    for (const std::uint64_t all : {3, 6}) {
        store->record_answered(hash(1), "weather", 3, all == 6);
        REQUIRE(recorded.wait_for(all));
    }
    CHECK(store->figures().answered == 6);
    CHECK(store->figures().ahead == 0);
    // Whoever waits takes those along that nobody waits for.
    store->record_answered(hash(1), "weather", 1, false);
    CHECK(use_up(*store, 1, store::UsageChange::used, {1, 0, 0}));
    CHECK(recorded.uses() == 7);
    store.reset();
    store = store::open_sqlite(folder / "m.db").value();
    auto usages = store->take_usages();
    REQUIRE(usages.size() == 1);
    CHECK(usages[0].used == paywall::Usage{8, 0, 0});
}

TEST_CASE("uses that were answered and cannot be written are written when they can be, also at the end") {
    Folder folder;
    auto store = store::open_sqlite(folder / "m.db").value();
    auto block = [&folder] {
        auto blocker = std::make_unique<SQLite::Database>((folder / "m.db").string(), SQLite::OPEN_READWRITE);
        blocker->exec("BEGIN IMMEDIATE");
        return blocker;
    };
    Recorded recorded(*store);
    auto blocker = block();
    store->record_answered(hash(1), "weather", 2, false);
    CHECK_FALSE(use_up(*store, 1, store::UsageChange::used, {1, 0, 0}));
    CHECK_FALSE(store->writable());
    CHECK(recorded.uses() == 0);
    CHECK(store->figures().ahead == 2);
    blocker.reset();
    REQUIRE(recorded.wait_for(2));
    CHECK(store->figures().ahead == 0);

    blocker = block();
    store->record_answered(hash(1), "weather", 1, false);
    CHECK_FALSE(use_up(*store, 1, store::UsageChange::used, {1, 0, 0}));
    auto end = std::async(std::launch::async, [&store] { store.reset(); });
    CHECK(end.wait_for(50ms) == std::future_status::timeout);
    blocker.reset();
    end.get();
    CHECK(recorded.uses() == 3);
    store = store::open_sqlite(folder / "m.db").value();
    auto usages = store->take_usages();
    REQUIRE(usages.size() == 1);
    CHECK(usages[0].used == paywall::Usage{3, 0, 0});
}

TEST_CASE("a cursor never goes back") {
    Folder folder;
    auto store = store::open_sqlite(folder / "m.db").value();
    settle(*store, settlement(1, 9)).value();
    settle(*store, settlement(2, 4)).value();
    CHECK(store->resume_from("node") == 10);
}

TEST_CASE("what piles up during a commit is committed together") {
    Folder folder;
    auto store = store::open_sqlite(folder / "m.db").value();
    constexpr std::uint16_t count = 2000;
    std::mutex mutex;
    std::condition_variable all;
    std::uint16_t done = 0;
    for (std::uint16_t i = 0; i < count; ++i) {
        store->record_first_use({hash(i), {}}, "weather", noon, [&](const Result<std::chrono::sys_seconds>& result) {
            std::lock_guard lock(mutex);
            done = static_cast<std::uint16_t>(done + (result ? 1 : 0));
            all.notify_one();
        });
    }
    std::unique_lock lock(mutex);
    REQUIRE(all.wait_for(lock, 60s, [&] { return done == count; }));
    auto figures = store->figures();
    CHECK(figures.writes == count);
    CHECK(figures.first_uses == count);
    CHECK(figures.commits < count / 4);
    CHECK(figures.failures == 0);
}

TEST_CASE("a store of a newer version is refused and not touched") {
    Folder folder;
    store::open_sqlite(folder / "m.db").value().reset();
    {
        SQLite::Database database((folder / "m.db").string(), SQLite::OPEN_READWRITE);
        database.exec("PRAGMA user_version = 99");
    }
    std::string before = contents(folder / "m.db");
    auto refused = store::open_sqlite(folder / "m.db");
    REQUIRE_FALSE(refused);
    CHECK(is(refused.error(), store::Errc::newer));
    CHECK(refused.error().message.find("has schema 99") != std::string::npos);
    CHECK(contents(folder / "m.db") == before);
}

TEST_CASE("another program's database, or none at all, is refused and not touched") {
    Folder folder;
    {
        SQLite::Database database((folder / "other.db").string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        database.exec("CREATE TABLE precious (x)");
    }
    std::ofstream(folder / "text.db") << std::string(4096, 'x');
    for (const char* name : {"other.db", "text.db"}) {
        std::string before = contents(folder / name);
        CHECK_FALSE(store::open_sqlite(folder / name));
        CHECK(contents(folder / name) == before);
    }
    CHECK(is(store::open_sqlite(folder / "other.db").error(), store::Errc::foreign));
    CHECK(is(store::open_sqlite(folder / "text.db").error(), store::Errc::cannot_open));
    CHECK(is(store::open_sqlite("/nonexistent/m.db").error(), store::Errc::cannot_open));
}

TEST_CASE("a store is open in one place at a time") {
    Folder folder;
    auto store = store::open_sqlite(folder / "m.db").value();
    auto second = store::open_sqlite(folder / "m.db");
    REQUIRE_FALSE(second);
    CHECK(is(second.error(), store::Errc::in_use));
    store.reset();
    CHECK(store::open_sqlite(folder / "m.db"));
}

TEST_CASE("what was told to be recorded is there after a crash") {
    Folder folder;
    auto store = store::open_sqlite(folder / "m.db").value();
    use(*store, 1, noon).value();
    settle(*store, settlement(2, 7)).value();
    // As after kill -9: database and log as they are on disk now, without the close that would tidy them up.
    for (const char* suffix : {"m.db", "m.db-wal"}) {
        std::string copy = std::string("crashed") + (suffix + 1);
        std::filesystem::copy_file(folder / suffix, folder / copy.c_str());
    }
    auto crashed = store::open_sqlite(folder / "crashed.db").value();
    CHECK(crashed->facts(hash(1)).first_used_at == noon);
    CHECK(crashed->facts(hash(2)).settled_at == noon + 2s);
    CHECK(crashed->resume_from("node") == 8);
}

TEST_CASE("a settlement that cannot be stored stops its subscription, so that none is lost") {
    Folder folder;
    auto store = store::open_sqlite(folder / "m.db").value();
    CHECK(store->resume_from("node") == 1);
    CHECK(settle(*store, settlement(1, 1)));
    // Another connection takes the write lock for longer than the store waits.
    auto blocker = std::make_unique<SQLite::Database>((folder / "m.db").string(), SQLite::OPEN_READWRITE);
    blocker->exec("BEGIN IMMEDIATE");
    auto failed = settle(*store, settlement(2, 2));
    REQUIRE_FALSE(failed);
    CHECK(is(failed.error(), store::Errc::write_failed));
    blocker.reset();
    CHECK_FALSE(settle(*store, settlement(3, 3)));  // of the same subscription: the cursor must not pass 2
    CHECK(store->facts(hash(3)) == paywall::PaymentFacts{});
    CHECK(use(*store, 5, noon));  // other facts are not held up
    CHECK(store->resume_from("node") == 2);
    CHECK(settle(*store, settlement(2, 2)).value());
    CHECK(settle(*store, settlement(3, 3)).value());
    CHECK(store->resume_from("node") == 4);
    CHECK(store->figures().failures == 1);
}
