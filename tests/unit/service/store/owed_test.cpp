#include "service/store/owed.hpp"

#include "service/store/migrations.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;
using store::UsageChange;

namespace {

PaymentHash hash(std::uint8_t number) {
    std::array<std::uint8_t, 32> bytes{};
    bytes[0] = number;
    return PaymentHash(bytes);
}

}  // namespace

TEST_CASE("what could not be written is, as often as it is tried, until it is committed") {
    SQLite::Database database(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    for (const store::Migration& migration : store::migrations()) database.exec(std::string(migration.sql));
    store::UsageTable usage(database);
    auto write = [&](const store::Owed& owed, bool commits) {
        SQLite::Transaction transaction(database);
        usage.begin_group();
        owed.add_to(usage);
        usage.write_group();
        if (commits) transaction.commit();
    };
    usage.add(hash(1), "weather", UsageChange::used, {0, 1000, 0});
    usage.write_group();

    store::Owed owed;
    CHECK(owed.none());
    owed.add(store::AnsweredWrite{hash(1), "weather", 2});
    owed.add(store::AnsweredWrite{hash(1), "weather", 1});
    owed.add(store::UsageWrite{hash(1), "weather", UsageChange::given_back, {0, 300, 0}, {}});
    owed.add(store::UsageWrite{hash(1), "weather", UsageChange::given_back, {0, 100, 0}, {}});
    owed.add_release(hash(7));
    CHECK_FALSE(owed.none());
    CHECK(owed.releases() == std::vector{hash(7)});
    CHECK(owed.text() ==
          "3 uses that were answered, and what is to be given back to 1 tokens and 1 charges, could not "
          "be written");
    write(owed, false);
    write(owed, true);
    CHECK(owed.take_uses().size() == 2);
    CHECK(owed.none());
    write(owed, true);
    const auto rows = usage.load();
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].used == paywall::Usage{3, 600, 0});
}

TEST_CASE("whatever is owed, something is") {
    store::Owed owed;
    owed.add(store::AnsweredWrite{hash(1), "weather", 1});
    CHECK_FALSE(owed.none());
    CHECK(owed.take_uses().size() == 1);
    owed.add(store::UsageWrite{hash(1), "weather", UsageChange::given_back, {0, 300, 0}, {}});
    CHECK_FALSE(owed.none());
    CHECK(owed.take_uses().empty());
    owed.add_release(hash(7));
    CHECK_FALSE(owed.none());
}
