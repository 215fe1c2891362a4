#include "service/store/free_use_table.hpp"

#include "service/store/migrations.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;

namespace {

const std::chrono::sys_seconds noon{1'800'000'000s};

class Database {
  public:
    Database() : database(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE) {
        for (const store::Migration& migration : store::migrations()) database.exec(std::string(migration.sql));
    }
    SQLite::Database database;
};

paywall::PrefixTag tag(std::uint16_t number) {
    std::array<std::uint8_t, 16> bytes{};
    bytes[0] = static_cast<std::uint8_t>(number);
    bytes[1] = static_cast<std::uint8_t>(number >> 8U);
    return paywall::PrefixTag(bytes);
}

paywall::FreeUses uses(std::uint16_t who, std::chrono::seconds at, std::uint64_t used) {
    return {"weather", tag(who), noon + at, noon + at + 1h, used};
}

}  // namespace

TEST_CASE("the key of prefixes is drawn once") {
    Database house;
    store::FreeUseTable first(house.database);
    store::FreeUseTable second(house.database);
    CHECK(first.key().equals(second.key()));
    CHECK_FALSE(first.key().equals(SecretKey{}));
    Database another;
    CHECK_FALSE(first.key().equals(store::FreeUseTable(another.database).key()));
}

TEST_CASE("uses of one window add up, and those of another take the row over") {
    struct {
        const char* name;
        paywall::FreeUses second;
        std::uint64_t used;
        std::chrono::seconds start;
    } const cases[] = {
        {"the same window", uses(1, 0s, 2), 5, 0s},
        {"the next window", uses(1, 1h, 2), 2, 1h},
        {"one that came late, of an earlier window", uses(1, -30min, 2), 3, 0s},
        {"the clock was ahead by more than a window", uses(1, -2h, 2), 2, -2h},
    };
    for (const auto& c : cases) {
        INFO(c.name);
        Database house;
        store::FreeUseTable table(house.database);
        table.add(uses(1, 0s, 3));
        table.add(c.second);
        const auto rows = table.load();
        REQUIRE(rows.size() == 1);
        CHECK(rows[0].service == "weather");
        CHECK(rows[0].prefix == tag(1));
        CHECK(rows[0].used == c.used);
        CHECK(rows[0].started_at == noon + c.start);
        CHECK(rows[0].ends_at == noon + c.start + 1h);
    }
}

TEST_CASE("rows go when their window is over, so that there are never many more than are in use") {
    Database house;
    store::FreeUseTable table(house.database);
    for (std::uint16_t i = 0; i < 100; ++i) table.add(uses(i, 0s, 1));
    CHECK(table.load().size() == 100);
    for (std::uint16_t i = 0; i < 60; ++i) table.add(uses(static_cast<std::uint16_t>(1000 + i), 1h, 1));
    const auto rows = table.load();
    CHECK(rows.size() == 60);
    for (const paywall::FreeUses& row : rows) CHECK(row.started_at == noon + 1h);
}
