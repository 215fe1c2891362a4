#include "service/store/reader.hpp"

#include <stdlib.h>

#include <future>

#include "service/store/sqlite_store.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::store;

namespace {

const Seconds noon{std::chrono::seconds(1'800'000'000)};

// A store in a folder of its own, and a reader of it.
class House {
  public:
    House() {
        std::string pattern = (std::filesystem::temp_directory_path() / "millrace-reader-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
        open();
    }
    ~House() {
        reader = nullptr;
        store = nullptr;
        std::filesystem::remove_all(path_);
    }
    void open() {
        reader = nullptr;
        store = nullptr;
        store = open_sqlite(path_ / "m.db").value();
        reader = Reader::open(path_ / "m.db").value();
    }

    std::unique_ptr<Store> store;
    std::unique_ptr<Reader> reader;

  private:
    std::filesystem::path path_;
};

PaymentHash hash(std::uint8_t number) {
    std::array<std::uint8_t, 32> bytes{};
    bytes[0] = number;
    return PaymentHash(bytes);
}

// Waits for what a write answers.
template <class T, class Start>
T finished(Start start) {
    std::promise<T> done;
    start([&](T result) { done.set_value(std::move(result)); });
    return done.get_future().get();
}

AuditEntry entry(const char* action) {
    return {noon, "write", action, "subject", "detail"};
}

}  // namespace

TEST_CASE("a revocation and its row in the audit table are there together, once, and outlive the process") {
    House house;
    auto revoke = [&](const char* reason) {
        return finished<Result<bool>>(
                   [&](auto done) { house.store->revoke(hash(1), reason, entry("revoke"), std::move(done)); })
            .value();
    };
    auto restore = [&] {
        return finished<Result<bool>>(
                   [&](auto done) { house.store->restore(hash(1), entry("restore"), std::move(done)); })
            .value();
    };
    std::uint64_t before = house.store->revocations_version();
    CHECK(house.reader->token(hash(1))->unknown());
    CHECK(revoke("leaked"));
    CHECK(house.store->facts(hash(1)).revoked);
    CHECK_FALSE(house.store->facts(hash(2)).revoked);
    CHECK(house.store->revocations_version() == before + 1);
    CHECK_FALSE(revoke("again"));
    CHECK(house.store->revocations_version() == before + 1);
    CHECK(house.reader->token(hash(1))->revocation->reason == "leaked");
    house.open();
    CHECK(house.store->facts(hash(1)).revoked);
    CHECK(restore());
    CHECK_FALSE(restore());
    CHECK_FALSE(house.store->facts(hash(1)).revoked);
    auto rows = house.reader->audit(std::nullopt, 10)->rows;
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].entry.action == "restore");
    CHECK(rows[1].entry.action == "revoke");
    CHECK(rows[1].entry.at == noon);
}

TEST_CASE("pages end where there is no more") {
    House house;
    for (const char* action : {"a", "b", "c"})
        REQUIRE(finished<Result<void>>([&](auto done) { house.store->record_audit(entry(action), std::move(done)); }));
    auto first = house.reader->audit(std::nullopt, 2).value();
    CHECK(first.rows.size() == 2);
    REQUIRE(first.next);
    auto second = house.reader->audit(first.next, 2).value();
    REQUIRE(second.rows.size() == 1);
    CHECK(second.rows[0].entry.action == "a");
    CHECK_FALSE(second.next);
    CHECK_FALSE(house.reader->audit(std::nullopt, 3)->next);
}

TEST_CASE("hours and days begin where UTC has them begin") {
    House house;
    std::uint64_t index = 0;
    auto settle = [&](std::int64_t at, const char* service) {
        ++index;
        gateway::Settlement one{hash(static_cast<std::uint8_t>(index)), "l",     Msat(10), Msat(11),
                                Seconds(std::chrono::seconds(at)),      service, "d",      index};
        REQUIRE(finished<Result<bool>>([&](auto done) { house.store->record_settlement("n", one, std::move(done)); }));
    };
    settle(86399, "a");
    settle(86400, "a");
    settle(86400 + 3599, "a");
    settle(86400 + 3600, "b");
    auto days = house.reader->stats({}).value();
    REQUIRE(days.size() == 3);
    CHECK(days[0].start.time_since_epoch().count() == 0);
    CHECK(days[1].start.time_since_epoch().count() == 86400);
    CHECK(days[1].count == 2);
    CHECK(days[1].received == Msat(22));
    CHECK(days[2].service == "b");
    auto hours = house.reader->stats({.period = Period::hour, .service = "a"}).value();
    REQUIRE(hours.size() == 2);
    CHECK(hours[0].start.time_since_epoch().count() == 86400 - 3600);
    CHECK(house.reader
              ->settlements(
                  {.since = Seconds(std::chrono::seconds(86400)), .until = Seconds(std::chrono::seconds(90000))})
              ->rows.size() == 2);
}

TEST_CASE("a token that was given away is settled from then on, with its own terms, and outlives the process") {
    House house;
    TokenGrant grant{hash(1), TokenId(hash(2).array()), "weather", "big", {noon + std::chrono::hours(1), 5}, "why",
                     noon};
    REQUIRE(finished<Result<void>>([&](auto done) { house.store->grant(grant, entry("grant"), std::move(done)); }));
    for (int round = 0; round < 2; ++round) {
        paywall::PaymentFacts facts = house.store->facts(hash(1));
        CHECK(facts.settled_at == noon);
        REQUIRE(facts.granted);
        CHECK(*facts.granted == grant.terms);
        CHECK_FALSE(house.store->facts(hash(2)).granted);
        auto found = house.reader->token(hash(1)).value();
        REQUIRE(found.grant);
        CHECK(found.grant->reason == "why");
        CHECK(found.grant->route == "big");
        CHECK(found.grant->terms == grant.terms);
        CHECK(house.reader->find_token(grant.token_id).value() == hash(1));
        CHECK_FALSE(house.reader->find_token(TokenId(hash(1).array())).value());
        auto stats = house.reader->stats({}).value();
        REQUIRE(stats.size() == 1);
        CHECK(stats[0].grants == 1);
        CHECK(stats[0].count == 0);
        CHECK(stats[0].received == Msat(0));
        CHECK(house.reader->audit(std::nullopt, 10)->rows.size() == 1);
        house.open();
    }
    // Twice the same is an error, and leaves no row in the audit table.
    CHECK_FALSE(finished<Result<void>>([&](auto done) { house.store->grant(grant, entry("grant"), std::move(done)); }));
    CHECK(house.reader->audit(std::nullopt, 10)->rows.size() == 1);
}

TEST_CASE("tokens are listed by their first use, page after page, those of one second too") {
    House house;
    for (std::uint8_t i = 1; i <= 7; ++i) {
        REQUIRE(finished<Result<std::chrono::sys_seconds>>([&](auto done) {
            house.store->record_first_use({hash(i), TokenId(hash(i).array())}, i == 7 ? "b" : "a",
                                          noon + std::chrono::seconds(i / 3), std::move(done));
        }));
    }
    std::vector<PaymentHash> seen;
    TokenFilter filter{.limit = 2};
    for (;;) {
        auto page = house.reader->tokens(filter).value();
        for (const TokenRow& row : page.rows) seen.push_back(row.hash);
        if (!page.next) break;
        filter.before = TokenCursor::parse(page.next->text());
        REQUIRE(filter.before);
    }
    CHECK(seen == std::vector<PaymentHash>{hash(7), hash(6), hash(5), hash(4), hash(3), hash(2), hash(1)});
    CHECK(house.reader->tokens({.service = "b"})->rows.size() == 1);
    CHECK_FALSE(TokenCursor::parse(""));
    CHECK_FALSE(TokenCursor::parse("5-00"));
}

TEST_CASE("stored services are there as they were put, with the row in the audit table") {
    House house;
    std::vector<config::StoredService> services{{"a", {{"name", "a"}}, true, noon, noon},
                                                {"b", {{"name", "b"}, {"price_msat", 5}}, false, noon, noon}};
    auto put = [&] {
        return finished<Result<void>>(
            [&](auto done) { house.store->replace_services(services, entry("service added"), std::move(done)); });
    };
    REQUIRE(put());
    for (int round = 0; round < 2; ++round) {
        auto stored = house.reader->services().value();
        REQUIRE(stored.size() == 2);
        CHECK(stored[0].in_front);
        CHECK(stored[1].name == "b");
        CHECK(stored[1].definition == services[1].definition);
        CHECK(stored[1].updated_at == noon);
        house.open();
        CHECK(house.store->services().size() == 2);
    }
    services.pop_back();
    REQUIRE(put());
    CHECK(house.reader->services()->size() == 1);
    CHECK(house.reader->audit(std::nullopt, 10)->rows.size() == 2);
}
