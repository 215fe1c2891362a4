#include "service/store/queued_operators.hpp"

#include "tests/unit/catch.hpp"
#include "tests/unit/service/store/instant_writer.hpp"

using namespace millrace;
using namespace std::chrono_literals;

namespace {

const std::chrono::sys_seconds noon{1'800'000'000s};
const store::AuditEntry entry{noon, "write", "did", "something", ""};

PaymentHash hash(std::uint8_t number) {
    std::array<std::uint8_t, 32> bytes{};
    bytes[0] = number;
    return PaymentHash(bytes);
}

struct Desk {
    int audited() { return writer.database.execAndGet("SELECT count(*) FROM audit").getInt(); }
    // "changed", "as before" or "failed"
    std::string revoke(std::uint8_t number) {
        operators.revoke(hash(number), "leaked", entry, told());
        return said;
    }
    std::string restore(std::uint8_t number) {
        operators.restore(hash(number), entry, told());
        return said;
    }
    store::Store::RevokedDone told() {
        return [this](const Result<bool>& done) { said = !done ? "failed" : *done ? "changed" : "as before"; };
    }

    test::InstantWriter writer;
    store::FactsMap facts;
    store::QueuedOperators operators{writer.database, facts, writer.enqueue()};
    std::string said;
};

}  // namespace

TEST_CASE("a revocation is in force once it is committed, and what changes nothing is not written down") {
    Desk desk;
    CHECK(desk.restore(1) == "as before");
    CHECK(desk.operators.revocations_version() == 0);
    CHECK(desk.revoke(1) == "changed");
    CHECK(desk.facts.find(hash(1)).revoked);
    CHECK(desk.operators.revocations_version() == 1);
    CHECK(desk.revoke(1) == "as before");
    CHECK(desk.operators.revocations_version() == 1);
    CHECK(desk.audited() == 1);
    desk.writer.fails = true;
    CHECK(desk.restore(1) == "failed");
    CHECK(desk.facts.find(hash(1)).revoked);
    desk.writer.fails = false;
    CHECK(desk.restore(1) == "changed");
    CHECK_FALSE(desk.facts.find(hash(1)).revoked);
    CHECK(desk.operators.revocations_version() == 2);
    CHECK(desk.audited() == 2);
    CHECK(desk.revoke(2) == "changed");
    store::FactsMap later;
    store::QueuedOperators again(desk.writer.database, later, desk.writer.enqueue());
    CHECK(later.find(hash(2)).revoked);
    CHECK_FALSE(later.find(hash(1)).revoked);
}

TEST_CASE("a token that is given away is settled once that is committed") {
    Desk desk;
    const store::TokenGrant grant{hash(1), {}, "weather", "", {.uses = 5}, "why", noon};
    bool worked = true;
    auto told = [&worked](const Result<void>& done) { worked = done.has_value(); };
    desk.writer.fails = true;
    desk.operators.grant(grant, entry, told);
    CHECK_FALSE(worked);
    CHECK_FALSE(desk.facts.find(hash(1)).granted);
    CHECK(desk.operators.grants() == 0);
    desk.writer.fails = false;
    desk.operators.grant(grant, entry, told);
    CHECK(worked);
    CHECK(desk.facts.find(hash(1)).granted->uses == 5);
    CHECK(desk.operators.grants() == 1);
    CHECK(desk.audited() == 1);
    store::FactsMap later;
    store::QueuedOperators again(desk.writer.database, later, desk.writer.enqueue());
    CHECK(later.find(hash(1)).settled_at == noon);
    CHECK(again.grants() == 0);
}

TEST_CASE("services and audit rows are written, and services are those of the start") {
    Desk desk;
    bool worked = false;
    auto told = [&worked](const Result<void>& done) { worked = done.has_value(); };
    std::vector<config::StoredService> services{{"extra", {{"name", "extra"}}, false}};
    desk.operators.replace_services(services, entry, told);
    CHECK(worked);
    CHECK(desk.operators.services().empty());
    worked = false;
    desk.operators.audit(entry, told);
    CHECK(worked);
    CHECK(desk.audited() == 2);
    desk.writer.fails = true;
    desk.operators.audit(entry, told);
    CHECK_FALSE(worked);
    store::QueuedOperators again(desk.writer.database, desk.facts, desk.writer.enqueue());
    REQUIRE(again.services().size() == 1);
    CHECK(again.services()[0].name == "extra");
}
