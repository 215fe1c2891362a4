#include "service/admit/price.hpp"

#include "tests/unit/service/admit/world.hpp"

using namespace millrace;
using namespace millrace::test;

namespace {

config::Tier tier(unsigned number, const char* name, Msat price) {
    config::Tier out;
    out.number = number;
    out.name = name;
    out.price = price;
    return out;
}

}  // namespace

TEST_CASE("Without a pricer a request costs what the rules say, at once") {
    AdmitWorld world;
    REQUIRE_FALSE(world.ask());
    CHECK(world.request.quote.priced);
    CHECK(world.request.quote.price == Msat(1000));
    CHECK(world.request.quote.thing.empty());
}

TEST_CASE("A buyer names a tier, and the price is that tier's") {
    AdmitWorld world;
    world.sold_service().tiers = {tier(0, "basic", Msat(1000)), tier(1, "pro", Msat(3000))};
    REQUIRE_FALSE(world.ask("GET /x", "X-L402-Tier: pro\r\n"));
    CHECK(world.request.quote.price == Msat(3000));
    CHECK(world.request.quote.offer_tier == 1);
    CHECK(world.request.token_tier == 1);
    REQUIRE_FALSE(world.ask());
    CHECK(world.request.quote.price == Msat(1000));
    CHECK(admit::about_tier(world.request, 1));
    CHECK(world.request.quote.price == Msat(3000));
    CHECK(world.request.quote.offer_tier == 0);
    // One that is not sold (any more) has the service's own price.
    CHECK(admit::about_tier(world.request, 7));
    CHECK(world.request.quote.tier == 0);
    const auto refused = world.ask("GET /x", "X-L402-Tier: gold\r\n");
    REQUIRE(refused);
    CHECK(refused->status == 400);
    CHECK(refused->detail == "X-L402-Tier names no tier of this service, which sells: basic, pro.");
    CHECK(world.ask("GET /x", "X-L402-Tier: pro\r\nX-L402-Tier: basic\r\n")->status == 400);
}

TEST_CASE("A pricer is asked a question of the facts that it is told, and one thing is one price") {
    AdmitWorld world;
    world.sold_service().pricer.emplace();
    world.sold_service().pricer->facts = {"method", "path", "query", "client", "content_length"};
    world.sold_service().pricer->headers = {"x-model"};
    auto question = [&world](const std::string& line, const std::string& lines = "") {
        REQUIRE_FALSE(world.ask(line, lines));
        CHECK_FALSE(world.request.quote.priced);
        CHECK(world.request.quote.question->local == Msat(1000));
        CHECK(world.request.quote.thing == world.request.quote.question->thing);
        return *world.request.quote.question;
    };
    const pricing::Question asked = question("GET /x?y=1", "X-Model: large\r\n");
    using Facts = std::vector<std::pair<std::string, std::string>>;
    CHECK(asked.facts == Facts{{"method", "GET"},
                               {"path", "/x"},
                               {"query", "y=1"},
                               {"client", limits::prefix_text(world.request.client)},
                               {"content_length", "0"}});
    CHECK(asked.headers == Facts{{"x-model", "large"}});
    CHECK(question("HEAD /x?y=1", "X-Model: large\r\n").thing == asked.thing);
    CHECK(question("GET /x?y=2", "X-Model: large\r\n").thing != asked.thing);
    CHECK(question("GET /x?y=1", "X-Model: small\r\n").thing != asked.thing);
    const auto refused = world.ask("GET /x?" + std::string(1025, 'y'));
    REQUIRE(refused);
    CHECK(refused->detail == "The price depends on query, which may have 1024 bytes: make it shorter.");
}

TEST_CASE("What is free costs nothing to ask about, and where nothing is sold no pricer is asked") {
    AdmitWorld world;
    world.sold_service().pricer.emplace();
    world.request.match.access = paywall::Access::free;
    REQUIRE_FALSE(world.ask());
    CHECK(world.request.quote.priced);
    world.request.match.access = paywall::Access::auth_only;
    REQUIRE_FALSE(world.ask());
    CHECK(world.request.quote.priced);
    CHECK_FALSE(world.request.quote.question);
}
