// What was paid for and is refused: kept, presented again, never paid for twice without --again.
#include "tests/unit/client/run.hpp"

using namespace millrace;
using namespace millrace::client;
using namespace millrace::client::test;

namespace {

constexpr Shop::Sells all_sells[] = {Shop::Sells::l402, Shop::Sells::payment, Shop::Sells::both};

World refusing(Shop::Sells sells) {
    World world;
    world.shop.sells = sells;
    world.shop.takes = Shop::Takes::nothing;
    return world;
}

}  // namespace

TEST_CASE("C3: what was paid for and is refused is kept, and no run pays again until --again") {
    for (const Shop::Sells sells : all_sells) {
        World world = refusing(sells);
        for (unsigned times = 0; times < 4; ++times) {
            REQUIRE(run(world) == Exit::credential_refused);
            CHECK(world.message.find("--again") != std::string::npos);
            CHECK(world.node.sent.size() == 1);
            REQUIRE(world.store.rows.size() == 1);
            CHECK(world.store.rows[0].token.refusals == times + 1);
        }
        world.limit.again = true;
        REQUIRE(run(world) == Exit::credential_refused);  // one more, and not two
        CHECK(world.node.sent.size() == 2);
        CHECK(world.store.rows.size() == 2);
        world.limit.again = false;
        REQUIRE(run(world) == Exit::credential_refused);
        CHECK(world.node.sent.size() == 2);
    }
}

TEST_CASE("C3: a proof that was refused opens once the server honours it") {
    for (const Shop::Sells sells : all_sells) {
        World world = refusing(sells);
        REQUIRE(run(world) == Exit::credential_refused);
        world.shop.takes = Shop::Takes::all;
        REQUIRE(run(world) == Exit::ok);
        CHECK(world.node.sent.size() == 1);
        // The charge is used and forgotten; the token is kept, and from now on bought anew where it is refused.
        CHECK(world.store.rows.size() == (sells == Shop::Sells::payment ? 0 : 1));
        world.shop.good.clear();
        REQUIRE(run(world) == Exit::ok);
        CHECK(world.node.sent.size() == 2);
    }
}

TEST_CASE("C3: killed at any action, what was paid for and is refused was paid for once") {
    for (const Shop::Sells sells : all_sells) {
        for (const Crash crash : {Crash::before, Crash::after}) {
            for (unsigned kill_at = 0; kill_at < 14; ++kill_at) {
                INFO("killed " << (crash == Crash::before ? "before" : "after") << " action " << kill_at);
                World world = refusing(sells);
                run(world, crash, kill_at);
                REQUIRE(run(world) == Exit::credential_refused);
                REQUIRE(run(world) == Exit::credential_refused);
                CHECK(world.node.sent.size() == 1);
                CHECK(world.store.rows.size() == 1);
            }
        }
    }
}

TEST_CASE("C6: where the server takes only the other scheme, what was paid is presented by that") {
    struct Case {
        Shop::Takes takes;
        std::size_t kept;
    };
    for (const Case& c : {Case{Shop::Takes::payment, 0}, Case{Shop::Takes::l402, 1}}) {
        World world;
        world.shop.sells = Shop::Sells::both;
        world.shop.takes = c.takes;
        REQUIRE(run(world) == Exit::ok);
        CHECK(world.node.sent.size() == 1);
        CHECK(world.store.rows.size() == c.kept);
        CHECK(world.requests == (c.takes == Shop::Takes::payment ? 3 : 2));
    }
}

TEST_CASE("C6: killed at any action, the other scheme is presented by the next run and money left once") {
    for (const Crash crash : {Crash::before, Crash::after}) {
        for (unsigned kill_at = 0; kill_at < 12; ++kill_at) {
            INFO("killed " << (crash == Crash::before ? "before" : "after") << " action " << kill_at);
            World world;
            world.shop.sells = Shop::Sells::both;
            world.shop.takes = Shop::Takes::payment;
            if (run(world, crash, kill_at)) break;
            REQUIRE(run(world) == Exit::ok);
            CHECK(world.node.sent.size() == 1);
        }
    }
}

TEST_CASE("C6: a server that refuses both forms by other errors than 402 was paid once") {
    for (const int status : {400, 401, 403}) {
        Purchase purchase(limits, {"GET /x", {}});
        purchase.begin(start, {});
        std::vector<std::string> lines = challenge({});
        lines.push_back(charge({}).front());
        as<LookUp>(purchase.on_response(start, {402, lines, {}}));
        purchase.on_known(start, {});
        purchase.on_network(start, "bcrt");
        purchase.on_pending_stored();
        purchase.on_pay_outcome(Paid{preimage_of(1), Msat(1000)});
        CHECK(as<SendRequest>(purchase.on_token_stored()).scheme == Scheme::l402);
        Response taken{status, {}, {}};
        taken.receipt = true;  // it was taken: whatever the answer means, it is the resource's
        Purchase other = purchase;
        if (status != 402) CHECK_FALSE(std::holds_alternative<SendRequest>(other.on_response(start, taken)));
        CHECK(as<SendRequest>(purchase.on_response(start, {status, {}, {}})).scheme == Scheme::payment);
        Action end = purchase.on_response(start, {status, {}, {}});
        if (std::holds_alternative<NoteRefusal>(end)) end = purchase.on_settled();
        CHECK(as<Finish>(end).exit == (status == 401 ? Exit::credential_refused : Exit::upstream_error));
        CHECK(as<Finish>(end).message.find("kept") != std::string::npos);
    }
}

TEST_CASE("C4: an offer that is too dear, expired or of another network gives way to the next") {
    ChallengeParts good;
    good.number = 2;
    good.service = "maps";
    ChallengeParts dear, expired, foreign;
    dear.amount = Msat(5001);
    expired.timestamp = start - std::chrono::seconds(599);
    foreign.currency = "bc";
    for (const ChallengeParts& bad : {dear, expired, foreign}) {
        Purchase purchase(limits);
        purchase.begin(start, {});
        std::vector<std::string> lines = challenge(bad);
        for (const std::string& line : challenge(good)) lines.push_back(line);
        Action next = purchase.on_response(start, {402, lines, {}});
        std::vector<std::string> services;
        while (!std::holds_alternative<StorePending>(next)) {
            if (const auto* look = std::get_if<LookUp>(&next)) {
                services.push_back(look->service);
                next = purchase.on_known(start, {});
            } else {
                as<AskNetwork>(next);
                next = purchase.on_network(start, "bcrt");
            }
        }
        CHECK(services == std::vector<std::string>{"weather", "maps"});
        CHECK(as<StorePending>(next).pending.payment_hash == crypto::payment_hash(preimage_of(2)));
    }
    // Where none is acceptable, the first says why.
    Purchase purchase(limits);
    purchase.begin(start, {});
    std::vector<std::string> lines = challenge(dear);
    for (const std::string& line : challenge(expired)) lines.push_back(line);
    as<LookUp>(purchase.on_response(start, {402, lines, {}}));
    as<LookUp>(purchase.on_known(start, {}));
    const Finish end = as<Finish>(purchase.on_known(start, {}));
    CHECK(end.exit == Exit::offer_refused);
    CHECK(end.message.find("--max-cost-msat") != std::string::npos);
}

TEST_CASE("an invoice that is paid already is not paid again: its proof is presented for what is offered now, once") {
    const PaymentHash hash = crypto::payment_hash(preimage_of(1));
    Known known;
    known.same_hash = Token{"maps", "x", hash, preimage_of(1), "", Msat(1000), true};
    Purchase purchase(limits);
    purchase.begin(start, {});
    as<LookUp>(purchase.on_response(start, paywall({})));
    const SendRequest sent = as<SendRequest>(purchase.on_known(start, known));
    CHECK(sent.token->service == "weather");
    CHECK(sent.token->preimage.equals(preimage_of(1)));
    Purchase refused = purchase;
    as<NoteRefusal>(refused.on_response(start, paywall({})));
    CHECK(as<Finish>(refused.on_settled()).exit == Exit::credential_refused);
    // As often as the server names it anew.
    ChallengeParts renamed;
    renamed.service = "renamed";
    as<LookUp>(purchase.on_response(start, paywall(renamed)));
    CHECK(as<Finish>(purchase.on_known(start, known)).exit == Exit::credential_refused);
}

TEST_CASE("what another process bought in between is used, not bought twice") {
    Purchase purchase(limits);
    purchase.begin(start, {});
    purchase.on_response(start, paywall({}));
    purchase.on_known(start, {});
    as<StorePending>(purchase.on_network(start, "bcrt"));
    const Token theirs{"weather", "y", crypto::payment_hash(preimage_of(41)), preimage_of(41)};
    CHECK(as<SendRequest>(purchase.on_pending_conflict(known_token(theirs))).token->payment_hash ==
          theirs.payment_hash);
}

TEST_CASE("a payment that is not complete is dropped once it cannot happen any more, whatever it would have cost") {
    Purchase purchase(Limits{Msat(1), Msat(0)});
    Pending pending;
    pending.payment_hash = crypto::payment_hash(preimage_of(1));
    pending.amount = Msat(1000);
    pending.expires_at = start - std::chrono::seconds(100);
    pending.tried_until = start - std::chrono::seconds(10);
    purchase.begin(start, known_pending(pending));
    as<DropPending>(purchase.on_payments(start, {}));
}
