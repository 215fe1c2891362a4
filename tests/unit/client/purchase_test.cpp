#include "contrib/client/purchase.hpp"

#include "tests/unit/catch.hpp"
#include "tests/unit/client/run.hpp"

using namespace millrace;
using namespace millrace::client;
using namespace millrace::client::test;

TEST_CASE("a free resource costs nothing") {
    Purchase purchase(limits);
    CHECK_FALSE(as<SendRequest>(purchase.begin(start, {})).token);
    as<Deliver>(purchase.on_response(start, {200, {}, {}}));
}

TEST_CASE("a purchase stores before it pays, and the token before it asks again") {
    Purchase purchase(limits);
    as<SendRequest>(purchase.begin(start, {}));
    CHECK(as<LookUp>(purchase.on_response(start, paywall({}))).service == "weather");
    as<AskNetwork>(purchase.on_known(start, {}));
    const Pending stored = as<StorePending>(purchase.on_network(start, "bcrt")).pending;
    CHECK(stored.amount == Msat(1000));
    CHECK(stored.tried_until > start + limits.retry_for);
    CHECK(as<Pay>(purchase.on_pending_stored()).max_fee == Msat(100));
    const StoreToken token = as<StoreToken>(purchase.on_pay_outcome(Paid{preimage_of(1), Msat(1003)}));
    CHECK(token.fee == Msat(3));
    CHECK(as<SendRequest>(purchase.on_token_stored()).token->payment_hash == stored.payment_hash);
    as<Deliver>(purchase.on_response(start, {200, {}, {}}));
}

TEST_CASE("a token is reused, and no second payment is made") {
    World world;
    REQUIRE(run(world) == Exit::ok);
    REQUIRE(run(world) == Exit::ok);
    CHECK(world.node.paid.size() == 1);
    CHECK(world.requests == 3);  // 402, paid, reused
}

TEST_CASE("a stored token that the server refuses is bought anew, once") {
    World world;
    REQUIRE(run(world) == Exit::ok);
    world.shop.good.clear();
    REQUIRE(run(world) == Exit::ok);
    CHECK(world.node.paid.size() == 2);
}

TEST_CASE("a token that was just paid for and is refused ends the run: no second payment") {
    Purchase purchase(limits);
    purchase.begin(start, {});
    purchase.on_response(start, paywall({}));
    purchase.on_known(start, {});
    purchase.on_network(start, "bcrt");
    purchase.on_pending_stored();
    purchase.on_pay_outcome(Paid{preimage_of(1), Msat(1000)});
    purchase.on_token_stored();
    ChallengeParts second;
    second.number = 2;
    as<NoteRefusal>(purchase.on_response(start, paywall(second, "bad_signature")));
    const Action end = purchase.on_settled();
    CHECK(as<Finish>(end).exit == Exit::credential_refused);
    CHECK(as<Finish>(end).message.find("bad_signature") != std::string::npos);
}

TEST_CASE("a token of another service of the origin is kept, and the right one is used") {
    Purchase purchase(limits);
    const Token maps{"maps", "x", crypto::payment_hash(preimage_of(40)), preimage_of(40)};
    const Token weather{"weather", "y", crypto::payment_hash(preimage_of(41)), preimage_of(41)};
    as<SendRequest>(purchase.begin(start, known_token(maps)));
    const LookUp look = as<LookUp>(purchase.on_response(start, paywall({}, "wrong_scope")));
    CHECK_FALSE(look.refused);
    CHECK(as<SendRequest>(purchase.on_known(start, known_token(weather))).token->service == "weather");
}

TEST_CASE("a charge is paid, sent once and leaves nothing behind") {
    World world;
    world.shop.sells = Shop::Sells::payment;
    REQUIRE(run(world) == Exit::ok);
    CHECK(world.store.rows.empty());
    CHECK_FALSE(world.store.pending);
    CHECK(world.requests == 2);
    world.shop.good.clear();  // it was used
    REQUIRE(run(world) == Exit::ok);
    CHECK(world.node.paid.size() == 2);
}

TEST_CASE("C3: what became of a charge decides whether it is kept") {
    struct Case {
        const char* name;
        Response answer;
        std::optional<Exit> exit;  // empty: delivered
        bool kept;
    };
    Response with_receipt{403, {}, {}};
    with_receipt.receipt = true;
    const Case cases[] = {
        {"a success", {200, {}, {}}, std::nullopt, true},  // until it is delivered
        {"a refusal", {402, charge({}), "worn_out"}, Exit::credential_refused, true},
        {"a refusal without an offer", {402, {}, {}}, Exit::upstream_error, true},
        {"a refusal of another kind", {401, {}, {}}, Exit::credential_refused, true},
        {"a limit in front of it", {429, {}, {}}, Exit::upstream_error, true},
        {"no access, and no receipt", {403, {}, {}}, Exit::upstream_error, true},
        {"no access, with a receipt", with_receipt, Exit::upstream_error, false},
        {"an answer that is no success", {404, {}, {}}, Exit::upstream_error, false},
        {"a redirection", {302, {}, {}}, Exit::upstream_error, false},
        {"a failure of the server", {502, {}, {}}, Exit::upstream_error, true},
    };
    for (const Case& c : cases) {
        INFO(c.name);
        Purchase purchase(limits, {"GET /x", {}});
        as<SendRequest>(purchase.begin(start, {}));
        const LookUp look = as<LookUp>(purchase.on_response(start, {402, charge({}), {}}));
        CHECK(look.service == charge_key("GET /x"));
        CHECK_FALSE(look.refused);
        as<AskNetwork>(purchase.on_known(start, {}));
        const Pending stored = as<StorePending>(purchase.on_network(start, "bcrt")).pending;
        CHECK(stored.charge == charge({}).front());
        as<Pay>(purchase.on_pending_stored());
        as<StoreToken>(purchase.on_pay_outcome(Paid{preimage_of(1), Msat(1003)}));
        CHECK(as<SendRequest>(purchase.on_token_stored()).token->charge == stored.charge);
        Action next = purchase.on_response(start, c.answer);
        bool kept = true;
        if (const auto* drop = std::get_if<DropToken>(&next)) {
            CHECK(drop->payment_hash == stored.payment_hash);
            kept = false;
            next = purchase.on_settled();
        } else if (const auto* note = std::get_if<NoteRefusal>(&next)) {
            CHECK(note->payment_hash == stored.payment_hash);
            next = purchase.on_settled();
        }
        CHECK(kept == c.kept);
        if (c.exit)
            CHECK(as<Finish>(next).exit == *c.exit);
        else
            CHECK(as<Deliver>(next).used == stored.payment_hash);
    }
}

TEST_CASE("an offer that is not acceptable is refused before anything is stored or paid") {
    struct Case {
        const char* name;
        ChallengeParts parts;
        OfferErrc errc;
    };
    ChallengeParts expensive, expired, mismatch, amountless;
    expensive.amount = Msat(5001);
    expired.timestamp = start - std::chrono::seconds(595);
    mismatch.other_hash = true;
    amountless.amount.reset();
    const Case cases[] = {
        {"price above the limit", expensive, OfferErrc::too_expensive},
        {"expires too soon", expired, OfferErrc::expired},
        {"invoice of another hash", mismatch, OfferErrc::hash_mismatch},
        {"no amount", amountless, OfferErrc::no_amount},
    };
    for (const Case& c : cases) {
        INFO(c.name);
        Purchase purchase(limits);
        purchase.begin(start, {});
        Action action = purchase.on_response(start, paywall(c.parts));
        if (std::holds_alternative<LookUp>(action)) action = purchase.on_known(start, {});
        CHECK(as<Finish>(action).exit == Exit::offer_refused);
        CHECK(as<Finish>(action).message.starts_with(ErrcText<OfferErrc>::text(c.errc)));
    }
}

TEST_CASE("an invoice of another network is refused") {
    Purchase purchase(limits);
    purchase.begin(start, {});
    purchase.on_response(start, paywall({}));
    purchase.on_known(start, {});
    CHECK(as<Finish>(purchase.on_network(start, "bc")).exit == Exit::offer_refused);
}

TEST_CASE("answers other than 2xx and 402 end the run with the server's reason") {
    for (const int status : {301, 400, 404, 429, 500, 503}) {
        Purchase purchase(limits);
        purchase.begin(start, {});
        const Action end = purchase.on_response(start, {status, {}, "why"});
        CHECK(as<Finish>(end).exit == Exit::upstream_error);
        CHECK(as<Finish>(end).message.find("why") != std::string::npos);
    }
    Purchase purchase(limits);
    purchase.begin(start, {});
    CHECK(as<Finish>(purchase.on_response(start, {402, {"Basic realm=\"x\""}, {}})).exit == Exit::upstream_error);
}

TEST_CASE("a payment that the node refused is given up, and nothing is left pending") {
    World world;
    world.shop.issued = 0;
    Purchase purchase(limits);
    purchase.begin(start, {});
    purchase.on_response(start, paywall({}));
    purchase.on_known(start, {});
    purchase.on_network(start, "bcrt");
    purchase.on_pending_stored();
    as<AskPayments>(purchase.on_pay_outcome(PayRefused{"no route"}));
    as<DropPending>(purchase.on_payments(start, {}));
    const Action end = purchase.on_pending_dropped();
    CHECK(as<Finish>(end).exit == Exit::payment_failed);
    CHECK(as<Finish>(end).message == "no route");
}

TEST_CASE("a refused payment with a part still under way is waited for, not given up") {
    Purchase purchase(limits);
    purchase.begin(start, {});
    purchase.on_response(start, paywall({}));
    purchase.on_known(start, {});
    purchase.on_network(start, "bcrt");
    purchase.on_pending_stored();
    purchase.on_pay_outcome(PayRefused{"timed out"});
    Payments part;
    part.pending = 1;
    part.failed = 1;
    as<Wait>(purchase.on_payments(start, part));
    as<AskPayments>(purchase.on_waited());
    part.preimage = preimage_of(1);
    as<StoreToken>(purchase.on_payments(start, part));
}

TEST_CASE("waiting for a payment ends, and leaves it pending") {
    Purchase purchase(limits);
    Pending pending;
    pending.payment_hash = crypto::payment_hash(preimage_of(1));
    pending.amount = Msat(1000);
    pending.expires_at = start + std::chrono::seconds(600);
    as<AskPayments>(purchase.begin(start, known_pending(pending)));
    Payments under_way;
    under_way.pending = 1;
    Action action = purchase.on_payments(start, under_way);
    unsigned waits = 0;
    while (std::holds_alternative<Wait>(action)) {
        ++waits;
        purchase.on_waited();
        action = purchase.on_payments(start, under_way);
    }
    CHECK(waits > 10);
    CHECK(as<Finish>(action).exit == Exit::payment_pending);
}

TEST_CASE("what the node does not know is paid again by the same invoice only while that is safe") {
    struct Case {
        const char* name;
        std::chrono::seconds expires_in;
        std::chrono::seconds tried_until_in;
        std::string expected;
    };
    using std::chrono::seconds;
    const Case cases[] = {
        {"the invoice is good: the same one is sent", seconds(300), seconds(-100), "storing the payment"},
        {"the invoice is good, an attempt may run: the node pays a hash once", seconds(300), seconds(50),
         "storing the payment"},
        {"the invoice expired, an attempt may run: wait", seconds(-1), seconds(50), "waiting"},
        {"the invoice expired and no attempt can run: give up", seconds(-1), seconds(-1), "giving up"},
    };
    for (const Case& c : cases) {
        INFO(c.name);
        Purchase purchase(limits);
        Pending pending;
        pending.payment_hash = crypto::payment_hash(preimage_of(1));
        pending.amount = Msat(1000);
        pending.expires_at = start + c.expires_in;
        pending.tried_until = start + c.tried_until_in;
        purchase.begin(start, known_pending(pending));
        Payments failed;
        failed.failed = 2;
        CHECK(describe(purchase.on_payments(start, failed)).starts_with(c.expected));
    }
}

TEST_CASE("an attempt that fails while an earlier one may run is not given up") {
    Purchase purchase(limits);
    Pending pending;
    pending.payment_hash = crypto::payment_hash(preimage_of(1));
    pending.amount = Msat(1000);
    pending.expires_at = start + std::chrono::seconds(300);
    pending.tried_until = start + std::chrono::seconds(50);
    purchase.begin(start, known_pending(pending));
    as<StorePending>(purchase.on_payments(start, {}));
    as<Pay>(purchase.on_pending_stored());
    purchase.on_pay_outcome(PayRefused{"in progress"});
    as<Wait>(purchase.on_payments(start, {}));
    purchase.on_waited();
    as<DropPending>(purchase.on_payments(start + std::chrono::seconds(51), {}));
}

TEST_CASE("a pending payment above this run's limit is neither repeated nor forgotten") {
    Purchase purchase(Limits{Msat(999), Msat(0)});
    Pending pending;
    pending.payment_hash = crypto::payment_hash(preimage_of(1));
    pending.amount = Msat(1000);
    pending.expires_at = start + std::chrono::seconds(300);
    purchase.begin(start, known_pending(pending));
    CHECK(as<Finish>(purchase.on_payments(start, {})).exit == Exit::offer_refused);
}

TEST_CASE("a node that cannot be asked about a payment leaves it pending") {
    Purchase purchase(limits);
    Pending pending;
    pending.amount = Msat(1000);
    purchase.begin(start, known_pending(pending));
    CHECK(as<Finish>(purchase.on_node_failed("gone")).exit == Exit::payment_pending);
    Purchase fresh(limits);
    fresh.begin(start, {});
    fresh.on_response(start, paywall({}));
    fresh.on_known(start, {});
    CHECK(as<Finish>(fresh.on_node_failed("gone")).exit == Exit::unreachable);
}

TEST_CASE("a preimage that does not belong to the payment is no token") {
    Purchase purchase(limits);
    purchase.begin(start, {});
    purchase.on_response(start, paywall({}));
    purchase.on_known(start, {});
    purchase.on_network(start, "bcrt");
    purchase.on_pending_stored();
    CHECK(as<Finish>(purchase.on_pay_outcome(Paid{preimage_of(2), Msat(1000)})).exit == Exit::payment_pending);
}

TEST_CASE("killed at any action, the next run ends well and money left once") {
    for (const Crash crash : {Crash::before, Crash::after}) {
        for (unsigned kill_at = 0; kill_at < 12; ++kill_at) {
            for (const int pause : {0, 40, 1000}) {  // seconds until the next run
                INFO("killed " << (crash == Crash::before ? "before" : "after") << " action " << kill_at << ", pause "
                               << pause);
                World world;
                const bool finished = run(world, crash, kill_at).has_value();
                world.now += std::chrono::seconds(pause);
                REQUIRE(run(world) == Exit::ok);
                CHECK(world.node.sent.size() == 1);
                for (const auto& [hash, times] : world.node.sent) CHECK(times == 1);
                CHECK_FALSE(world.store.pending);
                if (finished) CHECK(kill_at >= 7);  // actions 0 to 7 are a whole purchase
            }
        }
    }
}

TEST_CASE("killed at any action of buying by charge, the next run ends well and money left once") {
    for (const Crash crash : {Crash::before, Crash::after}) {
        for (unsigned kill_at = 0; kill_at < 12; ++kill_at) {
            for (const int pause : {0, 40, 1000}) {
                INFO("killed " << (crash == Crash::before ? "before" : "after") << " action " << kill_at << ", pause "
                               << pause);
                World world;
                world.shop.sells = Shop::Sells::payment;
                const bool finished = run(world, crash, kill_at).has_value();
                if (finished) break;
                world.now += std::chrono::seconds(pause);
                REQUIRE(run(world) == Exit::ok);
                CHECK(world.node.sent.size() == 1);
                CHECK_FALSE(world.store.pending);
                CHECK(world.store.rows.empty());
            }
        }
    }
}

TEST_CASE("no description of an action holds the preimage or the macaroon") {
    const Token token{"weather", "SECRETMACAROON", crypto::payment_hash(preimage_of(0xAB)), preimage_of(0xAB)};
    Pending pending;
    pending.base64 = "SECRETMACAROON";
    const Action actions[] = {SendRequest{token},           LookUp{"weather", token.payment_hash},
                              StorePending{pending},        Pay{pending, Msat(1), {}},
                              StoreToken{token, Msat(1)},   NoteRefusal{token.payment_hash},
                              DropToken{token.payment_hash}};
    for (const Action& action : actions) {
        const std::string text = describe(action);
        CHECK(text.find("SECRETMACAROON") == std::string::npos);
        CHECK(text.find(token.preimage.reveal_hex()) == std::string::npos);
    }
}
