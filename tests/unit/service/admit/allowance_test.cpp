#include "service/admit/allowance.hpp"

#include "tests/unit/service/admit/world.hpp"

using namespace millrace;
using namespace millrace::test;

namespace {

struct FreeWorld : AdmitWorld {
    FreeWorld() { sold_service().free_allowance = config::FreeAllowance{.requests = 1, .per = 1h}; }
};

}  // namespace

TEST_CASE("A request without a credential is free once its price is known, as often as is allowed") {
    FreeWorld world;
    REQUIRE_FALSE(world.ask());
    CHECK(world.begin() == "price in tier 0");
    CHECK(world.priced() == "let in");
    REQUIRE(world.pass.free_use);
    CHECK(world.pass.token_headers == "X-L402-Service: weather\r\nX-L402-Access: free-allowance\r\n");
    world.pass.free_use->commit();
    world.pass.free_use.reset();
    REQUIRE_FALSE(world.ask());
    CHECK(world.begin() == "price in tier 0");
    CHECK(world.priced() == "demand: no_credential");
    CHECK(world.last.allowance == paywall::FreeResult::used_up);
    CHECK(world.pass.own_lines == "X-L402-Remaining-Free: 0\r\n");
}

TEST_CASE("What was set aside and came to nothing is free again") {
    FreeWorld world;
    for (int i = 0; i < 3; ++i) {
        REQUIRE_FALSE(world.ask());
        (void)world.begin();
        CHECK(world.priced() == "let in");
        world.pass.free_use.reset();
    }
}

TEST_CASE("A credential, good or not, is never passed over for the allowance") {
    FreeWorld world;
    l402::Credential forged = world.credential();
    forged.macaroon.signature[0] ^= 1;
    REQUIRE_FALSE(world.ask("GET /x", world.authorization(forged)));
    CHECK(world.begin() == "demand: bad_signature" + counted(paywall::AuthResult::bad_signature));
}

TEST_CASE("What the allowance is not for is sold") {
    struct Case {
        const char* what;
        const char* line;
        const char* fields;
        void (*change)(FreeWorld&);
    };
    const Case cases[] = {
        {"HEAD", "HEAD /x", "", [](FreeWorld&) {}},
        {"an upgrade", "GET /x", "Connection: upgrade\r\nUpgrade: websocket\r\n", [](FreeWorld&) {}},
        {"no allowance", "GET /x", "", [](FreeWorld& world) { world.sold_service().free_allowance.reset(); }},
    };
    for (const Case& one : cases) {
        CAPTURE(one.what);
        FreeWorld world;
        one.change(world);
        REQUIRE_FALSE(world.ask(one.line, one.fields));
        CHECK(world.begin() == "demand: no_credential");
    }
    FreeWorld world;
    world.sold_service().free_allowance->max_price = Msat(999);
    REQUIRE_FALSE(world.ask());
    CHECK(world.begin() == "price in tier 0");
    CHECK(world.priced() == "demand: no_credential");
    CHECK_FALSE(world.last.allowance);
    // Without a price nobody knows whether it is within what is free.
    REQUIRE_FALSE(world.ask());
    (void)world.begin();
    CHECK(world.go_on(admit::PriceLearned{http::Problem{503, "away"}}) == "demand: no_credential");
}
