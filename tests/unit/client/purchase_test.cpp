#include "contrib/client/purchase.hpp"

#include "tests/unit/catch.hpp"
#include "tests/unit/client/world.hpp"

using namespace millrace;
using namespace millrace::client;
using namespace millrace::client::test;

namespace {

constexpr Limits limits{Msat(5000), Msat(100), std::chrono::seconds(60)};

// The store, as far as one origin and one service need it.
struct Store {
    std::optional<Token> token;
    std::optional<Pending> pending;
    [[nodiscard]] Known known() const { return {token, pending}; }
};

struct World {
    Shop shop;
    Node node;
    Store store;
    TimePoint now = start;
    unsigned requests = 0;
};

enum class Crash { none, before, after };  // of the action: before it had an effect, or after it but before the answer

// Runs the client until it ends, or until it is killed at action number `kill_at`.
std::optional<Exit> run(World& world, Crash crash = Crash::none, unsigned kill_at = 0) {
    Purchase purchase(limits);
    Action next = purchase.begin(world.now, world.store.known());
    for (unsigned step = 0; step < 200; ++step) {
        if (crash == Crash::before && step == kill_at) return std::nullopt;
        std::optional<Action> following;
        if (auto* send = std::get_if<SendRequest>(&next)) {
            ++world.requests;
            following = purchase.on_response(world.now, world.shop.answer(world.now, send->token));
        } else if (auto* look = std::get_if<LookUp>(&next)) {
            if (look->forget && world.store.token && world.store.token->payment_hash == *look->forget)
                world.store.token.reset();
            following = purchase.on_known(world.now, world.store.known());
        } else if (std::get_if<AskNetwork>(&next)) {
            following = purchase.on_network(world.now, "bcrt");
        } else if (auto* put = std::get_if<StorePending>(&next)) {
            world.store.pending = put->pending;
            following = purchase.on_pending_stored();
        } else if (auto* pay = std::get_if<Pay>(&next)) {
            REQUIRE(world.store.pending);
            REQUIRE(world.store.pending->payment_hash == pay->pending.payment_hash);
            following = purchase.on_pay_outcome(world.node.pay(world.shop, pay->pending));
        } else if (auto* ask = std::get_if<AskPayments>(&next)) {
            following = purchase.on_payments(world.now, world.node.records(ask->payment_hash));
        } else if (auto* wait = std::get_if<Wait>(&next)) {
            world.now += wait->time;
            following = purchase.on_waited();
        } else if (auto* stored = std::get_if<StoreToken>(&next)) {
            if (stored->token.charge.empty()) {
                world.store.token = stored->token;
                world.store.pending.reset();
            }
            following = purchase.on_token_stored();
        } else if (std::get_if<DropPending>(&next)) {
            world.store.pending.reset();
            following = purchase.on_pending_dropped();
        } else if (auto* deliver = std::get_if<Deliver>(&next)) {
            if (deliver->used) world.store.pending.reset();
            return Exit::ok;
        } else {
            INFO(std::get<Finish>(next).message);
            return std::get<Finish>(next).exit;
        }
        if (crash == Crash::after && step == kill_at) return std::nullopt;
        next = std::move(*following);
    }
    FAIL("the purchase does not end");
    return std::nullopt;
}

Response paywall(const ChallengeParts& parts, const std::string& reason = {}) {
    return {402, challenge(parts), reason};
}

template <class T>
const T& as(const Action& action) {
    INFO(describe(action));
    REQUIRE(std::holds_alternative<T>(action));
    return std::get<T>(action);
}

}  // namespace

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
    const Action end = purchase.on_response(start, paywall(second, "bad_signature"));
    CHECK(as<Finish>(end).exit == Exit::credential_refused);
    CHECK(as<Finish>(end).message.find("bad_signature") != std::string::npos);
}

TEST_CASE("a token of another service of the origin is kept, and the right one is used") {
    Purchase purchase(limits);
    const Token maps{"maps", "x", crypto::payment_hash(preimage_of(40)), preimage_of(40)};
    const Token weather{"weather", "y", crypto::payment_hash(preimage_of(41)), preimage_of(41)};
    as<SendRequest>(purchase.begin(start, {maps, std::nullopt}));
    const LookUp look = as<LookUp>(purchase.on_response(start, paywall({}, "wrong_scope")));
    CHECK_FALSE(look.forget);
    CHECK(as<SendRequest>(purchase.on_known(start, {weather, std::nullopt})).token->service == "weather");
}

TEST_CASE("a charge is paid, sent once and leaves nothing behind") {
    World world;
    world.shop.charges = true;
    REQUIRE(run(world) == Exit::ok);
    CHECK_FALSE(world.store.token);
    CHECK_FALSE(world.store.pending);
    CHECK(world.requests == 2);
    world.shop.good.clear();  // it was used
    REQUIRE(run(world) == Exit::ok);
    CHECK(world.node.paid.size() == 2);
}

TEST_CASE("what became of a charge decides whether the next run presents it again") {
    struct Case {
        const char* name;
        Response answer;
        std::optional<Exit> exit;  // empty: delivered
        bool kept;
    };
    const Case cases[] = {
        {"a success", {200, {}, {}}, std::nullopt, true},  // until it is delivered
        {"a refusal", {402, {}, "worn_out"}, Exit::credential_refused, false},
        {"a refusal of another kind", {401, {}, {}}, Exit::credential_refused, false},
        {"an answer that is no success", {404, {}, {}}, Exit::upstream_error, false},
        {"a redirection", {302, {}, {}}, Exit::upstream_error, false},
        {"a failure of the server", {502, {}, {}}, Exit::upstream_error, true},
    };
    for (const Case& c : cases) {
        INFO(c.name);
        Purchase purchase(limits, "GET /x");
        as<SendRequest>(purchase.begin(start, {}));
        const LookUp look = as<LookUp>(purchase.on_response(start, {402, charge({}), {}}));
        CHECK(look.service == charge_key("GET /x"));
        CHECK_FALSE(look.forget);
        as<AskNetwork>(purchase.on_known(start, {}));
        const Pending stored = as<StorePending>(purchase.on_network(start, "bcrt")).pending;
        CHECK(stored.charge == charge({}).front());
        as<Pay>(purchase.on_pending_stored());
        as<StoreToken>(purchase.on_pay_outcome(Paid{preimage_of(1), Msat(1003)}));
        CHECK(as<SendRequest>(purchase.on_token_stored()).token->charge == stored.charge);
        Action next = purchase.on_response(start, c.answer);
        bool kept = true;
        if (const auto* drop = std::get_if<DropPending>(&next)) {
            CHECK(drop->payment_hash == stored.payment_hash);
            kept = false;
            next = purchase.on_pending_dropped();
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
    as<AskPayments>(purchase.begin(start, {std::nullopt, pending}));
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
        purchase.begin(start, {std::nullopt, pending});
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
    purchase.begin(start, {std::nullopt, pending});
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
    purchase.begin(start, {std::nullopt, pending});
    CHECK(as<Finish>(purchase.on_payments(start, {})).exit == Exit::offer_refused);
}

TEST_CASE("a node that cannot be asked about a payment leaves it pending") {
    Purchase purchase(limits);
    Pending pending;
    pending.amount = Msat(1000);
    purchase.begin(start, {std::nullopt, pending});
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
                world.shop.charges = true;
                const bool finished = run(world, crash, kill_at).has_value();
                if (finished) break;
                world.now += std::chrono::seconds(pause);
                REQUIRE(run(world) == Exit::ok);
                CHECK(world.node.sent.size() == 1);
                CHECK_FALSE(world.store.pending);
                CHECK_FALSE(world.store.token);
            }
        }
    }
}

TEST_CASE("no description of an action holds the preimage or the macaroon") {
    const Token token{"weather", "SECRETMACAROON", crypto::payment_hash(preimage_of(0xAB)), preimage_of(0xAB)};
    Pending pending;
    pending.base64 = "SECRETMACAROON";
    const Action actions[] = {SendRequest{token}, LookUp{"weather", token.payment_hash}, StorePending{pending},
                              Pay{pending, Msat(1), {}}, StoreToken{token, Msat(1), Msat(1)}};
    for (const Action& action : actions) {
        const std::string text = describe(action);
        CHECK(text.find("SECRETMACAROON") == std::string::npos);
        CHECK(text.find(token.preimage.reveal_hex()) == std::string::npos);
    }
}
