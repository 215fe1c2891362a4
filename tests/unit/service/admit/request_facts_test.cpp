#include "service/admit/request_facts.hpp"

#include "tests/unit/service/admit/world.hpp"

using namespace millrace;
using namespace millrace::test;
using forward_auth::Dialect;

TEST_CASE("A front proxy's second step admits nothing, and its first one is not for the client") {
    AdmitWorld world;
    REQUIRE_FALSE(world.ask());
    struct Case {
        Dialect dialect;
        bool second;
        bool silent;
    };
    for (const Case& one : {Case{Dialect::nginx_auth, false, true}, Case{Dialect::nginx_answer, true, false},
                            Case{Dialect::forwarded, false, false}, Case{Dialect::envoy, false, false}}) {
        world.request.front_question.emplace().dialect = one.dialect;
        CHECK(world.request.is_second_step() == one.second);
        CHECK(world.request.admits_nothing() == one.second);
        CHECK(world.request.denies_silently() == one.silent);
    }
    CHECK(admit::not_here(world.request).status == 503);
}

TEST_CASE("A service without an upstream is reached through its front proxy alone") {
    AdmitWorld world;
    world.sold_service().upstream.addresses.clear();
    REQUIRE_FALSE(world.ask());
    CHECK(world.request.admits_nothing());
    CHECK(admit::not_here(world.request).status == 421);
    world.request.front_question.emplace().dialect = Dialect::forwarded;
    CHECK_FALSE(world.request.admits_nothing());
}

TEST_CASE("What is counted by its answer is not sold through a front proxy") {
    AdmitWorld world;
    REQUIRE_FALSE(world.ask());
    CHECK_FALSE(admit::check_countable(world.request));
    world.sold_service().quota.bytes = 1000;
    CHECK(admit::check_countable(world.request)->status == 501);
    world.request.match.access = paywall::Access::free;
    CHECK_FALSE(admit::check_countable(world.request));
    world.request.match.access = paywall::Access::sold;
    world.sold_service().dry_run = true;
    CHECK_FALSE(admit::check_countable(world.request));
}

TEST_CASE("A method asks for no change, unless a server behind may take it for another one") {
    AdmitWorld world;
    for (const auto& [line, safe] : {std::pair("GET /x", true),
                                     {"HEAD /x", true},
                                     {"OPTIONS /x", true},
                                     {"POST /x", false},
                                     {"PUT /x", false},
                                     {"BREW /x", false}}) {
        REQUIRE_FALSE(world.ask(line));
        CHECK(world.request.is_safe() == safe);
    }
    REQUIRE_FALSE(world.ask());
    world.request.other_method = true;
    CHECK_FALSE(world.request.is_safe());
}

TEST_CASE("What is sold has a name: the service's, with its route, the seller's for sessions, and the thing") {
    AdmitWorld world;
    REQUIRE_FALSE(world.ask());
    CHECK(world.request.charge_scope() == "weather");
    CHECK(world.request.session_scope() == "weather");
    world.sold_service().realm = ServiceName::parse("shop").value();
    CHECK(world.request.charge_scope() == "weather");
    CHECK(world.request.session_scope() == "shop");
    world.request.sold_before_realm = true;
    CHECK(world.request.session_scope() == "weather");
    world.request.quote.thing = "abc";
    CHECK(world.request.charge_scope_now() == "weather~abc");
    CHECK(world.request.realm() == "api.example.com");
    world.request.host = {};
    CHECK(world.request.realm() == "weather");
}
