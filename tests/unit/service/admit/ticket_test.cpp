#include "service/admit/ticket.hpp"

#include "tests/unit/service/admit/world.hpp"

using namespace millrace;
using namespace millrace::test;
using paywall::AuthResult;

namespace {

struct TicketWorld : AdmitWorld {
    PaymentHash hash = crypto::payment_hash(preimage);

    // As a browser sends what the page of this token has set.
    [[nodiscard]] std::string cookie(const l402::Credential& token, const std::string& offer = "weather~1000") const {
        const pages::PayTicket ticket{macaroon::encode_v2(token.macaroon), Msat(1000), noon + 10min, "lnbc1"};
        return "Cookie: " + std::string(pages::pay_cookie_prefix) + offer + '=' + pages::seal(ticket, ring) + "\r\n";
    }
    void settle() { known.payments[hash] = {.settled_at = noon, .first_used_at = noon}; }
};

}  // namespace

TEST_CASE("A cookie opens what its invoice bought, once the store knows that it was paid") {
    TicketWorld world;
    REQUIRE_FALSE(world.ask("GET /x", world.cookie(world.credential())));
    CHECK(admit::has_cookies(world.request));
    CHECK(world.begin() == "demand: no_credential");
    world.settle();
    CHECK(world.begin() == "let in" + counted(AuthResult::ok));
    const admit::LetIn& end = std::get<admit::LetIn>(world.last.what);
    REQUIRE(end.kept);
    CHECK(end.kept->offer == "weather~1000");
    CHECK_FALSE(end.remembered);  // it is no credential that anybody sends
}

TEST_CASE("A cookie lets in what changes nothing, and no upgrade") {
    TicketWorld world;
    world.settle();
    const std::string cookie = world.cookie(world.credential());
    for (const char* line : {"POST /x", "DELETE /x"}) {
        REQUIRE_FALSE(world.ask(line, cookie));
        CHECK(world.begin() == "demand: no_credential");
    }
    REQUIRE_FALSE(world.ask("HEAD /x", cookie));
    CHECK(world.begin() == "let in" + counted(AuthResult::ok));
    REQUIRE_FALSE(world.ask("GET /x", cookie + "Connection: upgrade\r\nUpgrade: websocket\r\n"));
    CHECK(world.begin() == "demand: no_credential");
    world.sold_service().pay_page = false;
    REQUIRE_FALSE(world.ask("GET /x", cookie));
    CHECK(world.begin() == "demand: no_credential");
}

TEST_CASE("Of several cookies the first that opens the request counts; where none does, a paid one says why") {
    TicketWorld world;
    world.settle();
    const l402::Credential good = world.credential();
    l402::Credential narrow = good;
    narrow.macaroon.add_first_party_caveat("weather_valid_until=1");
    REQUIRE_FALSE(world.ask("GET /x", world.cookie(narrow, "weather~1") + world.cookie(good, "weather~2")));
    CHECK(world.begin() == "let in" + counted(AuthResult::ok));
    CHECK(std::get<admit::LetIn>(world.last.what).kept->offer == "weather~2");
    REQUIRE_FALSE(world.ask("GET /x", world.cookie(narrow, "weather~1")));
    CHECK(world.begin() == "demand: expired" + counted(AuthResult::expired));
}

TEST_CASE("A cookie with a seal of another key opens nothing") {
    TicketWorld world;
    world.settle();
    REQUIRE_FALSE(world.ask("GET /x", world.cookie(world.credential())));
    world.ring.keys.at(1) = SecretKey(std::array<std::uint8_t, 32>{8});
    CHECK_FALSE(admit::find_ticket(world.request, world.books()));
}

TEST_CASE("An offer is named after what one payment buys") {
    TicketWorld world;
    REQUIRE_FALSE(world.ask());
    CHECK(admit::offer_name(world.request) == "weather~1000");
    world.request.quote.thing = "0123456789abcdef0123456789abcdef";
    CHECK(admit::offer_name(world.request) == pages::offer_name("weather", world.request.quote.thing, Msat(0)));
}
