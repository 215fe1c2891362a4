#include "service/store/queued_settlements.hpp"

#include "tests/unit/catch.hpp"
#include "tests/unit/service/store/instant_writer.hpp"

using namespace millrace;
using namespace std::chrono_literals;

namespace {

const std::chrono::sys_seconds noon{1'800'000'000s};

PaymentHash hash(std::uint8_t number) {
    std::array<std::uint8_t, 32> bytes{};
    bytes[0] = number;
    return PaymentHash(bytes);
}

// What became of the settlement with this number: new, known or why not.
std::string record(store::QueuedSettlements& settlements, std::uint8_t number) {
    gateway::Settlement one{hash(number), "l", Msat(1000), Msat(1000), noon, "weather", "d", number};
    std::string out = "nobody was told";
    settlements.record("node", one, [&out](const Result<bool>& done) {
        out = !done ? done.error().message : *done ? "new" : "known";
    });
    return out;
}

}  // namespace

TEST_CASE("a settlement is known once it is committed, and the next subscription begins behind it") {
    test::InstantWriter writer;
    store::FactsMap facts;
    store::QueuedSettlements settlements(writer.database, facts, writer.enqueue());
    CHECK(settlements.resume_from("node") == 1);
    CHECK(record(settlements, 4) == "new");
    CHECK(record(settlements, 4) == "known");
    CHECK(record(settlements, 2) == "new");
    CHECK(facts.find(hash(4)).settled_at == noon);
    CHECK(settlements.resume_from("node") == 5);
    CHECK(settlements.resume_from("another") == 1);
    // As the next process finds it.
    store::FactsMap later;
    store::QueuedSettlements again(writer.database, later, writer.enqueue());
    CHECK(later.find(hash(2)).settled_at == noon);
    CHECK(again.resume_from("node") == 5);
    CHECK(again.home_node() == "node");
}

TEST_CASE(
    "behind a settlement that could not be stored no other one of its subscription is, and the next begins with it") {
    test::InstantWriter writer;
    store::FactsMap facts;
    store::QueuedSettlements settlements(writer.database, facts, writer.enqueue());
    (void)settlements.resume_from("node");
    CHECK(record(settlements, 1) == "new");
    writer.fails = true;
    CHECK(record(settlements, 2).find("on purpose") != std::string::npos);
    writer.fails = false;
    CHECK(record(settlements, 3).find("an earlier settlement could not be stored") != std::string::npos);
    CHECK(facts.find(hash(2)) == paywall::PaymentFacts{});
    CHECK(facts.find(hash(3)) == paywall::PaymentFacts{});
    CHECK(settlements.resume_from("node") == 2);
    CHECK(record(settlements, 2) == "new");
    CHECK(record(settlements, 3) == "new");
    CHECK(settlements.resume_from("node") == 4);
}

TEST_CASE("the home node is the one that was remembered last") {
    test::InstantWriter writer;
    store::FactsMap facts;
    store::QueuedSettlements settlements(writer.database, facts, writer.enqueue());
    CHECK_FALSE(settlements.home_node());
    bool told = false;
    settlements.remember_node("a", [&told](const Result<void>& done) { told = done.has_value(); });
    CHECK(told);
    CHECK(settlements.home_node() == "a");
    store::QueuedSettlements again(writer.database, facts, writer.enqueue());
    CHECK(again.home_node() == "a");
}
