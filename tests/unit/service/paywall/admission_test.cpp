#include "service/paywall/admission.hpp"

#include "service/paywall/credential_cache.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;
using paywall::Reason;

namespace {

const std::chrono::sys_seconds noon{std::chrono::seconds(1'800'000'000)};

config::Service service(const char* name, std::optional<std::chrono::seconds> timeout) {
    return {.name = ServiceName::parse(name).value(),
            .host = {},
            .path = config::PathPattern("/"),
            .methods = {},
            .upstream = {},
            .price = Msat(1000),
            .timeout = timeout};
}

const paywall::RouteMatch sold{0};

paywall::RouteMatch match(bool free) {
    return {0, free ? paywall::Access::free : paywall::Access::sold};
}

struct Fixture {
    l402::KeyRing ring;
    Preimage preimage{std::array<std::uint8_t, 32>{1, 2, 3}};

    Fixture() {
        ring.keys.emplace(l402::KeyEpoch{1}, SecretKey(std::array<std::uint8_t, 32>{7}));
        ring.current = 1;
    }

    l402::Credential credential(const char* name = "weather", l402::KeyEpoch epoch = 1) const {
        l402::Identifier identifier{crypto::payment_hash(preimage), l402::make_token_id(epoch, {})};
        return {l402::mint(ring.keys.at(1), identifier, ServiceName::parse(name).value()), identifier, preimage};
    }

    // A token for "weather" as it is sold.
    l402::Credential sold(const l402::Grant& grant) const {
        l402::Identifier identifier{crypto::payment_hash(preimage), l402::make_token_id(1, {})};
        auto name = ServiceName::parse("weather").value();
        return {l402::mint(ring.keys.at(1), identifier, name, grant), identifier, preimage};
    }
};

std::string text(const paywall::Decision& decision) {
    if (auto* admit = std::get_if<paywall::Admit>(&decision)) {
        std::string out = admit->token ? "admit" : "free";
        if (admit->first_use == paywall::FirstUse::note) out += " note";
        if (admit->first_use == paywall::FirstUse::must_record) out += " record";
        if (admit->until) out += " until " + std::to_string((*admit->until - noon) / 1s);
        return out;
    }
    if (auto* demand = std::get_if<paywall::DemandPayment>(&decision))
        return std::string(paywall::name(demand->reason));
    if (std::holds_alternative<paywall::BadRequest>(decision)) return "bad request";
    return "unavailable";
}

}  // namespace

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
    };
    for (const auto& c : cases) {
        INFO(c.name);
        paywall::AdmissionInput input{c.service, match(c.free), Msat(1000), c.credential, c.keys ? &f.ring : nullptr,
                                      c.facts,   noon};
        CHECK(text(paywall::decide(input)) == c.expected);
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
        paywall::AdmissionInput input{
            hour, sold, Msat(1000), credential, c.keys ? &f.ring : nullptr, c.facts, noon, paywall::Proof::settlement};
        CHECK(text(paywall::decide(input)) == c.expected);
    }
    // Without the settlement as proof, nothing of this is let in.
    auto credential = paywall::FoundCredential(std::optional(without_preimage));
    CHECK(text(paywall::decide({hour, sold, Msat(1000), credential, &f.ring, settled, noon})) == "bad_preimage");
}

TEST_CASE("the time bought ends at its last second") {
    Fixture f;
    auto hour = service("weather", 1h);
    paywall::FoundCredential credential(std::optional(f.credential()));
    paywall::PaymentFacts facts{noon, noon};
    CHECK(text(paywall::decide({hour, sold, Msat(1000), credential, &f.ring, facts, noon + 3599s})) ==
          "admit until 3600");
    CHECK(text(paywall::decide({hour, sold, Msat(1000), credential, &f.ring, facts, noon + 3600s})) == "expired");
}

TEST_CASE("a balance is what was paid for it, whatever the service sells now") {
    config::Service prepaid = ::service("weather", std::nullopt);
    auto bought = [&](std::optional<Msat> granted) {
        return paywall::quota_bought(prepaid, {std::nullopt, std::nullopt, granted}).credit;
    };
    CHECK_FALSE(bought(Msat(500)));
    prepaid.quota.credit = Msat(9000);
    CHECK(bought(Msat(9000)) == Msat(9000));
    CHECK(bought(Msat(500)) == Msat(500));  // sold when a balance was smaller, or narrowed by its holder
    CHECK(bought(Msat(70'000)) == Msat(9000));
    CHECK(bought(std::nullopt) == prepaid.price);  // sold when it paid for requests of this price
}

TEST_CASE("a token is good for the route and up to the price that it was bought for") {
    Fixture f;
    config::Service service = ::service("weather", std::nullopt);
    config::Route images{.name = "images", .path = config::PathPattern("/images/"), .price = Msat(5000)};
    config::Route keys{.name = "keys", .path = config::PathPattern("/keys/"), .own_tokens = true};
    const config::Service plain = service;
    service.routes = {images, keys};
    const paywall::RouteMatch at_images{0, paywall::Access::sold, 0};
    const paywall::RouteMatch at_keys{0, paywall::Access::sold, 1};

    CHECK(paywall::grant_sold(plain, sold, Msat(1000)) == l402::Grant{});
    CHECK(paywall::grant_sold(service, sold, Msat(1000)) == l402::Grant{std::nullopt, Msat(1000)});
    CHECK(paywall::grant_sold(service, at_keys, Msat(1000)) == l402::Grant{"keys", Msat(1000)});

    config::Service prepaid = service;
    prepaid.quota.credit = Msat(9000);
    CHECK(paywall::grant_sold(prepaid, sold, Msat(1000)) == l402::Grant{std::nullopt, std::nullopt, Msat(9000)});

    struct {
        const char* name;
        const config::Service& service;
        l402::Grant grant;
        paywall::RouteMatch match;
        std::uint64_t price;
        const char* expected;
    } const cases[] = {
        {"one price, no limit", plain, {}, sold, 1000, "admit"},
        {"narrowed by its holder", plain, {std::nullopt, Msat(999)}, sold, 1000, "underpaid"},
        {"its price", service, {std::nullopt, Msat(1000)}, sold, 1000, "admit"},
        {"dearer than bought", service, {std::nullopt, Msat(1000)}, at_images, 5000, "underpaid"},
        {"of a balance, which is the limit",
         prepaid,
         {std::nullopt, std::nullopt, Msat(9000)},
         at_images,
         5000,
         "admit"},
        {"cheaper than bought", service, {std::nullopt, Msat(5000)}, sold, 1000, "admit"},
        {"bought when there was one price", service, {}, sold, 1000, "admit"},
        {"bought when there was one price, dearer now", service, {}, at_images, 5000, "underpaid"},
        {"of the route", service, {"keys", Msat(1000)}, at_keys, 1000, "admit"},
        {"of the service, not of the route", service, {std::nullopt, Msat(9000)}, at_keys, 1000, "wrong_scope"},
        {"of the route, elsewhere", service, {"keys", Msat(9000)}, sold, 1000, "wrong_scope"},
        {"of the route, at another", service, {"keys", Msat(9000)}, at_images, 1000, "wrong_scope"},
    };
    for (const auto& c : cases) {
        INFO(c.name);
        auto token = f.sold(c.grant);
        paywall::FoundCredential credential{std::optional(token)};
        paywall::PaymentFacts used{std::nullopt, noon};
        CHECK(text(paywall::decide({c.service, c.match, Msat(c.price), credential, &f.ring, used, noon})) ==
              c.expected);
    }
}

TEST_CASE("a token of the service becomes none of a route with tokens of its own by a caveat of its holder") {
    Fixture f;
    config::Service service = ::service("weather", std::nullopt);
    service.routes = {config::Route{.name = "keys", .path = config::PathPattern("/keys/"), .own_tokens = true},
                      config::Route{.name = "maps", .path = config::PathPattern("/maps/")}};
    auto opens = [&](const l402::Credential& token, std::optional<std::size_t> route) {
        paywall::FoundCredential credential{std::optional(token)};
        const paywall::RouteMatch match{0, paywall::Access::sold, route};
        return text(paywall::decide({service, match, Msat(1000), credential, &f.ring, {std::nullopt, noon}, noon}));
    };
    auto forged = f.sold({});
    l402::narrow(forged.macaroon, "weather", {"keys", std::nullopt});
    CHECK(opens(forged, 0) == "wrong_scope");
    auto delegated = f.sold({});
    l402::narrow(delegated.macaroon, "weather", {"maps", std::nullopt});
    CHECK(opens(delegated, 1) == "admit");
    CHECK(opens(delegated, std::nullopt) == "wrong_scope");
    CHECK(opens(f.sold({"keys", std::nullopt}), 0) == "admit");
}

TEST_CASE("a price that moves makes no token worthless, and what is cheap does not open what is dear") {
    Fixture f;
    config::Service service = ::service("weather", std::nullopt);
    service.pricer.emplace();
    const l402::Grant old;
    const l402::Grant sold_for_this =
        paywall::grant_sold(service, sold, {Msat(1000), Msat(500), true, "this"});
    CHECK(sold_for_this.max_price == Msat(1000));
    CHECK(sold_for_this.quote == "this");
    config::Service prepaid = service;
    prepaid.quota.credit = Msat(9000);
    const l402::Grant balance = paywall::grant_sold(prepaid, sold, {Msat(1000), Msat(500), true, "this"});
    CHECK(balance == l402::Grant{std::nullopt, std::nullopt, Msat(9000)});
    const paywall::RouteMatch kept{0, paywall::Access::auth_only};
    struct {
        const char* name;
        const config::Service& service;
        const l402::Grant& grant;
        paywall::RouteMatch match;
        std::uint64_t price;
        std::uint64_t local;
        bool known;
        const char* thing;
        const char* expected;
    } const cases[] = {
        {"at its price", service, sold_for_this, sold, 1000, 500, true, "this", "admit"},
        {"dearer since", service, sold_for_this, sold, 900'000, 500, true, "this", "admit"},
        {"nobody knows the price", service, sold_for_this, sold, 500, 500, false, "this", "admit"},
        {"another thing, as cheap", service, sold_for_this, sold, 1000, 500, true, "that", "admit"},
        {"another thing, dearer", service, sold_for_this, sold, 1001, 500, true, "that", "underpaid"},
        {"another thing, at no known price", service, sold_for_this, sold, 500, 500, false, "that", "unavailable"},
        {"where tokens alone are taken", service, sold_for_this, kept, 90'000, 90'000, true, "", "admit"},
        {"sold before there was a pricer", service, old, sold, 900'000, 1000, true, "this", "admit"},
        {"and for another route by the rules", service, old, sold, 10, 1001, true, "this", "underpaid"},
        {"and nobody knows the price", service, old, sold, 1000, 1000, false, "this", "admit"},
        {"a balance draws today's price", prepaid, balance, sold, 5000, 500, true, "this", "admit"},
        {"which must be known", prepaid, balance, sold, 500, 500, false, "this", "unavailable"},
    };
    for (const auto& c : cases) {
        INFO(c.name);
        paywall::FoundCredential credential{std::optional(f.sold(c.grant))};
        paywall::Asked asked{Msat(c.price), Msat(c.local), c.known, c.thing};
        CHECK(text(paywall::decide({c.service, c.match, asked, credential, &f.ring, {std::nullopt, noon}, noon})) ==
              c.expected);
    }
    // Nobody makes a token good for a thing by saying so.
    auto forged = f.sold(old);
    forged.macaroon.add_first_party_caveat("weather_quote=that");
    paywall::FoundCredential credential{std::optional(forged)};
    CHECK(text(paywall::decide({service, sold, {Msat(1000), Msat(1000), true, "that"}, credential, &f.ring, {}, noon})) ==
          "widened");
}

TEST_CASE("a tier opens what its number and its capabilities say, narrowed by its holder at most") {
    Fixture f;
    config::Service service = ::service("weather", std::nullopt);
    service.tiers = {config::Tier{.name = "basic", .number = 0, .capabilities = {"read"}},
                     config::Tier{.name = "gold",
                                  .number = 2,
                                  .price = Msat(5000),
                                  .timeout = 1h,
                                  .quota = {.uses = 3},
                                  .capabilities = {"read", "write"}}};
    config::Route read{.name = "read", .capability = "read"};
    config::Route write{.name = "write", .capability = "write"};
    config::Route lounge{.name = "lounge", .min_tier = 2};
    service.routes = {read, write, lounge};
    const l402::Grant basic = paywall::grant_sold(service, sold, Msat(1000), 0);
    const l402::Grant gold = paywall::grant_sold(service, sold, Msat(5000), 2);
    CHECK(gold.tier == 2);
    CHECK(gold.capabilities == std::vector<std::string>{"read", "write"});
    CHECK(paywall::quota_bought(service, gold).uses == 3);
    CHECK_FALSE(paywall::quota_bought(service, basic).uses);
    auto opens = [&](const l402::Credential& token, std::size_t route) {
        paywall::FoundCredential credential{std::optional(token)};
        const paywall::RouteMatch match{0, paywall::Access::sold, route};
        return text(paywall::decide({service, match, Msat(1000), credential, &f.ring, {std::nullopt, noon}, noon}));
    };
    const l402::Grant before_tiers;
    auto with = [&](const l402::Grant& grant, std::initializer_list<const char*> caveats) {
        auto token = f.sold(grant);
        for (const char* one : caveats) token.macaroon.add_first_party_caveat(one);
        return token;
    };
    struct {
        const char* name;
        l402::Credential token;
        const char* read;
        const char* write;
        const char* lounge;
    } const cases[] = {
        {"the lower tier", with(basic, {}), "admit", "missing_capability", "tier_too_low"},
        {"the higher one", with(gold, {}), "admit until 3600", "admit until 3600", "admit until 3600"},
        {"of before there were tiers", with(before_tiers, {}), "admit", "missing_capability", "tier_too_low"},
        {"the same, asking for more", with(before_tiers, {"weather_capabilities=read,write"}), "admit",
         "missing_capability", "tier_too_low"},
        {"less by its holder", with(gold, {"weather_capabilities=write"}), "missing_capability", "admit until 3600",
         "admit until 3600"},
        {"and more again", with(gold, {"weather_capabilities=write", "weather_capabilities=read,write"}), "widened",
         "widened", "widened"},
        {"more than was sold", with(basic, {"weather_capabilities=read,write"}), "widened", "widened", "widened"},
        {"nothing left", with(gold, {"weather_capabilities="}), "missing_capability", "missing_capability",
         "admit until 3600"},
        {"a lower tier by its holder", with(gold, {"services=weather:0"}), "admit", "missing_capability",
         "tier_too_low"},
        {"a higher one", with(basic, {"services=weather:2"}), "widened", "widened", "widened"},
        {"down and up", with(gold, {"services=weather:1", "services=weather:2"}), "widened", "widened", "widened"},
    };
    for (const auto& c : cases) {
        INFO(c.name);
        CHECK(opens(c.token, 0) == c.read);
        CHECK(opens(c.token, 1) == c.write);
        CHECK(opens(c.token, 2) == c.lounge);
    }
}

TEST_CASE("a realm's services take its tokens, and their own of before") {
    Fixture f;
    config::Service service = ::service("weather", std::nullopt);
    service.realm = ServiceName::parse("shop").value();
    for (auto [name, expected] : {std::pair("shop", "admit"), {"weather", "admit"}, {"admin", "wrong_scope"}}) {
        paywall::FoundCredential credential{std::optional(f.credential(name))};
        CHECK(text(paywall::decide({service, sold, Msat(1000), credential, &f.ring, {std::nullopt, noon}, noon})) ==
              expected);
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
        return text(paywall::decide({forever, match(free), Msat(1000), found, &f.ring, revoked, noon, proof}));
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
