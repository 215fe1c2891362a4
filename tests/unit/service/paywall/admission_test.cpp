#include "service/paywall/admission.hpp"

#include "service/paywall/credential_cache.hpp"
#include "tests/unit/service/paywall/admission_world.hpp"

using namespace millrace;
using namespace millrace::test;
using namespace std::chrono_literals;
using paywall::Reason;

TEST_CASE("whether a request is let through follows from credential, keys, payment and clock") {
    Fixture f;
    const auto forever = service("weather", std::nullopt);
    const auto hour = service("weather", 1h);
    auto either = forever;
    either.schemes.payment = true;
    auto shared = forever;
    shared.realm = shared.name;
    auto wrong_preimage = f.credential();
    wrong_preimage.preimage = Preimage{};
    auto tampered = f.credential();
    tampered.macaroon.signature[0] ^= 1;
    auto attenuated = f.credential();
    attenuated.macaroon.add_first_party_caveat("preimage=00");
    auto widened = f.credential();
    widened.macaroon.add_first_party_caveat("services=weather:0,admin:0");
    auto dated = f.credential();
    dated.macaroon.add_first_party_caveat("weather_valid_until=1800000000");

    auto sooner = f.credential();
    sooner.macaroon.add_first_party_caveat("weather_valid_until=1800000600");
    auto later = f.credential();
    later.macaroon.add_first_party_caveat("weather_valid_until=9223372036854775807");

    const paywall::PaymentFacts charged{noon - 1200s, std::nullopt, true};

    using Found = paywall::FoundCredential;
    const Found none = std::optional<l402::Credential>{};
    const auto just = [](const l402::Credential& credential) { return Found(std::optional(credential)); };
    const paywall::PaymentFacts unheard{};
    const paywall::PaymentFacts used{std::nullopt, noon - 600s};
    const paywall::PaymentFacts settled{noon - 1200s, std::nullopt};
    const paywall::PaymentFacts both{noon - 1200s, noon - 600s};
    const paywall::PaymentFacts settled_long_ago{noon - 3600s, noon - 600s};
    const paywall::PaymentFacts used_long_ago{std::nullopt, noon - 3600s};
    const paywall::PaymentFacts used_long_ago_paid_late{noon - 10s, noon - 3700s};

    struct {
        const char* name;
        const config::Service& service;
        bool free;
        Found credential;
        bool keys;
        paywall::PaymentFacts facts;
        const char* expected;
    } const cases[] = {
        {"a free path needs nothing", hour, true, none, false, unheard, "free"},
        {"a free path looks at no credential", hour, true, just(tampered), true, unheard, "free"},
        {"nothing is to be paid for", hour, false, none, true, unheard, "no_credential"},
        {"nothing is to be paid for, keys or not", hour, false, none, false, unheard, "no_credential"},
        {"malformed", hour, false, fail(l402::Errc::malformed_credential), true, unheard, "malformed"},
        {"of another format", hour, false, fail(l402::Errc::bad_identifier), true, unheard, "malformed"},
        {"two", hour, false, fail(l402::Errc::conflicting_credentials), true, unheard, "bad request"},
        {"keys never came", hour, false, just(f.credential()), false, unheard, "unavailable"},
        {"first use starts the clock", hour, false, just(f.credential()), true, unheard, "admit record"},
        {"first use without a clock", forever, false, just(f.credential()), true, unheard, "admit note"},
        {"first use, of what might be used as a charge", either, false, just(f.credential()), true, settled,
         "admit record"},
        {"first use, in a realm, where a charge may be sold", shared, false, just(f.credential()), true, settled,
         "admit record"},
        {"used before", hour, false, just(f.credential()), true, used, "admit until 3000"},
        {"settled, not used", hour, false, just(f.credential()), true, settled, "admit note until 2400"},
        {"settlement is the truth", hour, false, just(f.credential()), true, both, "admit until 2400"},
        {"settlement is the truth against us", hour, false, just(f.credential()), true, used_long_ago_paid_late,
         "admit until 3590"},
        {"time is over since settlement", hour, false, just(f.credential()), true, settled_long_ago, "expired"},
        {"time is over since first use", hour, false, just(f.credential()), true, used_long_ago, "expired"},
        {"no limit, however long ago", forever, false, just(f.credential()), true, settled_long_ago, "admit"},
        {"wrong preimage", hour, false, just(wrong_preimage), true, used, "bad_preimage"},
        {"tampered", hour, false, just(tampered), true, used, "bad_signature"},
        {"unknown epoch", hour, false, just(f.credential("weather", 2)), true, used, "unknown_key"},
        {"another service's", hour, false, just(f.credential("admin")), true, used, "wrong_scope"},
        {"attenuated", forever, false, just(attenuated), true, used, "admit"},
        {"widened", hour, false, just(widened), true, used, "widened"},
        {"used up as a charge", forever, false, just(f.credential()), true, charged, "spent"},
        {"used up as a charge, and not good at all", forever, false, just(tampered), true, charged, "bad_signature"},
        {"its own date has passed", hour, false, just(dated), true, used, "expired"},
        {"its own date comes before the end of what was bought", hour, false, just(sooner), true, used,
         "admit until 600"},
        {"its own date comes long after", hour, false, just(later), true, used, "admit until 3000"},
    };
    for (const auto& c : cases) {
        INFO(c.name);
        CHECK(text(decide(c.service, match(c.free), Msat(1000), c.credential, c.keys ? &f.ring : nullptr, c.facts,
                          noon)) == c.expected);
    }
}

TEST_CASE("a settlement is a proof in place of the preimage, and of nothing else") {
    Fixture f;
    const auto hour = service("weather", 1h);
    const paywall::PaymentFacts unheard{};
    const paywall::PaymentFacts used{std::nullopt, noon - 600s};
    const paywall::PaymentFacts settled{noon - 1200s, noon - 600s};
    const paywall::PaymentFacts settled_long_ago{noon - 3600s, std::nullopt};
    auto without_preimage = f.credential();
    without_preimage.preimage = Preimage{};
    auto tampered = without_preimage;
    tampered.macaroon.signature[0] ^= 1;
    auto dated = without_preimage;
    dated.macaroon.add_first_party_caveat("weather_valid_until=1800000000");
    struct {
        const char* name;
        const l402::Credential& credential;
        bool keys;
        paywall::PaymentFacts facts;
        const char* expected;
    } const cases[] = {
        {"settled", without_preimage, true, settled, "admit until 2400"},
        {"not settled", without_preimage, true, unheard, "no_credential"},
        {"used, but not settled", without_preimage, true, used, "no_credential"},
        {"the preimage does not stand in for the settlement", f.credential(), true, unheard, "no_credential"},
        {"time is over", without_preimage, true, settled_long_ago, "expired"},
        {"tampered", tampered, true, settled, "bad_signature"},
        {"its own date has passed", dated, true, settled, "expired"},
        {"another service's", f.credential("admin"), true, settled, "wrong_scope"},
        {"unknown epoch", f.credential("weather", 2), true, settled, "unknown_key"},
        {"keys never came", without_preimage, false, settled, "unavailable"},
    };
    for (const auto& c : cases) {
        INFO(c.name);
        paywall::FoundCredential credential(std::optional(c.credential));
        CHECK(text(decide(hour, sold, Msat(1000), credential, c.keys ? &f.ring : nullptr, c.facts, noon,
                          paywall::Proof::settlement)) == c.expected);
    }
    // Without the settlement as proof, nothing of this is let in.
    auto credential = paywall::FoundCredential(std::optional(without_preimage));
    CHECK(text(decide(hour, sold, Msat(1000), credential, &f.ring, settled, noon)) == "bad_preimage");
}

TEST_CASE("the time bought ends at its last second") {
    Fixture f;
    auto hour = service("weather", 1h);
    paywall::FoundCredential credential(std::optional(f.credential()));
    paywall::PaymentFacts facts{noon, noon};
    CHECK(text(decide(hour, sold, Msat(1000), credential, &f.ring, facts, noon + 3599s)) == "admit until 3600");
    CHECK(text(decide(hour, sold, Msat(1000), credential, &f.ring, facts, noon + 3600s)) == "expired");
}

TEST_CASE("a realm's services take its tokens, and their own of before") {
    Fixture f;
    config::Service service = test::service("weather", std::nullopt);
    service.realm = ServiceName::parse("shop").value();
    for (auto [name, expected] : {std::pair("shop", "admit"), {"weather", "admit"}, {"admin", "wrong_scope"}}) {
        paywall::FoundCredential credential{std::optional(f.credential(name))};
        CHECK(text(decide(service, sold, Msat(1000), credential, &f.ring, {std::nullopt, noon}, noon)) == expected);
    }
}

TEST_CASE("a revoked token opens nothing that is sold, by whatever proof, and is first of all a good one") {
    Fixture f;
    const auto forever = service("weather", std::nullopt);
    auto forged = f.credential();
    forged.macaroon.signature[0] ^= 1;
    const paywall::PaymentFacts revoked{.settled_at = noon, .first_used_at = noon, .revoked = true};
    auto decided = [&](const l402::Credential& credential, bool free, paywall::Proof proof) {
        paywall::FoundCredential found{std::optional(credential)};
        return text(decide(forever, match(free), Msat(1000), found, &f.ring, revoked, noon, proof));
    };
    CHECK(decided(f.credential(), false, paywall::Proof::preimage) == "revoked");
    CHECK(decided(f.credential(), false, paywall::Proof::settlement) == "revoked");
    CHECK(decided(forged, false, paywall::Proof::preimage) == "bad_signature");
    CHECK(decided(f.credential(), true, paywall::Proof::preimage) == "free");
}

TEST_CASE("every reason has a name and a sentence") {
    for (int i = static_cast<int>(Reason::no_credential); i <= static_cast<int>(Reason::missing_capability); ++i) {
        CHECK(paywall::name(static_cast<Reason>(i)) != "unknown");
        CHECK(paywall::explain(static_cast<Reason>(i)).size() > 20);
    }
    for (auto refusal :
         {l402::Refusal::unknown_key, l402::Refusal::bad_signature, l402::Refusal::bad_preimage,
          l402::Refusal::third_party, l402::Refusal::wrong_scope, l402::Refusal::widened, l402::Refusal::expired}) {
        CHECK(paywall::name(paywall::reason_of(refusal)) == l402::name(refusal));
    }
}

TEST_CASE("a credential with a date of its own is not cached") {
    Fixture f;
    auto credential = f.credential();
    CHECK(paywall::cacheable(credential));
    credential.macaroon.add_first_party_caveat("weather_valid_until=1800000000");
    CHECK_FALSE(paywall::cacheable(credential));
}
