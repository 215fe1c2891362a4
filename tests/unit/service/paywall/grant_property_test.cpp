// For random configurations, tokens, payments and requests: whatever holders append, it opens nothing that the token
// without it does not open, buys no more, and lasts no longer; and what was sold for a request opens it.
//
// MILLRACE_PROPERTY_CASES says how many cases (10,000 by default), MILLRACE_PROPERTY_SEED where they begin.
#include <cstdlib>
#include <limits>

#include "service/paywall/admission.hpp"
#include "service/paywall/tiers.hpp"
#include "service/paywall/token_claim.hpp"
#include "service/pricing/price.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/common/l402/tokens.hpp"
#include "tests/unit/common/random.hpp"

using namespace millrace;
using test::Random;

namespace {

constexpr std::chrono::sys_seconds now{std::chrono::seconds(1'800'000'000)};
const std::vector<std::string> capability_names{"admin", "read", "write"};
const std::vector<std::string> route_names{"keys", "maps", "units"};
const std::vector<std::string> service_names{"docs", "shop", "mall"};

std::uint64_t number_from(const char* name, std::uint64_t usual) {
    const char* text = std::getenv(name);
    return text && *text ? std::strtoull(text, nullptr, 10) : usual;
}

bool one_in(Random& random, std::uint64_t times) {
    return random.below(times) == 0;
}

template <class T>
const T& any_of(Random& random, const std::vector<T>& values) {
    return values[static_cast<std::size_t>(random.below(values.size()))];
}

std::uint64_t amount(Random& random) {
    static const std::vector<std::uint64_t> usual{1, 999, 1000, 1001, 2000, 5000, 9000, 5'000'000};
    return one_in(random, 6) ? 1 + random.any_magnitude() % config::max_price_msat : any_of(random, usual);
}

std::vector<std::string> some_capabilities(Random& random) {
    std::vector<std::string> out;
    for (const std::string& name : capability_names) {
        if (one_in(random, 2)) out.push_back(name);
    }
    return out;
}

config::Quota quota(Random& random) {
    config::Quota out;
    if (one_in(random, 3)) {
        out.credit = Msat(amount(random));
        return out;
    }
    if (one_in(random, 2)) out.uses = 1 + random.below(5);
    if (one_in(random, 3)) out.bytes = 1 + random.below(5000);
    return out;
}

std::optional<std::chrono::seconds> timeout(Random& random) {
    if (one_in(random, 2)) return std::nullopt;
    return std::chrono::seconds(1 + random.below(10'000));
}

config::Service service(Random& random, const std::string& name) {
    config::Service out{ServiceName::parse(name).value()};
    out.price = Msat(amount(random));
    out.timeout = timeout(random);
    out.quota = quota(random);
    for (const std::string& route_name : route_names) {
        if (one_in(random, 3)) continue;
        config::Route route{.name = route_name};
        if (one_in(random, 2)) route.price = Msat(amount(random));
        route.own_tokens = one_in(random, 3);
        if (one_in(random, 3)) route.capability = any_of(random, capability_names);
        if (one_in(random, 3)) route.min_tier = static_cast<unsigned>(random.below(4));
        out.routes.push_back(std::move(route));
    }
    if (one_in(random, 3)) out.pricer.emplace();
    return out;
}

// A service by itself, or a realm of up to three, which agree on tiers and quotas as the reader demands.
std::vector<config::Service> services(Random& random) {
    std::vector<config::Service> out{service(random, "docs")};
    if (one_in(random, 2)) {
        out.push_back(service(random, "shop"));
        if (one_in(random, 2)) out.push_back(service(random, "news"));
        for (config::Service& one : out) one.realm = ServiceName::parse("mall").value();
    }
    std::vector<config::Tier> tiers;
    const unsigned highest = one_in(random, 3) ? 0 : 4;
    for (unsigned number = 0; number < highest; ++number) {
        if (one_in(random, 3)) continue;
        tiers.push_back({.name = std::string(1, static_cast<char>('a' + number)),
                         .number = number,
                         .timeout = timeout(random),
                         .quota = quota(random),
                         .capabilities = some_capabilities(random)});
        if (one_in(random, 2)) tiers.back().price = Msat(amount(random));
    }
    for (config::Service& one : out) {
        one.quota = out.front().quota;
        one.tiers = tiers;
    }
    return out;
}

// The configuration as an operator may have made it since a token was sold.
void edit(Random& random, std::vector<config::Service>& services) {
    const std::vector<config::Service> other = ::services(random);
    for (std::size_t i = 0; i < services.size(); ++i) {
        const config::Service& from = other[i % other.size()];
        if (one_in(random, 3)) services[i].price = from.price;
        if (one_in(random, 3)) services[i].routes = from.routes;
        if (one_in(random, 3)) services[i].pricer = from.pricer;
        if (one_in(random, 3)) services[i].timeout = from.timeout;
    }
    const bool tiers = one_in(random, 3), quotas = one_in(random, 3);
    for (config::Service& one : services) {
        if (tiers) one.tiers = other.front().tiers;
        if (quotas) one.quota = other.front().quota;
    }
}

struct Request {
    paywall::RouteMatch match;
    std::string thing;
    Msat price;  // by a pricer, where there is one
    bool known = true;
};

Request request(Random& random, const std::vector<config::Service>& services) {
    Request out;
    out.match.service = static_cast<std::size_t>(random.below(services.size()));
    const config::Service& service = services[out.match.service];
    out.match.access = one_in(random, 8) ? paywall::Access::auth_only : paywall::Access::sold;
    if (!service.routes.empty() && !one_in(random, 3)) out.match.route = random.below(service.routes.size());
    out.thing = one_in(random, 2) ? "00aa" : "00bb";
    out.price = Msat(amount(random));
    out.known = !one_in(random, 10);
    return out;
}

// As a session asks: in the tier that the token was minted for, by the pricer where there is one.
paywall::Asked asked(const config::Service& service, const Request& request, unsigned tier) {
    const config::Route* route = request.match.route ? &service.routes[*request.match.route] : nullptr;
    const Msat by_rules = pricing::base_price(service, route, service.tier(tier) ? tier : 0);
    if (!service.pricer || request.match.access == paywall::Access::auth_only) return by_rules;
    return {request.known ? request.price : by_rules, request.known, request.thing};
}

struct World {
    l402::KeyRing keys;
    Preimage preimage{std::array<std::uint8_t, 32>{1, 2, 3}};
    l402::Identifier identifier{crypto::payment_hash(preimage), l402::make_token_id(1, {})};

    World() {
        keys.keys.emplace(l402::KeyEpoch{1}, SecretKey(std::array<std::uint8_t, 32>{7}));
        keys.current = 1;
    }
};

// What somebody appends who has a token that is sold in the name `usual`.
std::string caveat(Random& random, const std::string& usual) {
    const std::string& seller = one_in(random, 6) ? any_of(random, service_names) : usual;
    auto amount_text = [&]() -> std::string {
        if (one_in(random, 12))
            return any_of<std::string>(random, {"", "-1", "many", "18446744073709551616", "99999999999"});
        return std::to_string(amount(random));
    };
    auto list = [&] {
        std::string out;
        for (const std::string& one : some_capabilities(random)) out += (out.empty() ? "" : ",") + one;
        return out;
    };
    switch (random.below(10)) {
        case 0:
            return seller + "_max_price_msat=" + amount_text();
        case 1:
            return seller + "_credit_msat=" + amount_text();
        case 2:
            return seller + "_route=" + any_of(random, route_names);
        case 3:
            return seller + "_quote=" + (one_in(random, 2) ? "00aa" : "00bb");
        case 4:
            return seller + "_capabilities=" + list();
        case 5:
            return seller + "_valid_until=" + std::to_string(1'799'999'000 + random.below(3000));
        case 6:
            return seller + "_price_of=" + any_of(random, service_names);
        case 7:
            return "services=" + seller +
                   any_of<std::string>(random, {"", ":", ":nonsense", ":256", ":0,docs:1", ":-1", ":0,shop:0"});
        default:
            return "services=" + seller + ":" + std::to_string(random.below(4));
    }
}

// A token as it was minted, sold, given away or forged once, for what the configuration of then sells.
std::vector<std::string> minted(Random& random, const World& world, const std::vector<config::Service>& then) {
    const Request request = ::request(random, then);
    const config::Service& service = then[request.match.service];
    const unsigned tier = one_in(random, 4)       ? static_cast<unsigned>(random.below(4))
                          : service.tiers.empty() ? 0
                                                  : any_of(random, service.tiers).number;
    const l402::Sale sale = paywall::sale_of(service, request.match, asked(service, request, tier), tier);
    const std::string& seller = one_in(random, 6) ? service.name.text() : service.seller().text();
    std::vector<std::string> out;
    if (one_in(random, 2)) {  // of before
        test::OldSale old{sale.route, sale.quote, tier};
        if (sale.capabilities) {
            old.capabilities.emplace();
            for (const std::string& one : *sale.capabilities)
                *old.capabilities += (old.capabilities->empty() ? "" : ",") + one;
        }
        if (!sale.credit && (sale.quote || !sale.price_of || one_in(random, 4))) old.max_price = sale.price;
        old.credit = sale.credit;
        if (!sale.quote && one_in(random, 5)) old = {.route = old.route, .tier = tier};
        return test::caveats_of(seller, old);
    }
    const auto token = l402::mint(world.keys.keys.at(1), world.identifier, ServiceName::parse(seller).value(), sale);
    for (const macaroon::Caveat& one : token.caveats) out.emplace_back(one.text());
    return out;
}

paywall::PaymentFacts facts(Random& random) {
    paywall::PaymentFacts out;
    const auto ago = std::chrono::seconds(random.below(5000));
    if (!one_in(random, 3)) {
        out.settled_at = now - ago;
        out.amount = Msat(amount(random));
    }
    if (one_in(random, 2)) out.first_used_at = now - ago;
    if (one_in(random, 6)) {
        out.amount.reset();
        out.settled_at = now - ago;
        out.granted.emplace();
        if (one_in(random, 2)) out.granted->uses = 1 + random.below(9);
        if (one_in(random, 2)) out.granted->ends_at = now + std::chrono::seconds(random.below(5000));
    }
    return out;
}

// What a token is worth for a request. A larger one is worth no less in anything.
struct Worth {
    bool admitted = false;
    bool decided = true;  // false: no price could be learned, ask later
    std::uint64_t uses = 0, bytes = 0, credit = 0;
    paywall::Time until{};
    unsigned tier = 0;  // told the upstream
    std::vector<std::string> capabilities;
    std::string why;
};

Worth worth(const World& world, const std::vector<config::Service>& services, const Request& request,
            const std::vector<std::string>& caveats, const paywall::PaymentFacts& facts) {
    constexpr std::uint64_t any = std::numeric_limits<std::uint64_t>::max();
    const config::Service& service = services[request.match.service];
    const l402::Credential credential{test::token_with(world.keys.keys.at(1), world.identifier, caveats),
                                      world.identifier, world.preimage};
    const unsigned tier = paywall::TokenClaim(credential.macaroon, service).claim.tier();
    const paywall::FoundCredential found{std::optional(credential)};
    const auto decision = paywall::decide(
        {service, services, request.match, asked(service, request, tier), found, &world.keys, facts, now});
    Worth out;
    out.decided = !std::holds_alternative<paywall::Unavailable>(decision);
    if (const auto* demand = std::get_if<paywall::DemandPayment>(&decision)) out.why = paywall::name(demand->reason);
    const auto* admit = std::get_if<paywall::Admit>(&decision);
    if (!admit) return out;
    out.admitted = true;
    const config::Quota quota = paywall::quota_bought(service, admit->grant, admit->uses_granted);
    out.uses = quota.uses.value_or(any);
    out.bytes = quota.bytes.value_or(any);
    out.credit = quota.credit ? quota.credit->value() : any;
    out.until = admit->until.value_or(paywall::Time::max());
    out.tier = admit->grant.limits.lowest_tier();
    out.capabilities = paywall::capabilities_of(service, admit->grant);
    return out;
}

bool no_more(const Worth& with, const Worth& without) {
    if (!with.admitted) return true;
    return without.admitted && with.uses <= without.uses && with.bytes <= without.bytes &&
           with.credit <= without.credit && with.until <= without.until && with.tier <= without.tier &&
           std::includes(without.capabilities.begin(), without.capabilities.end(), with.capabilities.begin(),
                         with.capabilities.end());
}

std::string joined(const std::vector<std::string>& caveats) {
    std::string out;
    for (const std::string& one : caveats) out += one + " | ";
    return out;
}

}  // namespace

TEST_CASE("no appended caveat ever opens what the token without it does not, nor buys more, nor lasts longer") {
    const World world;
    const std::uint64_t cases = number_from("MILLRACE_PROPERTY_CASES", 10'000);
    const std::uint64_t seed = number_from("MILLRACE_PROPERTY_SEED", 20'261'128);
    std::uint64_t admitted = 0, narrowed = 0;
    for (std::uint64_t number = 0; number < cases; ++number) {
        Random random(seed + number);
        std::vector<config::Service> services = ::services(random);
        std::vector<std::string> caveats = minted(random, world, services);
        if (!one_in(random, 3)) edit(random, services);
        const paywall::PaymentFacts facts = ::facts(random);
        const Request request = ::request(random, services);
        Worth last = worth(world, services, request, caveats, facts);
        admitted += last.admitted ? 1 : 0;
        const std::string seller = services.front().seller().text();
        const bool downwards = one_in(random, 3);  // a tier at a time
        for (std::uint64_t more = 1 + random.below(3); more > 0; --more) {
            const std::string before = joined(caveats);
            caveats.push_back(downwards ? "services=" + seller + ':' + std::to_string(random.below(4))
                                        : caveat(random, seller));
            const Worth next = worth(world, services, request, caveats, facts);
            if (!no_more(next, last)) {
                INFO("MILLRACE_PROPERTY_SEED=" << seed + number << " MILLRACE_PROPERTY_CASES=1: " << before
                                               << " and then " << caveats.back() << "; without it: " << last.why << ' '
                                               << last.admitted);
                REQUIRE(no_more(next, last));
            }
            narrowed += last.admitted && !next.admitted ? 1 : 0;
            if (!next.decided) break;  // with a price it may be admitted, as the one before it
            last = next;
        }
    }
    // Both happen often, or the test shows nothing.
    CHECK(admitted > cases / 10);
    CHECK((narrowed > cases / 50 || cases < 100));
}

TEST_CASE("a token opens the request that it was sold for, at the price that was paid and no dearer one") {
    const World world;
    const std::uint64_t cases = number_from("MILLRACE_PROPERTY_CASES", 10'000);
    const std::uint64_t seed = number_from("MILLRACE_PROPERTY_SEED", 20'261'128);
    for (std::uint64_t number = 0; number < cases; ++number) {
        Random random(seed + number);
        const std::vector<config::Service> services = ::services(random);
        Request request = ::request(random, services);
        request.match.access = paywall::Access::sold;
        request.known = true;
        const config::Service& service = services[request.match.service];
        const config::Route* route = request.match.route ? &service.routes[*request.match.route] : nullptr;
        const auto tier = paywall::lowest_tier(service, route);
        const paywall::Asked price = asked(service, request, tier.value_or(0));
        if (!tier || (service.tiers.empty() && route && (route->min_tier > 0 || !route->capability.empty()))) continue;
        const l402::Sale sale = paywall::sale_of(service, request.match, price, *tier);
        const auto token = l402::mint(world.keys.keys.at(1), world.identifier, service.seller(), sale);
        std::vector<std::string> caveats;
        for (const macaroon::Caveat& one : token.caveats) caveats.emplace_back(one.text());
        INFO("MILLRACE_PROPERTY_SEED=" << seed + number << " MILLRACE_PROPERTY_CASES=1: " << joined(caveats));
        const Worth bought = worth(world, services, request, caveats, {});
        REQUIRE(bought.admitted);
        if (service.quota_of(*tier).credit) REQUIRE(bought.credit == service.quota_of(*tier).credit->value());
        // Anything dearer than was paid: nothing that is not this very thing opens.
        Request dearer = request;
        dearer.thing = "00cc";
        dearer.price = Msat(price.price.value() + 1);
        if (service.pricer && !service.quota_of(*tier).credit)
            REQUIRE_FALSE(worth(world, services, dearer, caveats, {}).admitted);
    }
}
