#include "service/admit/session.hpp"

#include "common/bolt11/invoice.hpp"
#include "common/payment/session.hpp"
#include "tests/unit/service/admit/world.hpp"

using namespace millrace;
using namespace millrace::test;
using paywall::AuthResult;
using paywall::SessionStep;

namespace {

// A deposit of 10,000 msat for requests of 1,000.
struct SessionWorld : AdmitWorld {
    PaymentHash id = crypto::payment_hash(preimage);
    std::string scope = "weather";
    Msat told = Msat(1000);

    SessionWorld() {
        sold_service().schemes.payment = true;
        sold_service().sessions = config::PaymentSessions{.deposit = Msat(10'000)};
    }

    [[nodiscard]] std::string return_invoice(std::optional<Msat> amount = {}) const {
        bolt11::Invoice invoice;
        invoice.currency = "bcrt";
        invoice.timestamp = noon - 1s;
        invoice.description = std::string("refund");
        invoice.expiry = 3600s;
        invoice.features = {0x41, 0x00};  // payment_secret, var_onion
        invoice.amount = amount;
        return bolt11::encode_signed(invoice, SecretKey::from_hex(std::string(64, '3')).value()).value();
    }
    [[nodiscard]] std::string field(const boost::json::object& payload) const {
        const payment::SessionTerms terms{"api.example.com", scope,        told, {}, "lnbcrt1...", id,
                                          Msat(10'000),      noon + 10min, 300s};
        return "Authorization: " + payment::authorization_value(payment::session_challenge(ring, terms), payload) +
               "\r\n";
    }
    [[nodiscard]] std::string open_field(const std::string& invoice) const {
        return field({{"action", "open"}, {"preimage", preimage.reveal_hex()}, {"returnInvoice", invoice}});
    }
    [[nodiscard]] std::string bearer() const {
        return field({{"action", "bearer"}, {"sessionId", id.hex()}, {"preimage", preimage.reveal_hex()}});
    }
    [[nodiscard]] std::string top_up() const {
        return field(
            {{"action", "topUp"}, {"sessionId", PaymentHash({7}).hex()}, {"topUpPreimage", preimage.reveal_hex()}});
    }
    [[nodiscard]] std::string close() const {
        return field({{"action", "close"}, {"sessionId", id.hex()}, {"preimage", preimage.reveal_hex()}});
    }
    std::string recorded(SessionStep step, Msat deposit = Msat(10'000)) {
        paywall::SessionRecord record;
        record.id = id;
        record.scope = scope;
        record.deposit = deposit;
        return go_on(Result<paywall::SessionOutcome>(paywall::SessionOutcome{step, record, noon}));
    }
    std::string not_recorded() {
        return go_on(Result<paywall::SessionOutcome>(fail(l402::Errc::malformed_credential)));
    }
    void is_open(Msat deposit = Msat(10'000)) { sessions.add(id, {scope, deposit, 300s}); }
};

}  // namespace

TEST_CASE("A deposit opens a session, and its first request draws from it") {
    SessionWorld world;
    REQUIRE_FALSE(world.ask("GET /x", world.open_field(world.return_invoice())));
    CHECK(world.begin() == "price in tier 0");
    CHECK(world.priced() == "open in weather");
    CHECK(world.known.told_paid.contains(world.id));
    CHECK(world.recorded(SessionStep::done) == "let in" + counted(AuthResult::ok));
    CHECK(world.pass.prepaid);
    REQUIRE(world.pass.use);
    CHECK(world.pass.use->left().spent_msat == 9000);
    CHECK(world.pass.visit);
    CHECK(world.sessions.in_use(world.id));
    world.pass.visit.reset();
    CHECK_FALSE(world.sessions.in_use(world.id));
}

TEST_CASE("What a deposit does not open is said as its row says, and sets nothing aside") {
    struct Case {
        SessionStep step;
        std::string expected;
    };
    const Case cases[] = {
        {SessionStep::deposit_used, "402 deposit_used" + counted(AuthResult::spent)},
        {SessionStep::expired, "402 expired" + counted(AuthResult::expired)},
        {SessionStep::wrong_scope, "404 wrong_scope" + counted(AuthResult::wrong_scope)},
    };
    for (const Case& one : cases) {
        SessionWorld world;
        REQUIRE_FALSE(world.ask("GET /x", world.open_field(world.return_invoice())));
        (void)world.begin();
        (void)world.priced();
        const std::string said = world.recorded(one.step);
        CHECK(said.substr(3) == one.expected.substr(3));
        CHECK_FALSE(world.pass.use);
        CHECK_FALSE(world.pass.visit);
    }
    SessionWorld world;
    REQUIRE_FALSE(world.ask("GET /x", world.open_field(world.return_invoice())));
    (void)world.begin();
    (void)world.priced();
    CHECK(world.not_recorded() == "say 503");
    // The way back of the money is looked at before the deposit is.
    REQUIRE_FALSE(world.ask("GET /x", world.open_field(world.return_invoice(Msat(1)))));
    (void)world.begin();
    CHECK(world.priced().find("invalid_return_invoice") != std::string::npos);
    world.known.node_network.reset();
    REQUIRE_FALSE(world.ask("GET /x", world.open_field(world.return_invoice())));
    (void)world.begin();
    CHECK(world.priced() == "say 503");
}

TEST_CASE("A session that was paid for opens though the price has risen; the request alone is refused") {
    SessionWorld world;
    world.told = Msat(500);
    REQUIRE_FALSE(world.ask("GET /x", world.open_field(world.return_invoice())));
    (void)world.begin();
    CHECK(world.priced() == "open in weather");
    CHECK(world.recorded(SessionStep::done) == "402 too_cheap" + counted(AuthResult::underpaid));
    CHECK(world.sessions.is_open(world.id));
    CHECK_FALSE(world.pass.use);
}

TEST_CASE("Requests of a session draw until nothing is left, and then the deposit is asked for") {
    SessionWorld world;
    world.is_open(Msat(2500));
    for (int i = 0; i < 2; ++i) {
        REQUIRE_FALSE(world.ask("GET /x", world.bearer()));
        (void)world.begin();
        CHECK(world.priced() == "let in" + counted(AuthResult::ok));
        world.pass.use->commit();
        world.pass.use.reset();
        world.pass.visit.reset();
    }
    REQUIRE_FALSE(world.ask("GET /x", world.bearer()));
    (void)world.begin();
    CHECK(world.priced() == "402 insufficient_balance" + counted(AuthResult::exhausted));
    CHECK_FALSE(world.sessions.in_use(world.id));
}

TEST_CASE("Nobody enters a session that is not there, is closing, is another service's, or was revoked") {
    SessionWorld world;
    auto asked = [&world] {
        REQUIRE_FALSE(world.ask("GET /x", world.bearer()));
        (void)world.begin();
        return world.priced();
    };
    CHECK(asked().find("session_not_found") != std::string::npos);
    world.is_open();
    CHECK(world.sessions.begin_close(world.id));
    CHECK(asked().find("session_closed") != std::string::npos);
    world.sessions.reopen(world.id);
    CHECK(asked() == "let in" + counted(AuthResult::ok));
    world.known.payments[world.id].revoked = true;
    CHECK(asked().find("revoked") != std::string::npos);
}

TEST_CASE("A further deposit is credited and answered; a pricer that is away keeps nobody from it") {
    SessionWorld world;
    world.sessions.add(PaymentHash({7}), {"weather", Msat(10'000), 300s});
    REQUIRE_FALSE(world.ask("GET /x", world.top_up()));
    (void)world.begin();
    CHECK(world.go_on(admit::PriceLearned{http::Problem{503, "away"}}) == "top up in weather");
    CHECK(world.recorded(SessionStep::done, Msat(20'000)) == "reply 200" + counted(AuthResult::ok));
    CHECK(world.sessions.deposit(PaymentHash({7})) == Msat(20'000));
    CHECK_FALSE(world.pass.use);
}

TEST_CASE("A deposit that is revoked while it is committed ends its session") {
    SessionWorld world;
    world.sessions.add(PaymentHash({7}), {"weather", Msat(10'000), 300s});
    REQUIRE_FALSE(world.ask("GET /x", world.top_up()));
    (void)world.begin();
    CHECK(world.priced() == "top up in weather");
    world.known.payments[world.id].revoked = true;
    CHECK(world.recorded(SessionStep::done, Msat(20'000)) == "close by operator some time");
    CHECK(world.go_on(Result<paywall::SessionOutcome>()).find("revoked") != std::string::npos);
}

TEST_CASE("The end of a session is answered with what is paid back") {
    SessionWorld world;
    REQUIRE_FALSE(world.ask("GET /x", world.close()));
    (void)world.begin();
    CHECK(world.priced().find("session_not_found") != std::string::npos);
    world.is_open();
    (void)world.begin();
    CHECK(world.priced() == "close by client");
    CHECK(world.recorded(SessionStep::done) == "reply 200" + counted(AuthResult::ok));
    CHECK(std::get<admit::Reply>(world.last.what).reply.body.find("\"status\":\"closed\"") != std::string::npos);
}

TEST_CASE("A limit holds up what is served, and neither deposits nor the end") {
    SessionWorld world;
    world.sold_service().limits.in_all = limits::Rate{1, 1h};
    world.is_open();
    world.sessions.add(PaymentHash({7}), {"weather", Msat(10'000), 300s});
    auto asked = [&world](const std::string& field) {
        REQUIRE_FALSE(world.ask("GET /x", field));
        (void)world.begin();
        return world.priced();
    };
    CHECK(asked(world.bearer()) == "let in" + counted(AuthResult::ok));
    CHECK(asked(world.bearer()) == "say 429");
    CHECK(asked(world.top_up()) == "top up in weather");
    CHECK(asked(world.close()) == "close by client");
}
