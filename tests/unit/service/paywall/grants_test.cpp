// What tokens grant, by how they were minted, what was paid for them and what their holders appended.
#include "service/paywall/token_claim.hpp"
#include "tests/unit/service/paywall/admission_world.hpp"

using namespace millrace;
using namespace millrace::test;
using namespace std::chrono_literals;

TEST_CASE("a balance is what was paid for it, whatever the service sells now") {
    config::Service prepaid = test::service("weather", std::nullopt);
    auto bought = [&](Msat granted) {
        l402::Grant grant;
        grant.limits = {};
        grant.limits.credit(granted);
        return paywall::quota_bought(prepaid, grant).credit;
    };
    CHECK_FALSE(bought(Msat(500)));
    prepaid.quota.credit = Msat(9000);
    CHECK(bought(Msat(9000)) == Msat(9000));
    CHECK(bought(Msat(500)) == Msat(500));  // sold when a balance was smaller, or narrowed by its holder
    CHECK(bought(Msat(70'000)) == Msat(9000));
}

TEST_CASE("M2: a token holds the least of what was minted, paid and appended, whatever balance is sold now") {
    Fixture f;
    config::Service prepaid = test::service("weather", std::nullopt);
    prepaid.quota.credit = Msat(9'000'000);
    const paywall::PaymentFacts unheard{.first_used_at = noon};
    const paywall::PaymentFacts paid{.settled_at = noon, .first_used_at = noon, .amount = Msat(1500)};
    const paywall::PaymentFacts given{.settled_at = noon, .first_used_at = noon, .granted = paywall::GrantTerms{}};
    struct {
        const char* name;
        l402::Credential token;
        const char* appended;
        paywall::PaymentFacts facts;
        std::uint64_t balance;
    } const cases[] = {
        {"sold as a balance", f.sold({.credit = Msat(5000)}), "", unheard, 5000},
        {"sold as a balance, more asked for", f.sold({.credit = Msat(5000)}), "weather_credit_msat=5000000", paid,
         5000},
        {"less asked for", f.sold({.credit = Msat(5000)}), "weather_credit_msat=50", paid, 50},
        {"sold at a price", f.sold({.price = Msat(1200)}), "", unheard, 1200},
        {"sold at a price, more asked for", f.sold({.price = Msat(1200)}), "weather_credit_msat=5000000", paid, 1200},
        {"of before, paid", f.old(), "", paid, 1500},
        {"of before, paid, more asked for", f.old(), "weather_credit_msat=5000000", paid, 1500},
        {"of before, not heard of", f.old(), "", unheard, 1000},
        {"of before, not heard of, more asked for", f.old(), "weather_credit_msat=5000000", unheard, 1000},
        {"of before, of a balance", f.old({.credit = Msat(1400)}), "", paid, 1400},
        {"of before, of a balance, not heard of", f.old({.credit = Msat(1400)}), "", unheard, 1000},
        {"given away before", f.old({.credit = Msat(7000)}), "", given, 7000},
        {"given away before, of no balance", f.old(), "", given, 9'000'000},
        {"given away before, more asked for", f.old(), "weather_credit_msat=99999999999", given, 9'000'000},
    };
    for (const auto& c : cases) {
        INFO(c.name);
        l402::Credential token = c.token;
        if (*c.appended) token.macaroon.add_first_party_caveat(c.appended);
        auto decision = decide(prepaid, sold, Msat(1000), std::optional(token), &f.ring, c.facts, noon);
        auto* admit = std::get_if<paywall::Admit>(&decision);
        REQUIRE(admit);
        CHECK(paywall::quota_bought(prepaid, admit->grant).credit == Msat(c.balance));
    }
}

TEST_CASE("a token is good for the route and up to the price that it was bought for") {
    Fixture f;
    config::Service service = test::service("weather", std::nullopt);
    config::Route images{.name = "images", .path = config::PathPattern("/images/"), .price = Msat(5000)};
    config::Route keys{.name = "keys", .path = config::PathPattern("/keys/"), .own_tokens = true};
    const config::Service plain = service;
    config::Service dearer = plain;
    dearer.price = Msat(2000);
    service.routes = {images, keys};
    const paywall::RouteMatch at_images{0, paywall::Access::sold, 0};
    const paywall::RouteMatch at_keys{0, paywall::Access::sold, 1};

    const l402::Sale one_price = paywall::sale_of(plain, sold, Msat(1000));
    CHECK((one_price.price == Msat(1000) && one_price.price_of == "weather" && !one_price.credit && !one_price.route));
    const l402::Sale cheap = paywall::sale_of(service, sold, Msat(1000));
    CHECK((cheap.price == Msat(1000) && !cheap.price_of && !cheap.route));
    const l402::Sale of_keys = paywall::sale_of(service, at_keys, Msat(1000));
    CHECK((of_keys.price == Msat(1000) && of_keys.route == "keys"));

    config::Service prepaid = service;
    prepaid.quota.credit = Msat(9000);
    const l402::Sale balance = paywall::sale_of(prepaid, sold, Msat(1000));
    CHECK((balance.credit == Msat(9000) && !balance.price));

    const auto narrowed = [&](l402::Credential token, const char* caveat) {
        token.macaroon.add_first_party_caveat(caveat);
        return token;
    };
    struct {
        const char* name;
        const config::Service& service;
        l402::Credential token;
        paywall::RouteMatch match;
        std::uint64_t price;
        const char* expected;
    } const cases[] = {
        {"its price", plain, f.sold(one_price), sold, 1000, "admit"},
        {"its price has risen, as for everything", dearer, f.sold(one_price), sold, 2000, "admit"},
        {"narrowed by its holder", plain, narrowed(f.sold(one_price), "weather_max_price_msat=999"), sold, 1000,
         "underpaid"},
        {"widened by its holder", service, narrowed(f.sold(cheap), "weather_max_price_msat=99999999999"), at_images,
         5000, "underpaid"},
        {"widened by its holder, where one price is asked no more", service,
         narrowed(f.sold(one_price), "weather_max_price_msat=99999999999"), at_images, 5000, "underpaid"},
        {"cheap, where the price of everything has risen", dearer, f.sold(cheap), sold, 2000, "underpaid"},
        {"its price", service, f.sold(cheap), sold, 1000, "admit"},
        {"dearer than bought", service, f.sold(cheap), at_images, 5000, "underpaid"},
        {"of a balance, which is the limit", prepaid, f.sold(balance), at_images, 5000, "admit"},
        {"of a balance, narrowed", prepaid, narrowed(f.sold(balance), "weather_max_price_msat=4000"), at_images, 5000,
         "underpaid"},
        {"of a balance that is sold no more", service, f.sold(balance), at_images, 5000, "underpaid"},
        {"of a balance that is sold no more, at the base price", service, f.sold(balance), sold, 1000, "admit"},
        {"cheaper than bought", service, f.sold({.price = Msat(5000)}), sold, 1000, "admit"},
        {"of the route", service, f.sold(of_keys), at_keys, 1000, "admit"},
        {"of the service, not of the route", service, f.sold({.price = Msat(9000)}), at_keys, 1000, "wrong_scope"},
        {"of the route, elsewhere", service, f.sold({.price = Msat(9000), .route = "keys"}), sold, 1000, "wrong_scope"},
        {"of the route, at another", service, f.sold({.price = Msat(9000), .route = "keys"}), at_images, 1000,
         "wrong_scope"},
        {"sold for nothing", plain, f.sold({}), sold, 1, "underpaid"},
    };
    for (const auto& c : cases) {
        INFO(c.name);
        paywall::FoundCredential credential{std::optional(c.token)};
        CHECK(text(decide(c.service, c.match, Msat(c.price), credential, &f.ring, {std::nullopt, noon}, noon)) ==
              c.expected);
    }
}

TEST_CASE(
    "M1: a token of before is good up to what was paid, or the base price of where it was bought, and no caveat raises "
    "it") {
    Fixture f;
    config::Service service = test::service("weather", std::nullopt);
    const config::Service plain = service;
    service.routes = {config::Route{.name = "images", .path = config::PathPattern("/images/"), .price = Msat(5000)}};
    const paywall::RouteMatch at_images{0, paywall::Access::sold, 0};
    const paywall::PaymentFacts unheard{.first_used_at = noon};
    auto paid = [](std::uint64_t msat) {
        return paywall::PaymentFacts{.settled_at = noon, .first_used_at = noon, .amount = Msat(msat)};
    };
    const paywall::PaymentFacts given{.settled_at = noon, .first_used_at = noon, .granted = paywall::GrantTerms{}};
    struct {
        const char* name;
        test::OldSale sale;
        const char* appended;
        paywall::PaymentFacts facts;
        const char* base;
        const char* images;
    } const cases[] = {
        {"of one price", {}, "", paid(1000), "admit", "underpaid"},
        {"of one price, that has risen", {}, "", paid(500), "admit", "underpaid"},
        {"of one price, not heard of", {}, "", unheard, "admit", "underpaid"},
        {"asking for more", {}, "weather_max_price_msat=99999999999", paid(1000), "admit", "underpaid"},
        {"asking for more, not heard of", {}, "weather_max_price_msat=99999999999", unheard, "admit", "underpaid"},
        {"sold cheap", {.max_price = Msat(100)}, "", paid(100), "underpaid", "underpaid"},
        {"sold dear", {.max_price = Msat(5000)}, "", paid(5000), "admit", "admit"},
        {"sold dear, not heard of", {.max_price = Msat(5000)}, "", unheard, "admit", "underpaid"},
        {"narrowed", {.max_price = Msat(5000)}, "weather_max_price_msat=1000", paid(5000), "admit", "underpaid"},
        {"given away", {.max_price = Msat(config::max_price_msat)}, "", given, "admit", "admit"},
        {"given away up to a price", {.max_price = Msat(1000)}, "", given, "admit", "underpaid"},
    };
    for (const auto& c : cases) {
        INFO(c.name);
        l402::Credential token = f.old(c.sale);
        if (*c.appended) token.macaroon.add_first_party_caveat(c.appended);
        paywall::FoundCredential credential{std::optional(token)};
        CHECK(text(decide(service, sold, Msat(1000), credential, &f.ring, c.facts, noon)) == c.base);
        CHECK(text(decide(service, at_images, Msat(5000), credential, &f.ring, c.facts, noon)) == c.images);
    }
}

TEST_CASE("M1: in a realm a token is good up to what was paid for it, at whichever of its services") {
    Fixture f;
    const ServiceName shop = ServiceName::parse("shop").value();
    std::vector<config::Service> realm{test::service("a", std::nullopt), test::service("b", std::nullopt),
                                       test::service("c", std::nullopt)};
    realm[1].price = Msat(3000);
    realm[1].routes = {config::Route{.name = "dear", .path = config::PathPattern("/dear/"), .price = Msat(5'000'000)}};
    for (config::Service& one : realm) one.realm = shop;
    l402::Identifier identifier{crypto::payment_hash(f.preimage), l402::make_token_id(1, {})};
    auto token = [&](std::vector<std::string> caveats) {
        return l402::Credential{test::token_with(f.ring.keys.at(1), identifier, caveats), identifier, f.preimage};
    };
    auto bought = [&](const config::Service& at) {
        return l402::Credential{l402::mint(f.ring.keys.at(1), identifier, shop, paywall::sale_of(at, sold, at.price)),
                                identifier, f.preimage};
    };
    auto widened = [&](l402::Credential credential) {
        credential.macaroon.add_first_party_caveat("shop_max_price_msat=99999999999");
        return credential;
    };
    const paywall::PaymentFacts unheard{.first_used_at = noon};
    auto paid = [](std::uint64_t msat) {
        return paywall::PaymentFacts{.settled_at = noon, .first_used_at = noon, .amount = Msat(msat)};
    };
    std::vector<config::Service> risen = realm;
    risen[0].price = risen[2].price = Msat(2000);
    risen[1].price = Msat(2000);
    struct {
        const char* name;
        std::span<const config::Service> services;
        l402::Credential token;
        paywall::PaymentFacts facts;
        const char* expected;  // at a, at b, at b's dear route
    } const cases[] = {
        {"bought at a", realm, bought(realm[0]), paid(1000), "admit underpaid underpaid"},
        {"bought at a, asking for more", realm, widened(bought(realm[0])), paid(1000), "admit underpaid underpaid"},
        {"bought at b", realm, bought(realm[1]), paid(3000), "admit admit underpaid"},
        {"bought at a, all prices have risen", risen, bought(realm[0]), unheard, "admit admit underpaid"},
        {"of before, bought at a", realm, token({"services=shop:0"}), paid(1000), "admit underpaid underpaid"},
        {"of before, asking for more", realm, widened(token({"services=shop:0"})), paid(1000),
         "admit underpaid underpaid"},
        {"of before, bought at b", realm, token({"services=shop:0"}), paid(3000), "admit admit underpaid"},
        {"of before, not heard of", realm, widened(token({"services=shop:0"})), unheard, "admit underpaid underpaid"},
        {"of before, all prices have risen", risen, token({"services=shop:0"}), paid(1000), "admit admit underpaid"},
        {"of before the realm", realm, token({"services=b:0"}), unheard, "wrong_scope admit underpaid"},
        {"of before the realm, asking for more", realm, token({"services=b:0", "b_max_price_msat=99999999999"}),
         paid(3000), "wrong_scope admit underpaid"},
    };
    for (const auto& c : cases) {
        INFO(c.name);
        paywall::FoundCredential credential{std::optional(c.token)};
        auto at = [&](std::size_t service, std::optional<std::size_t> route, Msat price) {
            return text(
                decide(c.services, {service, paywall::Access::sold, route}, price, credential, &f.ring, c.facts, noon));
        };
        CHECK(at(0, std::nullopt, c.services[0].price) + ' ' + at(1, std::nullopt, c.services[1].price) + ' ' +
                  at(1, 0, Msat(5'000'000)) ==
              c.expected);
    }
}

TEST_CASE("a token of the service becomes none of a route with tokens of its own by a caveat of its holder") {
    Fixture f;
    config::Service service = test::service("weather", std::nullopt);
    service.routes = {config::Route{.name = "keys", .path = config::PathPattern("/keys/"), .own_tokens = true},
                      config::Route{.name = "maps", .path = config::PathPattern("/maps/")}};
    auto opens = [&](const l402::Credential& token, std::optional<std::size_t> route) {
        paywall::FoundCredential credential{std::optional(token)};
        const paywall::RouteMatch match{0, paywall::Access::sold, route};
        return text(decide(service, match, Msat(1000), credential, &f.ring, {std::nullopt, noon}, noon));
    };
    auto forged = f.sold({.price = Msat(1000)});
    forged.macaroon.add_first_party_caveat("weather_route=keys");
    CHECK(opens(forged, 0) == "wrong_scope");
    auto delegated = f.sold({.price = Msat(1000)});
    delegated.macaroon.add_first_party_caveat("weather_route=maps");
    CHECK(opens(delegated, 1) == "admit");
    CHECK(opens(delegated, std::nullopt) == "wrong_scope");
    CHECK(opens(f.sold({.price = Msat(1000), .route = "keys"}), 0) == "admit");
    CHECK(opens(f.old({.route = "keys"}), 0) == "admit");
}

TEST_CASE(
    "M1: a price that moves makes no token worthless, and what is cheap does not open what is dear, whoever says the "
    "price") {
    Fixture f;
    config::Service service = test::service("weather", std::nullopt);
    service.pricer.emplace();
    const paywall::Asked at_first{Msat(1000), true, "this"};
    const l402::Credential for_this = f.sold(paywall::sale_of(service, sold, at_first));
    const l402::Credential old_for_this = f.old({.quote = "this", .max_price = Msat(1000)});
    const l402::Credential old = f.old();
    config::Service prepaid = service;
    prepaid.quota.credit = Msat(9000);
    const l402::Sale of_balance = paywall::sale_of(prepaid, sold, at_first);
    CHECK((of_balance.credit == Msat(9000) && !of_balance.quote && !of_balance.price));
    const l402::Credential balance = f.sold(of_balance);
    auto kept = for_this;
    kept.macaroon.add_first_party_caveat("weather_max_price_msat=1000");
    const paywall::RouteMatch member{0, paywall::Access::auth_only};
    struct {
        const char* name;
        const config::Service& service;
        const l402::Credential& token;
        paywall::RouteMatch match;
        std::uint64_t price;
        bool known;
        const char* thing;
        const char* expected;
    } const cases[] = {
        {"at its price", service, for_this, sold, 1000, true, "this", "admit"},
        {"dearer since", service, for_this, sold, 900'000, true, "this", "admit"},
        {"nobody knows the price", service, for_this, sold, 500, false, "this", "admit"},
        {"another thing, as cheap", service, for_this, sold, 1000, true, "that", "admit"},
        {"another thing, dearer", service, for_this, sold, 1001, true, "that", "underpaid"},
        {"another thing, at no known price", service, for_this, sold, 500, false, "that", "unavailable"},
        {"where tokens alone are taken", service, for_this, member, 90'000, true, "", "admit"},
        {"of before, dearer since", service, old_for_this, sold, 900'000, true, "this", "admit"},
        {"of before, another thing, dearer", service, old_for_this, sold, 1001, true, "that", "underpaid"},
        {"kept to a price by its holder", service, kept, sold, 1000, true, "this", "admit"},
        {"kept to a price by its holder, dearer since", service, kept, sold, 1001, true, "this", "underpaid"},
        {"sold before there was a pricer", service, old, sold, 1000, true, "this", "admit"},
        {"sold before there was a pricer, which asks for more", service, old, sold, 7'000'000, true, "this",
         "underpaid"},
        {"and nobody knows the price", service, old, sold, 1000, false, "this", "unavailable"},
        {"a balance draws today's price", prepaid, balance, sold, 5000, true, "this", "admit"},
        {"which must be known", prepaid, balance, sold, 500, false, "this", "unavailable"},
    };
    for (const auto& c : cases) {
        INFO(c.name);
        paywall::FoundCredential credential{std::optional(c.token)};
        paywall::Asked asked{Msat(c.price), c.known, c.thing};
        CHECK(text(decide(c.service, c.match, asked, credential, &f.ring, {std::nullopt, noon}, noon)) == c.expected);
    }
    // Nobody makes a token good for a thing by saying so.
    auto forged = old;
    forged.macaroon.add_first_party_caveat("weather_quote=that");
    paywall::FoundCredential credential{std::optional(forged)};
    CHECK(text(decide(service, sold, {Msat(1000), true, "that"}, credential, &f.ring, {}, noon)) == "widened");
}

TEST_CASE("a tier opens what its number and its capabilities say, narrowed by its holder at most") {
    Fixture f;
    config::Service service = test::service("weather", std::nullopt);
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
    const l402::Sale basic = paywall::sale_of(service, sold, Msat(1000), 0);
    const l402::Sale gold = paywall::sale_of(service, sold, Msat(5000), 2);
    CHECK(gold.tier == 2);
    CHECK(gold.capabilities == std::vector<std::string>{"read", "write"});
    CHECK(paywall::quota_bought(service, {.tier = 2}).uses == 3);
    CHECK_FALSE(paywall::quota_bought(service, {.tier = 0}).uses);
    auto opens = [&](const l402::Credential& token, std::size_t route) {
        paywall::FoundCredential credential{std::optional(token)};
        const paywall::RouteMatch match{0, paywall::Access::sold, route};
        return text(decide(service, match, Msat(1000), credential, &f.ring, {std::nullopt, noon}, noon));
    };
    const l402::Sale before_tiers{.price = Msat(1000)};
    auto with = [&](const l402::Sale& grant, std::initializer_list<const char*> caveats) {
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
        {"a lower tier by its holder", with(gold, {"services=weather:0"}), "admit until 3600", "missing_capability",
         "tier_too_low"},
        {"a tier that is not sold by its holder", with(gold, {"services=weather:1"}), "tier_too_low", "tier_too_low",
         "tier_too_low"},
        {"and on to one that is", with(gold, {"services=weather:1", "services=weather:0"}), "tier_too_low",
         "tier_too_low", "tier_too_low"},
        {"a tier that nobody can read", with(gold, {"services=weather:nonsense"}), "wrong_scope", "wrong_scope",
         "wrong_scope"},
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

TEST_CASE("M3: what a token buys is looked up by the tier that was minted, not by what its holder made of it") {
    Fixture f;
    config::Service service = test::service("weather", std::nullopt);
    service.tiers = {
        config::Tier{.name = "one", .number = 1, .timeout = 1h, .quota = {.uses = 1}, .capabilities = {"read"}},
        config::Tier{.name = "two", .number = 2, .timeout = 2h, .quota = {.uses = 2}, .capabilities = {"admin"}},
        config::Tier{
            .name = "three", .number = 3, .timeout = 3h, .quota = {.uses = 3}, .capabilities = {"read", "write"}}};
    service.routes = {config::Route{.name = "read", .capability = "read"},
                      config::Route{.name = "admin", .capability = "admin"},
                      config::Route{.name = "lounge", .min_tier = 2}};
    auto bought = [&](unsigned tier, std::initializer_list<const char*> caveats,
                      std::optional<std::size_t> route = std::nullopt) {
        auto token = f.sold({.price = Msat(1000), .tier = tier});
        for (const char* one : caveats) token.macaroon.add_first_party_caveat(one);
        const paywall::RouteMatch match{0, paywall::Access::sold, route};
        const auto decision = decide(service, match, Msat(1000), std::optional(token), &f.ring, {noon, noon}, noon);
        const auto* admit = std::get_if<paywall::Admit>(&decision);
        if (!admit) return text(decision);
        const auto uses = paywall::quota_bought(service, admit->grant).uses;
        const long long hours = admit->until ? (*admit->until - noon) / 1h : -1;
        return (uses ? std::to_string(*uses) : "any") + " uses " + std::to_string(hours) + " h";
    };
    CHECK(bought(1, {}) == "1 uses 1 h");
    CHECK(bought(1, {"services=weather:0"}) == "tier_too_low");
    CHECK(bought(1, {"services=weather"}) == "tier_too_low");
    CHECK(bought(1, {"services=weather:nonsense"}) == "wrong_scope");
    CHECK(bought(3, {"services=weather:1"}) == "3 uses 3 h");
    CHECK(bought(2, {"services=weather:1"}) == "2 uses 2 h");
    CHECK(bought(3, {"services=weather:1"}, 2) == "tier_too_low");
    CHECK(bought(3, {"services=weather:1"}, 0) == "3 uses 3 h");
    // The tiers on the way down count, each with what it lacks.
    CHECK(bought(3, {"services=weather:2"}, 1) == "missing_capability");
    CHECK(bought(3, {"services=weather:2"}, 0) == "missing_capability");
    CHECK(bought(3, {"services=weather:2", "services=weather:1"}, 0) == "missing_capability");
    // A tier that is sold no more has the service's own terms; its number is kept.
    CHECK(bought(0, {}) == "any uses -1 h");
    CHECK(bought(7, {}) == "any uses -1 h");
    service.timeout = 5h;
    service.quota.uses = 5;
    CHECK(bought(7, {}) == "5 uses 5 h");
    CHECK(bought(7, {"services=weather:3"}) == "5 uses 5 h");
    CHECK(bought(7, {}, 2) == "5 uses 5 h");
    CHECK(bought(7, {}, 0) == "missing_capability");
    CHECK(bought(7, {"services=weather:6"}) == "tier_too_low");
}
