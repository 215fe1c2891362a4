#include "service/store/usage_table.hpp"

#include <map>
#include <set>

#include "service/store/migrations.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;

namespace {

const std::chrono::sys_seconds noon{1'800'000'000s};

PaymentHash hash(std::uint16_t number) {
    std::array<std::uint8_t, 32> bytes{};
    bytes[0] = static_cast<std::uint8_t>(number >> 8U);
    bytes[1] = static_cast<std::uint8_t>(number);
    return PaymentHash(bytes);
}

class Database {
  public:
    Database() : database(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE) {
        for (const store::Migration& migration : store::migrations()) database.exec(std::string(migration.sql));
    }
    void settled(std::uint16_t number, std::chrono::sys_seconds at) {
        SQLite::Statement insert(database, "INSERT INTO settlements VALUES (NULL, ?, 'n', 1, 'l', 's', '', 1, 1, ?)");
        insert.bind(1, hash(number).view().data(), 32);
        insert.bind(2, static_cast<std::int64_t>(at.time_since_epoch().count()));
        insert.exec();
    }
    void first_used(std::uint16_t number, std::chrono::sys_seconds at) {
        SQLite::Statement insert(database, "INSERT INTO first_uses VALUES (?, 's', ?, NULL)");
        insert.bind(1, hash(number).view().data(), 32);
        insert.bind(2, static_cast<std::int64_t>(at.time_since_epoch().count()));
        insert.exec();
    }
    void granted(std::uint16_t number) {
        SQLite::Statement insert(database, "INSERT INTO grants VALUES (?, ?, 's', '', 9, 'why', 1, NULL)");
        insert.bind(1, hash(number).view().data(), 32);
        insert.bind(2, hash(number).view().data(), 32);
        insert.exec();
    }
    void session(std::uint16_t number, bool open) {
        SQLite::Statement insert(
            database,
            "INSERT INTO sessions (id, scope, service, deposit_msat, return_invoice, idle_seconds, "
            "opened_at, used_at, closed_at) VALUES (?, 's', 's', 1, 'l', 1, 1, 1, ?)");
        insert.bind(1, hash(number).view().data(), 32);
        if (!open) insert.bind(2, 1);
        insert.exec();
    }
    SQLite::Database database;
};

// What "hour" sells ended before noon.
const paywall::SoldTimes sold{{"hour", 1h}, {"endless", std::nullopt}};
const std::chrono::sys_seconds now = noon + 2h + 24h * 30;

std::set<PaymentHash> left(store::UsageTable& table) {
    std::set<PaymentHash> out;
    for (const store::TokenUsage& one : table.load()) out.insert(one.hash);
    return out;
}

}  // namespace

TEST_CASE("only what ended long ago is removed, by the clock of its token") {
    Database house;
    store::UsageTable table(house.database);
    auto use = [&](std::uint16_t number, const char* service) {
        table.add(hash(number), service, store::UsageChange::used, {1, 2, 3});
        table.write_group();
    };
    use(1, "hour");  // settled before
    house.settled(1, noon - 1s);
    use(2, "hour");  // settled after, though used before: the settlement counts
    house.settled(2, noon);
    house.first_used(2, noon - 10s);
    use(3, "hour");  // used before, no settlement known
    house.first_used(3, noon - 1s);
    use(4, "hour");  // nothing known
    use(5, "endless");
    house.settled(5, noon - 1s);
    for (const bool open : {true, false}) {  // what an open session has spent is not forgotten
        const std::uint16_t number = open ? 6 : 7;
        use(number, "hour");
        house.settled(number, noon - 1s);
        house.session(number, open);
    }
    use(8, "hour");  // given away, for a time of its own
    house.first_used(8, noon - 1s);
    house.granted(8);
    const auto pruned = table.prune(sold, now, 100);
    CHECK(std::set<PaymentHash>(pruned.begin(), pruned.end()) == std::set<PaymentHash>{hash(1), hash(3), hash(7)});
    CHECK(left(table) == std::set<PaymentHash>{hash(2), hash(4), hash(5), hash(6), hash(8)});
    CHECK(table.prune(sold, now, 100).empty());
    CHECK(table.ended_before() == store::EndedBefore{{"hour", noon}});
}

TEST_CASE("M4: the longest time that tokens were ever sold for counts, not the one of today") {
    Database house;
    auto prune = [&](paywall::SoldTimes sold, std::chrono::sys_seconds at) {
        return store::UsageTable(house.database).prune(sold, at, 100).size();  // also after a restart
    };
    store::UsageTable table(house.database);
    auto use = [&](std::uint16_t number, const char* service) {
        table.add(hash(number), service, store::UsageChange::used, {1, 2, 3});
        table.write_group();
        house.settled(number, noon);
    };
    use(1, "shortened");
    use(2, "was-endless");
    use(3, "lengthened");
    use(4, "not-sold");
    const std::chrono::sys_seconds later = noon + 24h * 100;
    CHECK(prune({{"shortened", 24h * 365}, {"was-endless", std::nullopt}, {"lengthened", 1h}}, noon + 1h) == 0);
    CHECK(prune({{"shortened", 1h}, {"was-endless", 1h}, {"lengthened", 24h * 365}}, later) == 0);
    CHECK(prune({{"shortened", 1h}, {"was-endless", 1h}, {"lengthened", 1h}}, later) == 0);
    CHECK(table.ended_before().empty());
    CHECK(prune({{"shortened", 1h}}, noon + 24h * (2 * 365 + 30)) == 0);
    CHECK(prune({{"shortened", 1h}}, noon + 24h * (2 * 365 + 30) + 1s) == 1);
    CHECK(table.ended_before() == store::EndedBefore{{"shortened", noon + 1s}});
    // What goes is ended for good, and that never moves back.
    use(5, "shortened");
    CHECK(prune({{"shortened", std::nullopt}}, noon + 24h * 5000) == 0);
    CHECK(table.ended_before() == store::EndedBefore{{"shortened", noon + 1s}});
}

TEST_CASE("a call looks at so many rows, the next one at others") {
    Database house;
    store::UsageTable table(house.database);
    for (std::uint16_t i = 0; i < 25; ++i) {
        table.add(hash(i), i % 2 == 0 ? "hour" : "endless", store::UsageChange::used, {1, 0, 0});
        table.write_group();
        house.settled(i, noon - 1s);
    }
    CHECK(table.prune(sold, now, 10).size() == 5);
    CHECK(table.prune(sold, now, 10).size() == 5);
    CHECK(table.prune(sold, now, 10).size() == 3);
    CHECK(left(table).size() == 12);
    // From the beginning again.
    table.add(hash(0), "hour", store::UsageChange::used, {1, 0, 0});
    table.write_group();
    CHECK(table.prune(sold, now, 10).size() == 1);
}

TEST_CASE("what a group of changes comes to is written in one row of each token") {
    Database house;
    store::UsageTable table(house.database);
    table.begin_group();
    for (int i = 0; i < 100; ++i) table.add(hash(1), "hour", store::UsageChange::used, {1, 10, 100});
    table.add(hash(2), "hour", store::UsageChange::used, {1, 0, 0});
    table.add(hash(1), "hour", store::UsageChange::given_back, {0, 400, 50});
    const int before = house.database.getTotalChanges();
    table.write_group();
    CHECK(house.database.getTotalChanges() - before == 2);
    table.write_group();  // once
    std::map<PaymentHash, paywall::Usage> rows;
    for (const store::TokenUsage& row : table.load()) rows[row.hash] = row.used;
    CHECK(rows[hash(1)] == paywall::Usage{100, 600, 9950});
    CHECK(rows[hash(2)] == paywall::Usage{1, 0, 0});
    // A group that came to nothing leaves nothing behind for the next one.
    table.add(hash(3), "hour", store::UsageChange::used, {1, 0, 0});
    table.begin_group();
    table.write_group();
    CHECK(table.load().size() == 2);
}
