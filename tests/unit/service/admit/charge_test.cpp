#include "service/admit/charge.hpp"

#include "common/payment/charge.hpp"
#include "tests/unit/service/admit/world.hpp"

using namespace millrace;
using namespace millrace::test;
using paywall::AuthResult;
using paywall::ChargeAdmission;

namespace {

struct ChargeWorld : AdmitWorld {
    std::string scope = "weather";
    std::string_view realm = "api.example.com";
    Msat price = Msat(1000);
    std::chrono::sys_seconds expires = noon + 10min;

    ChargeWorld() { sold_service().schemes.payment = true; }

    [[nodiscard]] std::string field() const {
        const PaymentHash hash = crypto::payment_hash(preimage);
        const payment::ChargeTerms terms{realm,  scope, price, {}, "lnbcrt1...", hash, payment::Network::regtest,
                                         expires};
        return "Authorization: " + payment::authorization_value(payment::charge_challenge(ring, terms), preimage) +
               "\r\n";
    }
    std::string used(ChargeAdmission admission) { return go_on(Result<ChargeAdmission>(admission)); }
};

}  // namespace

TEST_CASE("A charge lets one request in, once its use is on disk") {
    ChargeWorld world;
    REQUIRE_FALSE(world.ask("GET /x?y", world.field()));
    CHECK(world.begin() == "use charge");
    CHECK(world.known.told_paid.contains(crypto::payment_hash(world.preimage)));
    CHECK(world.used(ChargeAdmission::first) == "let in" + counted(AuthResult::ok));
    CHECK(world.pass.charge == crypto::payment_hash(world.preimage));
    CHECK(world.pass.payer == world.pass.charge);
    CHECK_FALSE(world.pass.receipt.empty());
    CHECK(world.pass.token_headers.find("X-L402-Service: weather\r\n") != std::string_view::npos);
}

TEST_CASE("A charge that may not be used is refused as its row says, and lets nobody in") {
    struct Case {
        ChargeAdmission admission;
        std::string expected;
    };
    const Case cases[] = {
        {ChargeAdmission::other_request, "402 other_request" + counted(AuthResult::spent)},
        {ChargeAdmission::not_repeatable, "402 not_repeatable" + counted(AuthResult::spent)},
        {ChargeAdmission::worn_out, "402 worn_out" + counted(AuthResult::spent)},
        {ChargeAdmission::token_used, "402 token_used" + counted(AuthResult::spent)},
        {ChargeAdmission::expired, "402 expired" + counted(AuthResult::expired)},
    };
    for (const Case& one : cases) {
        ChargeWorld world;
        REQUIRE_FALSE(world.ask("GET /x", world.field()));
        (void)world.begin();
        CHECK(world.used(one.admission) == one.expected);
        CHECK_FALSE(world.pass.charge);
        CHECK(world.pass.receipt.empty());
    }
    ChargeWorld world;
    REQUIRE_FALSE(world.ask("GET /x", world.field()));
    (void)world.begin();
    CHECK(world.go_on(Result<ChargeAdmission>(fail(l402::Errc::malformed_credential))) == "say 503");
}

TEST_CASE("What a charge's credential lacks is said before anything is used up") {
    struct Case {
        const char* what;
        void (*change)(ChargeWorld&);
        std::string expected;
    };
    const Case cases[] = {
        {"no keys yet", [](ChargeWorld& world) { world.keys = nullptr; }, "say 503"},
        {"another host's", [](ChargeWorld& world) { world.realm = "other.example.com"; },
         "402 wrong_realm" + counted(AuthResult::wrong_scope)},
        {"another service's", [](ChargeWorld& world) { world.scope = "tides"; },
         "402 wrong_scope" + counted(AuthResult::wrong_scope)},
        {"too cheap", [](ChargeWorld& world) { world.price = Msat(999); },
         "402 too_cheap" + counted(AuthResult::underpaid)},
        {"revoked",
         [](ChargeWorld& world) { world.known.payments[crypto::payment_hash(world.preimage)].revoked = true; },
         "402 revoked" + counted(AuthResult::revoked)},
        {"not sold so", [](ChargeWorld& world) { world.sold_service().schemes.payment = false; },
         "402 scheme_not_accepted"},
        {"where nothing is sold", [](ChargeWorld& world) { world.request.match.access = paywall::Access::auth_only; },
         "401 no_credential"},
        {"long past, and not known to be paid", [](ChargeWorld& world) { world.expires = noon - 5min; },
         "402 expired" + counted(AuthResult::expired)},
    };
    for (const Case& one : cases) {
        CAPTURE(one.what);
        ChargeWorld world;
        one.change(world);
        REQUIRE_FALSE(world.ask("GET /x", world.field()));
        CHECK(world.begin() == one.expected);
        CHECK_FALSE(world.pass.charge);
    }
    ChargeWorld world;
    REQUIRE_FALSE(world.ask("GET /x", "Authorization: Payment nonsense\r\n"));
    CHECK(world.begin() == "402 malformed" + counted(AuthResult::malformed));
    REQUIRE_FALSE(world.ask("GET /x", world.field() + world.authorization(world.credential())));
    CHECK(world.begin() == "say 400" + counted(AuthResult::malformed));
}

TEST_CASE("A charge that was paid in time is good however late it comes") {
    ChargeWorld world;
    world.expires = noon - 24h;
    world.known.payments[crypto::payment_hash(world.preimage)].settled_at = world.expires;
    REQUIRE_FALSE(world.ask("GET /x", world.field()));
    CHECK(world.begin() == "use charge paid in time");
}

TEST_CASE("Only a harmless request may be repeated on its charge") {
    ChargeWorld world;
    REQUIRE_FALSE(world.ask("POST /x", world.field()));
    CHECK(world.begin() == "use charge once");
    REQUIRE_FALSE(world.ask("GET /x", world.field() + "Connection: upgrade\r\nUpgrade: websocket\r\n"));
    CHECK(world.begin() == "use charge once");
    REQUIRE_FALSE(world.ask("GET /x", world.field()));
    world.request.body_told = false;
    CHECK(world.begin() == "use charge once");
}

TEST_CASE("A second step says of a charge what the first one found, and uses nothing") {
    ChargeWorld world;
    REQUIRE_FALSE(world.ask("GET /x", world.field()));
    auto& question = world.request.front_question.emplace();
    question.dialect = forward_auth::Dialect::nginx_answer;
    question.denied = "worn_out";
    CHECK(world.begin() == "402 worn_out" + counted(AuthResult::spent));
    question.denied = "spoken for";
    CHECK(world.begin() == "let in");
    CHECK_FALSE(world.pass.charge);
}

TEST_CASE("Who is told to wait has used no charge up") {
    ChargeWorld world;
    world.sold_service().limits.in_all = limits::Rate{1, 1h};
    REQUIRE_FALSE(world.ask("GET /x", world.field()));
    CHECK(world.begin() == "use charge");
    CHECK(world.begin() == "say 429");
}
