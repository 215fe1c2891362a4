#include "common/payment/charge.hpp"

#include <boost/json/parse.hpp>
#include <stdexcept>

#include "common/codec/base64.hpp"
#include "common/crypto/hash.hpp"
#include "common/payment/timestamp.hpp"
#include "tests/unit/catch.hpp"

namespace millrace::payment {
namespace {

using namespace std::chrono_literals;

const SecretKey first_key = SecretKey::from_hex(std::string(64, '1')).value();
const SecretKey second_key = SecretKey::from_hex(std::string(64, '2')).value();
const Preimage preimage = Preimage::from_hex(std::string(64, 'a')).value();
const std::chrono::sys_seconds expires = parse_timestamp("2026-03-15T12:05:00Z").value();

l402::KeyRing ring() {
    l402::KeyRing keys;
    keys.current = 1;
    keys.keys.emplace(0, first_key);
    keys.keys.emplace(1, second_key);
    return keys;
}

ChargeTerms terms() {
    return {"api.example.com", "weather", Msat(1500), "Weather report", "lnbcrt1...", crypto::payment_hash(preimage),
            Network::regtest,  expires};
}

Credential answer(const Challenge& challenge, const Preimage& proof = preimage) {
    return parse_credential(authorization_value(challenge, proof)).value();
}

struct World {
    l402::KeyRing keys = ring();
    std::string realm = "api.example.com";
    std::string scope = "weather";
    Msat price = Msat(1500);
    std::chrono::system_clock::time_point now = expires - 1s;

    [[nodiscard]] ChargeVerdict verify(const Credential& credential) const {
        return verify_charge(credential, {keys, realm, scope, price, now});
    }
};

TEST_CASE("A charge's challenge says what is asked for, in canonical JSON, and by when") {
    const Challenge challenge = charge_challenge(ring(), terms());
    CHECK(challenge.realm == "api.example.com");
    CHECK(challenge.method == "lightning");
    CHECK(challenge.intent == "charge");
    CHECK(challenge.expires == "2026-03-15T12:05:00Z");
    CHECK(challenge.digest.empty());
    CHECK(challenge.opaque.empty());
    CHECK(as_text(codec::from_base64url(challenge.request).value()) ==
          R"({"amount":"2","currency":"sat","description":"Weather report","externalId":"millrace:1:weather:1500",)"
          R"("methodDetails":{"invoice":"lnbcrt1...","network":"regtest","paymentHash":")" +
              crypto::payment_hash(preimage).hex() + R"("}})");
    // HMAC-SHA256 twice: of the epoch's key over the fixed text, and of that over the parameters.
    const crypto::Digest secret = crypto::hmac_sha256(second_key.reveal(), as_bytes("millrace/payment/challenge"));
    const std::string text = "api.example.com|lightning|charge|" + challenge.request + "|2026-03-15T12:05:00Z||";
    CHECK(challenge.id == codec::to_base64url(crypto::hmac_sha256(secret, as_bytes(text))));
}

TEST_CASE("A challenge needs the key that signs") {
    l402::KeyRing keys = ring();
    keys.current = 9;
    CHECK_THROWS_AS(charge_challenge(keys, terms()), std::invalid_argument);
}

TEST_CASE("Amounts are whole satoshi, rounded up") {
    CHECK(to_sat(Msat(1)) == 1);
    CHECK(to_sat(Msat(999)) == 1);
    CHECK(to_sat(Msat(1000)) == 1);
    CHECK(to_sat(Msat(1001)) == 2);
    CHECK(to_sat(Msat(21'000'000)) == 21'000);
}

TEST_CASE("A charge that was paid is good") {
    const World world;
    const Challenge challenge = charge_challenge(world.keys, terms());
    const ChargeVerdict verdict = world.verify(answer(challenge));
    CHECK_FALSE(verdict.refusal);
    REQUIRE(verdict.proof);
    CHECK(verdict.proof->payment_hash == crypto::payment_hash(preimage));
    CHECK(verdict.proof->challenge_id == challenge.id);
    CHECK(verdict.proof->expires == expires);
    CHECK(verdict.proof->price == Msat(1500));
}

TEST_CASE("A charge is good without the parameters that some clients do not send back") {
    const World world;
    Challenge challenge = charge_challenge(world.keys, terms());
    challenge.description = "whatever";
    CHECK_FALSE(world.verify(answer(challenge)).refusal);
}

TEST_CASE("A charge is good under an older key, until that is retired") {
    World world;
    l402::KeyRing before = ring();
    before.current = 0;
    const Credential credential = answer(charge_challenge(before, terms()));
    CHECK_FALSE(world.verify(credential).refusal);
    world.keys.keys.erase(0);
    CHECK(world.verify(credential).refusal == ChargeRefusal::unknown_challenge);
}

TEST_CASE("A charge opens nothing but what it was sold for") {
    const Challenge good = charge_challenge(ring(), terms());
    const auto changed = [&](std::string Challenge::*member, std::string value) {
        Challenge out = good;
        out.*member = std::move(value);
        return answer(out);
    };
    ChargeTerms of_maps = terms();
    of_maps.scope = "maps";
    ChargeTerms of_route = terms();
    of_route.scope = "weather/radar";
    ChargeTerms cheap = terms();
    cheap.price = Msat(1);
    l402::KeyRing foreign = ring();
    foreign.keys[1] = SecretKey::from_hex(std::string(64, '3')).value();
    World dearer;
    dearer.price = Msat(1501);
    World cheaper;
    cheaper.price = Msat(1);
    World elsewhere;
    elsewhere.realm = "other.example.com";
    World late;
    late.now = expires;
    const World world;
    Credential no_preimage = answer(good);
    no_preimage.payload.clear();
    Credential long_preimage = answer(good);
    long_preimage.payload["preimage"] = std::string(96, 'a');
    Credential number = answer(good);
    number.payload["preimage"] = 7;
    ChargeRequest no_hash = decode_charge_request(good.request).value();
    no_hash.payment_hash.reset();

    struct Case {
        const char* what;
        const World& world;
        Credential credential;
        std::optional<ChargeRefusal> refusal;
    };
    const Case cases[] = {
        {"another method", world, changed(&Challenge::method, "tempo"), ChargeRefusal::unsupported_method},
        {"no method", world, changed(&Challenge::method, ""), ChargeRefusal::unsupported_method},
        {"another intent", world, changed(&Challenge::intent, "session"), ChargeRefusal::unsupported_intent},
        {"another id", world, changed(&Challenge::id, "_9D0WlPoPRltxAd6AdpQd6auVOOeQGJ_J8BkGeBE_bU"),
         ChargeRefusal::unknown_challenge},
        {"half the id", world, changed(&Challenge::id, good.id.substr(0, 20)), ChargeRefusal::unknown_challenge},
        {"a realm of one's own", world, changed(&Challenge::realm, "evil"), ChargeRefusal::unknown_challenge},
        {"a later expiry", world, changed(&Challenge::expires, "2027-03-15T12:05:00Z"),
         ChargeRefusal::unknown_challenge},
        {"no expiry", world, changed(&Challenge::expires, ""), ChargeRefusal::unknown_challenge},
        {"the expiry in another place", world,
         [&] {
             Challenge moved = good;
             std::swap(moved.expires, moved.digest);
             return answer(moved);
         }(),
         ChargeRefusal::unknown_challenge},
        {"a digest", world, changed(&Challenge::digest, "sha-256=:X:"), ChargeRefusal::unknown_challenge},
        {"opaque data", world, changed(&Challenge::opaque, "b3A"), ChargeRefusal::unknown_challenge},
        {"a request that is no JSON", world, changed(&Challenge::request, "e29vcHN9"),
         ChargeRefusal::unknown_challenge},
        {"no request", world, changed(&Challenge::request, ""), ChargeRefusal::unknown_challenge},
        {"a request without a hash", world, changed(&Challenge::request, encode(no_hash)),
         ChargeRefusal::unknown_challenge},
        {"another price in the request", world, changed(&Challenge::request, charge_challenge(ring(), cheap).request),
         ChargeRefusal::unknown_challenge},
        {"another node's key", world, answer(charge_challenge(foreign, terms())), ChargeRefusal::unknown_challenge},
        {"another host", elsewhere, answer(good), ChargeRefusal::wrong_realm},
        {"another service", world, answer(charge_challenge(ring(), of_maps)), ChargeRefusal::wrong_scope},
        {"a part of the service", world, answer(charge_challenge(ring(), of_route)), ChargeRefusal::wrong_scope},
        {"a cheaper charge", world, answer(charge_challenge(ring(), cheap)), ChargeRefusal::too_cheap},
        {"a price that has risen", dearer, answer(good), ChargeRefusal::too_cheap},
        {"a price that has fallen", cheaper, answer(good), std::nullopt},
        {"another preimage", world, answer(good, Preimage::from_hex(std::string(64, 'b')).value()),
         ChargeRefusal::bad_preimage},
        {"no preimage", world, no_preimage, ChargeRefusal::malformed_credential},
        {"a preimage of 48 bytes", world, long_preimage, ChargeRefusal::malformed_credential},
        {"a preimage that is a number", world, number, ChargeRefusal::malformed_credential},
        {"too late", late, answer(good), ChargeRefusal::expired},
    };
    for (const Case& one : cases) {
        CAPTURE(one.what);
        const ChargeVerdict verdict = one.world.verify(one.credential);
        CHECK(verdict.refusal == one.refusal);
        CHECK(verdict.proof.has_value() == (!one.refusal || one.refusal == ChargeRefusal::expired));
    }
}

TEST_CASE("C11: a charge takes its preimage in hex digits of either case, and nothing else") {
    const Challenge good = charge_challenge(ring(), terms());
    const std::string upper(64, 'A');
    const std::string lower(64, 'a');
    struct Case {
        std::string preimage;
        std::optional<ChargeRefusal> refusal;
    };
    const Case cases[] = {
        {lower, std::nullopt},
        {upper, std::nullopt},
        {lower.substr(0, 32) + upper.substr(32), std::nullopt},
        {"0x" + lower.substr(2), ChargeRefusal::malformed_credential},
        {lower.substr(1) + "G", ChargeRefusal::malformed_credential},
        {lower + ' ', ChargeRefusal::malformed_credential},
    };
    for (const Case& one : cases) {
        CAPTURE(one.preimage);
        Credential credential = answer(good);
        credential.payload["preimage"] = one.preimage;
        CHECK(World().verify(credential).refusal == one.refusal);
    }
}

TEST_CASE("Each refusal has a name, a sentence and a problem with a status of its kind") {
    for (int value = 1; value <= static_cast<int>(ChargeRefusal::expired); ++value) {
        const auto refusal = static_cast<ChargeRefusal>(value);
        CAPTURE(name(refusal));
        CHECK(name(refusal) != "unknown");
        CHECK_FALSE(explain(refusal).empty());
        const ProblemText& problem = text(problem_of(refusal));
        CHECK(problem.type.starts_with("https://paymentauth.org/problems/"));
        CHECK(problem.status == (problem_of(refusal) == Problem::method_unsupported ? 400 : 402));
    }
    CHECK(text(Problem::payment_required).type == "https://paymentauth.org/problems/payment-required");
    CHECK(text(Problem::payment_insufficient).type == "https://paymentauth.org/problems/payment-insufficient");
    CHECK(text(Problem::payment_expired).type == "https://paymentauth.org/problems/payment-expired");
    CHECK(text(Problem::invalid_challenge).type == "https://paymentauth.org/problems/invalid-challenge");
    CHECK(text(Problem::invalid_preimage).type == "https://paymentauth.org/problems/lightning/invalid-preimage");
    CHECK(text(Problem::malformed_credential).type == "https://paymentauth.org/problems/malformed-credential");
    CHECK(text(Problem::method_unsupported).type == "https://paymentauth.org/problems/method-unsupported");
}

TEST_CASE("A charge request is read as it was written; others say what is wrong with them") {
    ChargeRequest request{100, "Q&A", "order 7", "lnbc1u1p", crypto::payment_hash(preimage), "mainnet"};
    CHECK(decode_charge_request(encode(request)).value() == request);
    const ChargeRequest least{1, "", "", "lnbc1u1p", std::nullopt, std::nullopt};
    CHECK(decode_charge_request(encode(least)).value() == least);

    struct Case {
        const char* json;
        const char* says;
    };
    const Case cases[] = {
        {"[]", "request: must be a JSON object"},
        {R"({"currency":"sat","methodDetails":{"invoice":"x"}})", "amount"},
        {R"({"amount":100,"currency":"sat","methodDetails":{"invoice":"x"}})", "amount"},
        {R"({"amount":"0","currency":"sat","methodDetails":{"invoice":"x"}})", "amount"},
        {R"({"amount":"-1","currency":"sat","methodDetails":{"invoice":"x"}})", "amount"},
        {R"({"amount":"1.5","currency":"sat","methodDetails":{"invoice":"x"}})", "amount"},
        {R"({"amount":"99999999999999999999","currency":"sat","methodDetails":{"invoice":"x"}})", "amount"},
        {R"({"amount":"1","currency":"usd","methodDetails":{"invoice":"x"}})", "currency"},
        {R"({"amount":"1","currency":"sat"})", "methodDetails"},
        {R"({"amount":"1","currency":"sat","methodDetails":{}})", "invoice"},
        {R"({"amount":"1","currency":"sat","methodDetails":{"invoice":"x","paymentHash":"ab"}})", "paymentHash"},
        {R"({"amount":"1","currency":"sat","methodDetails":{"invoice":"x","network":7}})", "network"},
    };
    for (const Case& one : cases) {
        CAPTURE(one.json);
        const auto read = decode_charge_request(codec::to_base64url(as_bytes(one.json)));
        REQUIRE_FALSE(read);
        CHECK(is(read.error(), Errc::malformed_request));
        CHECK(read.error().message.find(one.says) != std::string::npos);
    }
}

TEST_CASE("Networks have the names of the drafts") {
    CHECK(name(network_of_node("bitcoin").value()) == "mainnet");
    CHECK(name(network_of_node("regtest").value()) == "regtest");
    CHECK(name(network_of_node("signet").value()) == "signet");
    CHECK(name(network_of_node("testnet").value()) == "testnet");
    CHECK(name(network_of_node("testnet4").value()) == "testnet");
    CHECK_FALSE(network_of_node("liquid"));
    CHECK(network_of_invoice("bc") == Network::mainnet);
    CHECK(network_of_invoice("bcrt") == Network::regtest);
    CHECK(network_of_invoice("tbs") == Network::signet);
    CHECK(network_of_invoice("tb") == Network::testnet);
    CHECK_FALSE(network_of_invoice("ex"));
}

}  // namespace
}  // namespace millrace::payment
