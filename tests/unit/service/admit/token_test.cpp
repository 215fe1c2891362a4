#include "service/admit/token.hpp"

#include "common/codec/base64.hpp"
#include "tests/unit/service/admit/world.hpp"

using namespace millrace;
using namespace millrace::test;
using paywall::AuthResult;

namespace {

const std::string ok = counted(AuthResult::ok);

paywall::VerifiedCredential remembered(AdmitWorld& world) {
    return std::get<admit::LetIn>(world.last.what).remembered.value();
}

}  // namespace

TEST_CASE("Whoever brings nothing is asked to pay, and nothing is looked up or counted") {
    AdmitWorld world;
    REQUIRE_FALSE(world.ask());
    CHECK(world.begin() == "demand: no_credential");
    CHECK(world.known.told_paid.empty());
    CHECK_FALSE(world.pass.payer);
}

TEST_CASE("A good token is let in, its first use noted, and its invoice handed to nobody else") {
    AdmitWorld world;
    const l402::Credential token = world.credential();
    REQUIRE_FALSE(world.ask("GET /x", world.authorization(token)));
    CHECK(world.begin() == "note first use");
    CHECK(world.known.told_paid.contains(token.identifier.payment_hash));
    CHECK(world.go_on(Result<void>()) == "let in" + ok);
    CHECK(world.pass.payer == token.identifier.payment_hash);
    CHECK_FALSE(world.pass.until);
    CHECK(world.pass.token_headers.find("X-L402-Service: weather\r\n") != std::string_view::npos);
    CHECK(remembered(world).forward_headers == world.pass.token_headers);
}

TEST_CASE("Time bought starts with a first use that is on disk, and not before") {
    AdmitWorld world;
    world.sold_service().timeout = 1h;
    const l402::Credential token = world.credential();
    REQUIRE_FALSE(world.ask("GET /x", world.authorization(token)));
    CHECK(world.begin() == "record first use");
    SECTION("it was written") {
        world.known.payments[token.identifier.payment_hash].first_used_at = noon;
        CHECK(world.go_on(Result<void>()) == "let in" + ok);
        CHECK(world.pass.until == noon + 1h);
    }
    SECTION("it could not be written") {
        CHECK(world.go_on(Result<void>(fail(l402::Errc::malformed_credential))) == "say 503");
        CHECK(std::get<admit::Say>(world.last.what).problem.retry_after > 0);
        CHECK_FALSE(world.pass.payer);
    }
    SECTION("the payment's charge was first") {
        world.known.payments[token.identifier.payment_hash] = {std::nullopt, noon, true};
        CHECK(world.go_on(Result<void>()) == "demand: spent" + counted(AuthResult::spent));
    }
    SECTION("another request was first, and the time is over") {
        world.known.payments[token.identifier.payment_hash].first_used_at = noon - 2h;
        CHECK(world.go_on(Result<void>()) == "demand: expired" + counted(AuthResult::expired));
    }
}

TEST_CASE("What is wrong with a token is said, counted and sold anew") {
    struct Case {
        const char* what;
        void (*change)(AdmitWorld&, l402::Credential&);
        std::string expected;
    };
    const Case cases[] = {
        {"another preimage", [](AdmitWorld&, l402::Credential& token) { token.preimage = Preimage({9}); },
         "demand: bad_preimage" + counted(AuthResult::bad_preimage)},
        {"a changed signature", [](AdmitWorld&, l402::Credential& token) { token.macaroon.signature[0] ^= 1; },
         "demand: bad_signature" + counted(AuthResult::bad_signature)},
        {"another service's", [](AdmitWorld& world, l402::Credential& token) { token = world.credential("tides"); },
         "demand: wrong_scope" + counted(AuthResult::wrong_scope)},
        {"revoked",
         [](AdmitWorld& world, l402::Credential& token) {
             world.known.payments[token.identifier.payment_hash].revoked = true;
         },
         "demand: revoked" + counted(AuthResult::revoked)},
        {"bought for less", [](AdmitWorld& world, l402::Credential&) { world.sold_service().price = Msat(1001); },
         "demand: underpaid" + counted(AuthResult::underpaid)},
        {"no keys yet", [](AdmitWorld& world, l402::Credential&) { world.keys = nullptr; }, "say 503"},
        {"where nothing is sold",
         [](AdmitWorld& world, l402::Credential& token) {
             token.macaroon.signature[0] ^= 1;
             world.request.match.access = paywall::Access::auth_only;
         },
         "401 bad_signature" + counted(AuthResult::bad_signature)},
    };
    for (const Case& one : cases) {
        CAPTURE(one.what);
        AdmitWorld world;
        l402::Credential token = world.credential();
        one.change(world, token);
        REQUIRE_FALSE(world.ask("GET /x", world.authorization(token)));
        CHECK(world.begin() == one.expected);
        CHECK_FALSE(world.pass.payer);
    }
    AdmitWorld world;
    REQUIRE_FALSE(world.ask("GET /x", "Authorization: L402 nonsense\r\n"));
    CHECK(world.begin() == "demand: malformed" + counted(AuthResult::malformed));
    l402::Credential other = world.credential("tides");
    REQUIRE_FALSE(world.ask("GET /x", world.authorization(world.credential()) + world.authorization(other)));
    CHECK(world.begin() == "say 400" + counted(AuthResult::malformed));
}

TEST_CASE("A service on trial lets everybody in, and says who would not have been") {
    AdmitWorld world;
    world.sold_service().dry_run = true;
    REQUIRE_FALSE(world.ask());
    CHECK(world.begin() == "on trial: no_credential");
    l402::Credential forged = world.credential();
    forged.macaroon.signature[0] ^= 1;
    REQUIRE_FALSE(world.ask("GET /x", world.authorization(forged)));
    CHECK(world.begin() == "on trial: bad_signature" + counted(AuthResult::bad_signature));
    world.keys = nullptr;
    CHECK(world.begin() == "on trial: undecided");
}

TEST_CASE("A token of uses sets one aside, and none once they are gone") {
    AdmitWorld world;
    world.sold_service().quota.uses = 2;
    const l402::Credential token = world.credential();
    const PaymentHash& hash = token.identifier.payment_hash;
    world.known.payments[hash].first_used_at = noon;
    for (std::uint64_t left : {1U, 0U}) {
        REQUIRE_FALSE(world.ask("GET /x", world.authorization(token)));
        CHECK(world.begin() == "let in" + ok);
        REQUIRE(world.pass.use);
        CHECK(world.pass.use->left().uses == left);
        world.pass.use->commit();
        world.pass.use.reset();
    }
    REQUIRE_FALSE(world.ask("GET /x", world.authorization(token)));
    CHECK(world.begin() == "demand: quota_exhausted" + counted(AuthResult::exhausted));
    CHECK_FALSE(world.pass.use);
    // What was set aside and not used is given back with the pass.
    world.ledger.forget(hash);
    REQUIRE_FALSE(world.ask("GET /x", world.authorization(token)));
    CHECK(world.begin() == "let in" + ok);
    world.pass.use.reset();
    CHECK(world.ledger.used(hash) == paywall::Usage{});
}

TEST_CASE("What no token of a balance would open is said before anybody pays") {
    AdmitWorld world;
    world.sold_service().quota.credit = Msat(500);
    REQUIRE_FALSE(world.ask());
    CHECK(world.begin() == "say 400");
    world.sold_service().quota.credit = Msat(5000);
    REQUIRE_FALSE(world.ask("GET /x", "Connection: upgrade\r\nUpgrade: websocket\r\n"));
    CHECK(world.begin() == "say 400");
}

TEST_CASE("Where the service sells by the Payment scheme alone, an L402 token is told so") {
    AdmitWorld world;
    world.sold_service().schemes = {.l402 = false, .payment = true};
    REQUIRE_FALSE(world.ask());
    CHECK(world.begin() == "demand: no_credential");
    REQUIRE_FALSE(world.ask("GET /x", world.authorization(world.credential())));
    CHECK(world.begin() == "demand: scheme_not_accepted");
    world.request.match.access = paywall::Access::auth_only;
    CHECK(world.begin() == "401 no_credential");
}

TEST_CASE("A token's price is asked for where it matters, in the tier that was minted") {
    AdmitWorld world;
    world.sold_service().pricer.emplace();
    const l402::Credential token = world.credential();
    REQUIRE_FALSE(world.ask("GET /x", world.authorization(token)));
    CHECK_FALSE(world.request.quote.priced);
    CHECK(world.begin() == "price in tier 0");
    SECTION("it is no more than was paid") {
        world.request.quote.price = Msat(900);
        world.request.quote.priced = true;
        CHECK(world.priced() == "note first use");
    }
    SECTION("it has risen") {
        world.request.quote.price = Msat(1100);
        world.request.quote.priced = true;
        CHECK(world.priced() == "demand: underpaid" + counted(AuthResult::underpaid));
    }
    SECTION("nobody knows it: nothing is decided, and nothing lost") {
        CHECK(world.go_on(admit::PriceLearned{http::Problem{503, "away"}}) == "say 503");
        CHECK_FALSE(world.last.counted);
    }
}

TEST_CASE("A second step lets nobody in, and records nothing") {
    AdmitWorld world;
    const l402::Credential token = world.credential();
    REQUIRE_FALSE(world.ask("GET /x", world.authorization(token)));
    world.request.front_question.emplace().dialect = forward_auth::Dialect::nginx_answer;
    CHECK(world.begin() == "let in" + ok);
    CHECK(world.known.told_paid.empty());
    CHECK_FALSE(std::get<admit::LetIn>(world.last.what).remembered);
}

TEST_CASE("A token that was verified before is let in without being verified, until anything about it changed") {
    AdmitWorld world;
    world.sold_service().timeout = 1h;
    const l402::Credential token = world.credential();
    const PaymentHash& hash = token.identifier.payment_hash;
    world.known.payments[hash] = {.settled_at = noon, .first_used_at = noon};
    REQUIRE_FALSE(world.ask("GET /x", world.authorization(token)));
    REQUIRE(world.begin() == "let in" + ok);
    paywall::VerifiedCredential known = remembered(world);
    auto again = [&] {
        REQUIRE_FALSE(world.ask("GET /x", world.authorization(token)));
        world.pass.payer.reset();
        return admit::let_in_known(world.request, world.pass, world.books(), known);
    };
    CHECK(again());
    CHECK(world.pass.payer == hash);
    CHECK(world.pass.until == noon + 1h);
    CHECK(world.pass.token_headers == known.forward_headers);
    SECTION("its time is over") {
        world.now = noon + 1h;
        CHECK_FALSE(again());
    }
    SECTION("the price has risen") {
        world.sold_service().price = Msat(1001);
        CHECK_FALSE(again());
    }
    SECTION("its uses are gone") {
        world.sold_service().quota.uses = 1;
        CHECK(again());
        world.pass.use->commit();
        CHECK_FALSE(again());
    }
    SECTION("somebody else says what it costs") {
        world.sold_service().pricer.emplace();
        CHECK_FALSE(again());
    }
}
