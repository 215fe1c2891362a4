#include "service/admit/work.hpp"

#include "common/codec/base64.hpp"
#include "common/l402/work.hpp"
#include "tests/unit/service/admit/world.hpp"

using namespace millrace;
using namespace millrace::test;
using config::WorkBuys;
using paywall::AuthResult;

namespace {

struct WorkWorld : AdmitWorld {
    WorkWorld() { config.challenges.pow = config::Work{.bits = 4, .max_bits = 8, .lifetime = 60s, .in_all = {2, 1s}}; }

    std::string solved(WorkBuys buys) {
        const auto task = work.set(*config.challenges.pow, "weather", buys, now);
        macaroon::Macaroon out = macaroon::decode(codec::from_base64(task.token_base64).value()).value();
        const TokenId id = l402::Identifier::decode(out.identifier).value().token_id;
        out.add_first_party_caveat(l402::work_caveat({task.bits, l402::solve_work(id, task.bits, 1U << 20U).value()}));
        return "Authorization: " + l402::work_authorization(out) + "\r\n";
    }
};

}  // namespace

TEST_CASE("A solution gets an invoice beyond the limits, once") {
    WorkWorld world;
    const std::string field = world.solved(WorkBuys::invoice);
    REQUIRE_FALSE(world.ask("GET /x", field));
    CHECK(world.begin() == "price in tier 0");
    CHECK(world.priced() == "demand for work: no_credential" + counted(AuthResult::worked));
    CHECK(world.pass.work);
    (void)world.begin();
    CHECK(world.priced() == "demand: work_refused" + counted(AuthResult::bad_signature));
}

TEST_CASE("Where nobody gets an invoice, a solution is not used up") {
    WorkWorld world;
    const std::string field = world.solved(WorkBuys::invoice);
    REQUIRE_FALSE(world.ask("GET /x", field));
    world.known.open = false;
    (void)world.begin();
    CHECK(world.priced() == "demand for work: no_credential");
    CHECK_FALSE(world.pass.work);
    world.known.open = true;
    (void)world.begin();
    CHECK(world.priced() == "demand for work: no_credential" + counted(AuthResult::worked));
}

TEST_CASE("A solution opens a request where the service says so, and nothing dearer") {
    WorkWorld world;
    world.sold_service().work_buys = WorkBuys::request;
    REQUIRE_FALSE(world.ask("GET /x", world.solved(WorkBuys::request)));
    (void)world.begin();
    CHECK(world.priced() == "let in" + counted(AuthResult::worked));
    CHECK(world.pass.token_headers == "X-L402-Service: weather\r\nX-L402-Access: work\r\n");
    REQUIRE_FALSE(
        world.ask("GET /x", world.solved(WorkBuys::request) + "Connection: upgrade\r\nUpgrade: websocket\r\n"));
    CHECK(admit::bought_by_work(world.request) == WorkBuys::invoice);
    world.request.quote.price = Msat(1001);
    CHECK(admit::bought_by_work(world.request) == WorkBuys::invoice);
    world.request.front_question.emplace();
    CHECK(admit::bought_by_work(world.request) == WorkBuys::nothing);
}

TEST_CASE("What is no solution, or not alone, uses nothing up") {
    WorkWorld world;
    const std::string field = world.solved(WorkBuys::invoice);
    REQUIRE_FALSE(world.ask("GET /x", field + world.authorization(world.credential())));
    CHECK(world.begin() == "say 400" + counted(AuthResult::malformed));
    REQUIRE_FALSE(world.ask("GET /x", "Authorization: L402 nonsense:POW\r\n"));
    (void)world.begin();
    CHECK(world.priced() == "demand: malformed" + counted(AuthResult::malformed));
    REQUIRE_FALSE(world.ask("GET /x", field));
    (void)world.begin();
    CHECK(world.go_on(admit::PriceLearned{http::Problem{503, "away"}}) == "say 503");
    (void)world.begin();
    CHECK(world.priced() == "demand for work: no_credential" + counted(AuthResult::worked));
    // More are honoured later: this one stays good.
    for (const char* expected : {"demand for work: no_credential, counted 10", "say 429"}) {
        REQUIRE_FALSE(world.ask("GET /x", world.solved(WorkBuys::invoice)));
        (void)world.begin();
        CHECK(world.priced() == expected);
    }
}
