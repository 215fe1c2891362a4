#include "service/admin/grant.hpp"

#include "common/codec/base64.hpp"
#include "common/crypto/hash.hpp"
#include "service/config/load.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::admin;

namespace {

constexpr std::chrono::sys_seconds now{std::chrono::seconds(1'800'000'000)};

const config::Config& site() {
    static const config::Config out = config::parse(R"([listen]
address = "127.0.0.1:80"
[node]
gateway = "g"
[store]
path = "s"
[[service]]
name = "plain"
path = "/plain/"
upstream = "http://127.0.0.1:1"
price_msat = 5
[[service]]
name = "priced"
path = "/priced/"
upstream = "http://127.0.0.1:1"
price_msat = 5
[[service.route]]
name = "own"
path = "/priced/own"
scope = "route"
[[service.route]]
name = "dear"
path = "/priced/dear"
price_msat = 50
[[service]]
name = "north"
path = "/north/"
upstream = "http://127.0.0.1:1"
price_msat = 5
credit_msat = 50
realm = "compass"
[[service]]
name = "kinds"
path = "/kinds/"
upstream = "http://127.0.0.1:1"
price_msat = 5
[[service.route]]
name = "members"
path = "/kinds/members"
scope = "route"
min_tier = 2
[[service.tier]]
name = "low"
tier = 1
[[service.tier]]
name = "high"
tier = 2
credit_msat = 70
capabilities = ["search"]
[[service]]
name = "charge"
path = "/charge/"
upstream = "http://127.0.0.1:1"
price_msat = 5
schemes = ["payment"]
)",
                                                    "m.toml")
                                          .value();
    return out;
}

l402::KeyRing ring() {
    l402::KeyRing out;
    for (std::uint16_t epoch : {std::uint16_t{3}, std::uint16_t{4}}) {
        std::array<std::uint8_t, 32> bytes{};
        bytes[0] = static_cast<std::uint8_t>(epoch);
        out.keys.emplace(epoch, SecretKey::from_bytes(bytes).value());
    }
    out.current = 4;
    return out;
}

std::variant<Granted, Refusal> granted(const GrantWish& wish) {
    static const l402::KeyRing keys = ring();
    GrantSeed seed{};
    seed.preimage[0] = 7;
    seed.token[0] = 8;
    return make_grant(wish, site(), &keys, seed, now);
}

unsigned status(const std::variant<Granted, Refusal>& outcome) {
    const auto* refusal = std::get_if<Refusal>(&outcome);
    return refusal ? refusal->status : 0;
}

l402::Credential credential(const Granted& made) {
    return l402::parse_authorization(l402::authorization_value(made.token_base64, made.preimage)).value();
}

std::string caveats(const Granted& made) {
    std::string out;
    for (const macaroon::Caveat& caveat : credential(made).macaroon.caveats) out.append(caveat.text()).append(" ");
    return out;
}

}  // namespace

TEST_CASE("what is granted verifies as a token that was paid, under the key that signs now") {
    auto outcome = granted({.service = "plain", .reason = "why"});
    auto& made = std::get<Granted>(outcome);
    CHECK(made.record.hash == crypto::payment_hash(made.preimage));
    CHECK(made.record.granted_at == now);
    l402::Credential shown = credential(made);
    CHECK(shown.identifier.epoch() == 4);
    CHECK(shown.identifier.token_id == made.record.token_id);
    CHECK_FALSE(l402::verify(shown, ring(), "plain", now));
    CHECK(caveats(made) == "plain_max_price_msat=1099511627775 services=plain:0 ");
    CHECK(l402::verify(shown, ring(), "priced", now) == l402::Refusal::wrong_scope);
}

TEST_CASE("a grant's end stands in the token and in the record") {
    auto outcome = granted({.service = "plain", .expires_in = std::chrono::seconds(10), .uses = 3});
    auto& made = std::get<Granted>(outcome);
    CHECK(made.record.terms.ends_at == now + std::chrono::seconds(10));
    CHECK(made.record.terms.uses == 3U);
    CHECK_FALSE(l402::verify(credential(made), ring(), "plain", now + std::chrono::seconds(9)));
    CHECK(l402::verify(credential(made), ring(), "plain", now + std::chrono::seconds(10)) == l402::Refusal::expired);
}

TEST_CASE("what a grant is good for stands in front of its services, as in a token that is sold") {
    struct Case {
        GrantWish wish;
        const char* seller;
        const char* caveats;
    };
    for (const Case& one : {
             Case{{.service = "priced"}, "priced", "priced_max_price_msat=1099511627775 services=priced:0 "},
             Case{{.service = "priced", .max_price = Msat(5)}, "priced", "priced_max_price_msat=5 services=priced:0 "},
             Case{{.service = "priced", .route = "own"},
                  "priced",
                  "priced_route=own priced_max_price_msat=1099511627775 services=priced:0 "},
             Case{{.service = "priced", .expires_in = std::chrono::seconds(9), .max_price = Msat(5)},
                  "priced",
                  "priced_max_price_msat=5 priced_valid_until=1800000009 services=priced:0 "},
             Case{{.service = "kinds"},
                  "kinds",
                  "kinds_max_price_msat=1099511627775 services=kinds:1 kinds_capabilities= "},
             Case{{.service = "kinds", .tier = "high"},
                  "kinds",
                  "kinds_credit_msat=70 services=kinds:2 kinds_capabilities=search "},
             Case{{.service = "kinds", .tier = "2"},
                  "kinds",
                  "kinds_credit_msat=70 services=kinds:2 kinds_capabilities=search "},
             Case{{.service = "kinds", .route = "members"},
                  "kinds",
                  "kinds_route=members kinds_credit_msat=70 services=kinds:2 kinds_capabilities=search "},
             Case{{.service = "north"}, "compass", "compass_credit_msat=50 services=compass:0 "},
             Case{{.service = "compass", .max_price = Msat(9)},
                  "compass",
                  "compass_max_price_msat=9 compass_credit_msat=50 services=compass:0 "},
         }) {
        INFO(one.wish.service << ' ' << one.wish.route << ' ' << one.wish.tier);
        auto outcome = granted(one.wish);
        auto& made = std::get<Granted>(outcome);
        CHECK(made.record.service == one.seller);
        CHECK_FALSE(l402::verify(credential(made), ring(), one.seller, now));
        CHECK(caveats(made) == one.caveats);
    }
}

TEST_CASE("what cannot be granted is refused") {
    CHECK(status(granted({.service = "nothing"})) == 404);
    CHECK(status(granted({.service = "priced", .route = "nothing"})) == 404);
    CHECK(status(granted({.service = "priced", .route = "dear"})) == 409);
    CHECK(status(granted({.service = "kinds", .tier = "middle"})) == 404);
    CHECK(status(granted({.service = "kinds", .route = "members", .tier = "low"})) == 409);
    CHECK(status(granted({.service = "charge"})) == 409);
    CHECK(status(make_grant({.service = "plain"}, site(), nullptr, {}, now)) == 503);
    l402::KeyRing empty;
    CHECK(status(make_grant({.service = "plain"}, site(), &empty, {}, now)) == 503);
}
