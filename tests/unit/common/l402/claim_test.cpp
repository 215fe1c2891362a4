#include "common/l402/claim.hpp"

#include <chrono>

#include "tests/unit/catch.hpp"
#include "tests/unit/common/l402/tokens.hpp"

namespace millrace::l402 {
namespace {

using Caveats = std::vector<std::string>;

constexpr std::chrono::sys_seconds now{std::chrono::seconds(1'700'000'000)};
const SecretKey key(std::array<std::uint8_t, 32>{9});

macaroon::Macaroon token(const Caveats& caveats) {
    return test::token_with(key, {PaymentHash{}, make_token_id(1, {})}, caveats);
}

std::string number(const std::optional<Msat>& amount) {
    return amount ? std::to_string(amount->value()) : "any";
}

// "price credit tier[>lowest] route quote [capabilities]", or why it is refused.
std::string text(const Caveats& caveats, const Payment& payment = {.base = Msat(100)}) {
    const Claim claim(token(caveats), "docs");
    if (const auto refusal = claim.refusal(now)) return std::string(name(*refusal));
    const Grant grant = claim.grant(payment);
    std::string out = number(grant.limits.price().most()) + ' ' + number(grant.limits.credit().most()) + ' ' +
                      std::to_string(grant.tier);
    if (grant.limits.lowest_tier() != grant.tier) out += '>' + std::to_string(grant.limits.lowest_tier());
    if (grant.limits.route()) out += (grant.minted_for_route ? " route " : " kept to ") + *grant.limits.route();
    if (grant.quote) out += " quote " + *grant.quote;
    if (grant.limits.capabilities()) {
        out += " [";
        for (const std::string& one : *grant.limits.capabilities()) out += one + ' ';
        out += ']';
    }
    return out;
}

}  // namespace

TEST_CASE("M1: what a token says in front of its services is what it was sold for, and nothing behind raises it") {
    struct {
        Caveats caveats;
        const char* expected;
    } const cases[] = {
        {{"docs_max_price_msat=1000", "services=docs:0"}, "1000 1000 0"},
        {{"docs_credit_msat=9000", "services=docs:0"}, "100 9000 0"},
        {{"docs_max_price_msat=1000", "docs_credit_msat=9000", "services=docs:0"}, "1000 9000 0"},
        {{"docs_max_price_msat=1000", "services=docs:0", "docs_max_price_msat=99999999999"}, "1000 1000 0"},
        {{"docs_max_price_msat=1000", "services=docs:0", "docs_credit_msat=99999999999"}, "1000 1000 0"},
        {{"docs_max_price_msat=1000", "services=docs:0", "docs_max_price_msat=10"}, "10 1000 0"},
        {{"docs_max_price_msat=1000", "services=docs:0", "docs_credit_msat=10"}, "1000 10 0"},
        {{"docs_credit_msat=9000", "services=docs:0", "docs_max_price_msat=99999999999"}, "100 9000 0"},
        {{"docs_credit_msat=9000", "services=docs:0", "docs_credit_msat=99999999999"}, "100 9000 0"},
        {{"docs_max_price_msat=many", "services=docs:0"}, "0 0 0"},
        {{"docs_max_price_msat=1000", "services=docs:0", "docs_max_price_msat=-1"}, "0 1000 0"},
        {{"docs_max_price_msat=1000", "services=docs:0", "docs_max_price_msat=18446744073709551616"}, "0 1000 0"},
        {{"docs_max_price_msat=1000", "docs_max_price_msat=5", "services=docs:0"}, "5 5 0"},
        {{"docs_max_price_msat=1000", "services=docs:0", "docs_max_price_msat=10", "docs_max_price_msat=11"},
         "widened"},
        // Another name's caveats are no business of this one.
        {{"docs_max_price_msat=1000", "services=docs:0", "maps_max_price_msat=1", "doc_credit_msat=1", "ocs_route=x"},
         "1000 1000 0"},
        // Its service's one price, whatever that is since; at least what was paid.
        {{"docs_price_of=docs", "docs_max_price_msat=50", "services=docs:0"}, "100 50 0"},
        {{"docs_price_of=docs", "docs_max_price_msat=5000", "services=docs:0"}, "5000 5000 0"},
        {{"docs_price_of=docs", "docs_max_price_msat=50", "services=docs:0", "docs_max_price_msat=60"}, "60 50 0"},
        {{"docs_max_price_msat=50", "services=docs:0", "docs_price_of=docs"}, "widened"},
        {{"docs_price_of=docs", "docs_max_price_msat=50", "services=docs:0", "docs_price_of=maps"}, "widened"},
    };
    for (const auto& c : cases) {
        INFO(c.caveats.back());
        CHECK(text(c.caveats) == c.expected);
        // What is known of the payment changes nothing.
        CHECK(text(c.caveats, {.base = Msat(100), .amount = Msat(7), .given = true}) == c.expected);
    }
}

TEST_CASE("M2: a token of before is good for what was paid, and what stands behind its services only lowers that") {
    const Payment unheard{.base = Msat(100)};
    const Payment paid{.base = Msat(100), .amount = Msat(1000)};
    const Payment cheap{.base = Msat(100), .amount = Msat(1)};
    const Payment given{.base = Msat(100), .given = true};
    struct {
        Caveats caveats;
        Payment payment;
        const char* expected;
    } const cases[] = {
        {{}, unheard, "100 100 0"},
        {{}, paid, "1000 1000 0"},
        {{}, cheap, "100 1 0"},
        {{}, given, "any any 0"},
        {{"docs_max_price_msat=1000"}, unheard, "100 100 0"},
        {{"docs_max_price_msat=1000"}, paid, "1000 1000 0"},
        {{"docs_max_price_msat=400"}, paid, "400 1000 0"},
        {{"docs_max_price_msat=99999999999"}, paid, "1000 1000 0"},
        {{"docs_max_price_msat=99999999999"}, given, "99999999999 any 0"},
        {{"docs_credit_msat=5000000"}, unheard, "100 100 0"},
        {{"docs_credit_msat=5000000"}, paid, "1000 1000 0"},
        {{"docs_credit_msat=5000000"}, cheap, "100 1 0"},
        {{"docs_credit_msat=500"}, paid, "1000 500 0"},
        {{"docs_credit_msat=500"}, given, "any 500 0"},
    };
    for (const auto& c : cases) {
        Caveats caveats{"services=docs:0"};
        caveats.insert(caveats.end(), c.caveats.begin(), c.caveats.end());
        INFO(caveats.back());
        CHECK(text(caveats, c.payment) == c.expected);
    }
    CHECK(text({"docs_quote=00ff", "services=docs:0", "docs_max_price_msat=400"}, paid) == "400 1000 0 quote 00ff");
    // The price that an old service put behind a quoted token's services is none that its holder put there.
    auto holders = [](const Caveats& caveats) {
        return number(Claim(token(caveats), "docs").grant({}).holders_price.most());
    };
    CHECK(holders({"docs_quote=00ff", "services=docs:0", "docs_max_price_msat=400"}) == "any");
    CHECK(holders({"docs_quote=00ff", "services=docs:0", "docs_max_price_msat=400", "docs_max_price_msat=3"}) == "3");
    CHECK(holders({"docs_quote=00ff", "docs_max_price_msat=400", "services=docs:0"}) == "any");
    CHECK(holders({"docs_quote=00ff", "docs_max_price_msat=400", "services=docs:0", "docs_max_price_msat=3"}) == "3");
    CHECK(holders({"services=docs:0", "docs_max_price_msat=3"}) == "3");
}

TEST_CASE("M3: the first services are the minted ones, and a later list takes something away") {
    struct {
        Caveats caveats;
        const char* expected;
    } const cases[] = {
        {{"services=docs:1"}, "100 100 1"},
        {{"services=docs:1", "services=docs:0"}, "100 100 1>0"},
        {{"services=docs:1", "services=docs"}, "100 100 1>0"},
        {{"services=docs:1", "services=docs:1"}, "100 100 1"},
        {{"services=docs:1", "services=docs:nonsense"}, "wrong_scope"},
        {{"services=docs:1", "services=docs:"}, "wrong_scope"},
        {{"services=docs:1", "services=docs:-1"}, "wrong_scope"},
        {{"services=docs:1", "services=docs:256"}, "wrong_scope"},
        {{"services=docs:1", "services=docs: 0"}, "wrong_scope"},
        {{"services=docs:1", "services=docs:0,docs:nonsense"}, "wrong_scope"},
        {{"services=docs:1", "services=docs:nonsense,docs:0"}, "wrong_scope"},
        {{"services=docs:1", "services=docs:nonsense", "services=docs:0"}, "widened"},
        {{"services=docs:1", "services=docs:2"}, "widened"},
        {{"services=docs:5", "services=docs:3", "services=docs:4"}, "widened"},
        {{"services=docs:5", "services=docs:3,docs:1"}, "100 100 5>1"},
        {{"services=docs:nonsense"}, "wrong_scope"},
        {{"services=docs:1", "docs_capabilities=read,write", "docs_capabilities=read"}, "100 100 1 [read ]"},
        {{"services=docs:1", "docs_capabilities=read", "docs_capabilities=read,write"}, "widened"},
        {{"services=docs:1", "docs_route=maps"}, "100 100 1 kept to maps"},
        {{"docs_route=maps", "services=docs:1"}, "100 100 1 route maps"},
        {{"docs_route=maps", "services=docs:1", "docs_route=keys"}, "widened"},
        {{"services=docs:1", "docs_quote=00ff"}, "widened"},
        {{"services=docs:1", "docs_quote="}, "widened"},
        {{"docs_quote=00ff", "services=docs:1", "docs_quote=00ff"}, "100 100 1 quote 00ff"},
        {{"docs_valid_until=1700000001", "services=docs:1"}, "100 100 1"},
        {{"docs_valid_until=1700000000", "services=docs:1"}, "expired"},
        {{"docs_valid_until=1700000000", "services=docs:1", "docs_valid_until=1800000000"}, "widened"},
    };
    for (const auto& c : cases) {
        INFO(c.caveats.front() << " ... " << c.caveats.back());
        CHECK(text(c.caveats) == c.expected);
    }
    Claim claim(token({"services=docs:5", "services=docs:3", "services=docs:1"}), "docs");
    const Tiers tiers = claim.grant({}).limits.tiers();
    CHECK((tiers.test(5) && tiers.test(3) && tiers.test(1) && tiers.count() == 3));
}

TEST_CASE("limits are met in any order, and a grant that nobody computed is good for nothing") {
    Limits one, other;
    one.price(Msat(5));
    one.capabilities({"a", "b"});
    one.tier(3);
    other.price(Msat(7));
    other.credit(Msat(2));
    other.capabilities({"b", "c"});
    other.route("maps");
    other.until(now);
    Limits left = one, right = other;
    left.no_more_than(other);
    right.no_more_than(one);
    CHECK(left == right);
    CHECK(left.price().most() == Msat(5));
    CHECK(left.capabilities() == std::vector<std::string>{"b"});
    Limits twice = left;
    twice.no_more_than(left);
    CHECK(twice == left);
    left.route("keys");
    CHECK(left.route() == "");
    const Grant blank;
    CHECK(blank.limits.price().most() == Msat(0));
    CHECK(blank.limits.credit().most() == Msat(0));
    CHECK(blank.limits.route() == "");
}

TEST_CASE("the services of a token are those of its first list") {
    CHECK(services_of(token({"colour=red", "services=maps:1,docs:2", "services=docs:0"})) == Caveats{"docs", "maps"});
    CHECK(services_of(token({"colour=red"})).empty());
}

}  // namespace millrace::l402
