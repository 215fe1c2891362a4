#include "common/payment/session.hpp"

#include <boost/json/parse.hpp>
#include <functional>

#include "common/codec/base64.hpp"
#include "common/crypto/hash.hpp"
#include "common/payment/charge.hpp"
#include "common/payment/receipt.hpp"
#include "common/payment/timestamp.hpp"
#include "tests/unit/catch.hpp"

namespace millrace::payment {
namespace {

using namespace std::chrono_literals;
using Refusal = SessionRefusal;

const SecretKey key = SecretKey::from_hex(std::string(64, '2')).value();
const Preimage preimage = Preimage::from_hex(std::string(64, 'a')).value();
const Preimage other_preimage = Preimage::from_hex(std::string(64, 'b')).value();
const std::string hash = crypto::payment_hash(preimage).hex();
const std::string hex = std::string(64, 'a');
const std::chrono::sys_seconds expires = parse_timestamp("2026-03-15T12:05:00Z").value();

l402::KeyRing ring(l402::KeyEpoch epoch = 1) {
    l402::KeyRing keys;
    keys.current = epoch;
    keys.keys.emplace(epoch, key);
    return keys;
}

Challenge challenge() {
    const SessionTerms terms{"api.example.com", "weather",    Msat(1500),
                             "Weather report",  "lnbcrt1...", crypto::payment_hash(preimage),
                             Msat(30'000),      expires,      300s};
    return session_challenge(ring(), terms);
}

struct World {
    l402::KeyRing keys = ring();
    std::string realm = "api.example.com";
    std::string scope = "weather";
    Msat price = Msat(1500);
    std::chrono::system_clock::time_point now = expires - 1s;

    [[nodiscard]] SessionVerdict verify(const Challenge& echo, const boost::json::object& payload) const {
        const Credential credential = parse_credential(authorization_value(echo, payload)).value();
        return verify_session(credential, {keys, realm, scope, price, now});
    }
};

boost::json::object open_payload() {
    return {{"action", "open"}, {"preimage", hex}, {"returnInvoice", "lnbcrt1p..."}};
}
boost::json::object bearer_payload() {
    return {{"action", "bearer"}, {"sessionId", hash}, {"preimage", hex}};
}
boost::json::object close_payload() {
    return {{"action", "close"}, {"sessionId", hash}, {"preimage", hex}};
}
boost::json::object top_up_payload() {
    return {{"action", "topUp"}, {"sessionId", std::string(64, '7')}, {"topUpPreimage", hex}};
}

TEST_CASE("A session's challenge says what a request costs and what is to be deposited") {
    const Challenge made = challenge();
    CHECK(made.method == "lightning");
    CHECK(made.intent == "session");
    CHECK(made.expires == "2026-03-15T12:05:00Z");
    CHECK(
        as_text(codec::from_base64url(made.request).value()) ==
        R"({"amount":"2","currency":"sat","depositAmount":"30","depositInvoice":"lnbcrt1...",)"
        R"("description":"Weather report","externalId":"millrace:1:weather:1500","idleTimeout":"300","paymentHash":")" +
            hash + R"(","unitType":"request"})");
    const SessionRequest read = decode_session_request(made.request).value();
    CHECK(encode(read) == made.request);
    CHECK(read.idle_timeout == 300s);
}

TEST_CASE("A session's request is read as the draft writes it, and refused where it is not") {
    const std::string good = R"({"amount":"2","currency":"sat","paymentHash":")" + hash + R"("})";
    auto decode = [](const std::string& text) { return decode_session_request(codec::to_base64url(as_bytes(text))); };
    CHECK(decode(good)->deposit_invoice.empty());
    const std::pair<const char*, const char*> changes[] = {
        {R"("2")", "2"},          {R"("2")", R"("0")"},
        {R"("2")", R"("-2")"},    {R"("2")", R"("2.5")"},
        {R"("sat")", R"("btc")"}, {R"("2")", R"("99999999999999999999")"},
        {"paymentHash", "hash"},  {"{", "["},
    };
    for (const auto& [from, to] : changes) {
        std::string changed = good;
        changed.replace(changed.find(from), std::string_view(from).size(), to);
        CAPTURE(changed);
        CHECK_FALSE(decode(changed));
    }
    CHECK_FALSE(decode_session_request("!"));
}

TEST_CASE("Each action proves what it is about") {
    const World world;
    const SessionVerdict open = world.verify(challenge(), open_payload());
    REQUIRE_FALSE(open.refusal);
    CHECK(open.proof->action == SessionAction::open);
    CHECK(open.proof->session.hex() == hash);
    CHECK(open.proof->deposit.hex() == hash);
    CHECK(open.proof->deposit_amount == Msat(30'000));
    CHECK(open.proof->return_invoice == "lnbcrt1p...");
    CHECK(open.proof->challenge_id == challenge().id);

    const SessionVerdict bearer = world.verify(challenge(), bearer_payload());
    REQUIRE_FALSE(bearer.refusal);
    CHECK(bearer.proof->session.hex() == hash);
    CHECK(bearer.proof->deposit_amount == Msat());

    const SessionVerdict top_up = world.verify(challenge(), top_up_payload());
    REQUIRE_FALSE(top_up.refusal);
    CHECK(top_up.proof->session.hex() == std::string(64, '7'));
    CHECK(top_up.proof->deposit.hex() == hash);
    CHECK(top_up.proof->deposit_amount == Msat(30'000));

    CHECK_FALSE(world.verify(challenge(), close_payload()).refusal);
}

TEST_CASE("What is wrong with a session's credential is told by one reason, and proves nothing") {
    struct Case {
        const char* what;
        Refusal refusal;
        std::function<void(World&, Challenge&, boost::json::object&)> change;
    };
    const Case cases[] = {
        {"another method", Refusal::unsupported_method, [](auto&, auto& echo, auto&) { echo.method = "tempo"; }},
        {"another intent", Refusal::unsupported_method, [](auto&, auto& echo, auto&) { echo.intent = "charge"; }},
        {"no action", Refusal::malformed_credential, [](auto&, auto&, auto& payload) { payload.erase("action"); }},
        {"an unknown action", Refusal::malformed_credential,
         [](auto&, auto&, auto& payload) { payload["action"] = "Open"; }},
        {"no preimage", Refusal::malformed_credential, [](auto&, auto&, auto& payload) { payload.erase("preimage"); }},
        {"a short preimage", Refusal::malformed_credential,
         [](auto&, auto&, auto& payload) { payload["preimage"] = "aa"; }},
        {"no return invoice", Refusal::malformed_credential,
         [](auto&, auto&, auto& payload) { payload.erase("returnInvoice"); }},
        {"a huge return invoice", Refusal::malformed_credential,
         [](auto&, auto&, auto& payload) { payload["returnInvoice"] = std::string(5000, 'l'); }},
        {"another id", Refusal::unknown_challenge, [](auto&, auto& echo, auto&) { echo.id[0] ^= 1; }},
        {"another expiry", Refusal::unknown_challenge,
         [](auto&, auto& echo, auto&) { echo.expires = "2027-03-15T12:05:00Z"; }},
        {"a request of our own making", Refusal::unknown_challenge,
         [](auto&, auto& echo, auto&) {
             SessionRequest request = decode_session_request(echo.request).value();
             request.deposit_sat = 1'000'000;
             echo.request = encode(request);
         }},
        {"a retired key", Refusal::unknown_challenge, [](World& world, auto&, auto&) { world.keys = ring(2); }},
        {"another realm", Refusal::wrong_realm, [](World& world, auto&, auto&) { world.realm = "other"; }},
        {"another scope", Refusal::wrong_scope, [](World& world, auto&, auto&) { world.scope = "maps"; }},
        {"another preimage", Refusal::bad_preimage,
         [](auto&, auto&, auto& payload) { payload["preimage"] = other_preimage.reveal_hex(); }},
    };
    for (const Case& one : cases) {
        CAPTURE(one.what);
        World world;
        Challenge echo = challenge();
        boost::json::object payload = open_payload();
        one.change(world, echo, payload);
        const SessionVerdict verdict = world.verify(echo, payload);
        REQUIRE(verdict.refusal);
        CHECK(*verdict.refusal == one.refusal);
        CHECK_FALSE(verdict.proof);
        CHECK_FALSE(explain(one.refusal).empty());
    }
}

TEST_CASE("A charge's challenge opens no session, and a session's is no charge") {
    const ChargeTerms terms{"api.example.com", "weather", Msat(1500), "", "lnbcrt1...", crypto::payment_hash(preimage),
                            Network::regtest,  expires};
    Challenge as_session = charge_challenge(ring(), terms);
    as_session.intent = "session";
    const World world;
    CHECK(world.verify(as_session, open_payload()).refusal == Refusal::unknown_challenge);
    Challenge as_charge = challenge();
    as_charge.intent = "charge";
    const Credential credential = parse_credential(authorization_value(as_charge, preimage)).value();
    CHECK(verify_charge(credential, {world.keys, world.realm, world.scope, world.price, world.now}).refusal ==
          ChargeRefusal::unknown_challenge);
}

TEST_CASE("Only what deposits has to be in time, and only what is served has a price") {
    World late;
    late.now = expires;
    for (const boost::json::object& payload : {open_payload(), top_up_payload()}) {
        const SessionVerdict verdict = late.verify(challenge(), payload);
        CHECK(verdict.refusal == Refusal::expired);
        CHECK(verdict.proof.has_value());
    }
    for (const boost::json::object& payload : {bearer_payload(), close_payload()})
        CHECK_FALSE(late.verify(challenge(), payload).refusal);
    World dear;
    dear.price = Msat(2'000);
    for (const boost::json::object& payload : {top_up_payload(), close_payload()})
        CHECK_FALSE(dear.verify(challenge(), payload).refusal);
    CHECK(dear.verify(challenge(), bearer_payload()).refusal == Refusal::too_cheap);
    // What was paid opens its session; the request is another matter.
    const SessionVerdict opened = dear.verify(challenge(), open_payload());
    CHECK_FALSE(opened.refusal);
    CHECK(opened.underpriced);
    CHECK_FALSE(World().verify(challenge(), open_payload()).underpriced);
}

TEST_CASE("The receipt of a closed session says what was paid back") {
    Receipt receipt{"id", crypto::payment_hash(preimage), expires, RefundTold{140, "succeeded"}};
    CHECK(
        as_text(codec::from_base64url(receipt_value(receipt)).value()) ==
        R"({"challengeId":"id","method":"lightning","reference":")" + hash +
            R"(","refundSats":140,"refundStatus":"succeeded","status":"success","timestamp":"2026-03-15T12:05:00Z"})");
}

}  // namespace
}  // namespace millrace::payment
