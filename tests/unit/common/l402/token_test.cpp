#include "common/l402/token.hpp"

#include <array>
#include <iterator>
#include <set>

#include "common/codec/base64.hpp"
#include "common/crypto/hash.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/common/l402/tokens.hpp"
#include "tests/unit/common/random.hpp"

namespace millrace::l402 {
namespace {

using Clock = std::chrono::system_clock;

constexpr Clock::time_point now{std::chrono::seconds(1'700'000'000)};

SecretKey key_of(std::uint8_t byte) {
    std::array<std::uint8_t, 32> bytes{};
    bytes.fill(byte);
    return SecretKey(bytes);
}

Preimage preimage_of(std::uint8_t byte) {
    std::array<std::uint8_t, 32> bytes{};
    bytes.fill(byte);
    return Preimage(bytes);
}

KeyRing two_epochs() {
    KeyRing keys;
    keys.keys.emplace(KeyEpoch{0}, key_of(0x10));
    keys.keys.emplace(KeyEpoch{1}, key_of(0x11));
    keys.current = 1;
    return keys;
}

Identifier identifier_of(KeyEpoch epoch) {
    std::array<std::uint8_t, 30> random{};
    random.fill(0x77);
    return {crypto::payment_hash(preimage_of(0xaa)), make_token_id(epoch, random)};
}

// A paid token of epoch 1 for the service "weather", at 1000 msat, attenuated by `caveats`.
Credential paid(const std::vector<std::string>& caveats = {}, std::string_view service = "weather") {
    const Identifier identifier = identifier_of(1);
    macaroon::Macaroon macaroon =
        mint(key_of(0x11), identifier, ServiceName::parse(service).value(), {.price = Msat(1000)});
    for (const std::string& caveat : caveats) macaroon.add_first_party_caveat(caveat);
    return {std::move(macaroon), identifier, preimage_of(0xaa)};
}

TEST_CASE("A minted token is what the clients expect, from a key derived for it alone") {
    const Identifier identifier = identifier_of(1);
    const macaroon::Macaroon token =
        mint(key_of(0x11), identifier, ServiceName::parse("weather").value(), {.price = Msat(1000)});
    CHECK(token.location == "lsat");
    const auto id = identifier.encode();
    CHECK(token.identifier == to_bytes(id));
    REQUIRE(token.caveats.size() == 2);
    CHECK(token.caveats[0].text() == "weather_max_price_msat=1000");
    CHECK(token.caveats[1].text() == "services=weather:0");
    CHECK(token.caveats[1].first_party());
    // DESIGN D4: root key = HMAC-SHA256(epoch key, identifier).
    CHECK(token.verifies(crypto::hmac_sha256(key_of(0x11).reveal(), id)));
    CHECK_FALSE(token.verifies(key_of(0x11).reveal()));
    // Standard base 64 with padding, short enough for every header limit.
    CHECK(codec::to_base64(macaroon::encode_v2(token)).size() < 256);
}

TEST_CASE("A paid token is good for its service") {
    CHECK(verify(paid(), two_epochs(), "weather", now) == std::nullopt);
    CHECK(verify_any_service(paid(), two_epochs(), now) == std::nullopt);
}

TEST_CASE("What does not hold is refused with its own reason") {
    struct Case {
        const char* what;
        std::vector<std::string> caveats;
        std::optional<Refusal> refusal;
    };
    const Case cases[] = {
        {"lnget's preimage caveat", {"preimage=" + std::string(64, 'a')}, std::nullopt},
        {"a wrong preimage caveat is transport only", {"preimage=" + std::string(64, 'b')}, std::nullopt},
        {"unknown caveats",
         {"colour=blue", "RequestPath = /x", "ip=1.2.3.4", "", "=", "==", "no equals sign"},
         std::nullopt},
        {"capabilities of Aperture, not minted here", {"weather_capabilities=read,write"}, std::nullopt},
        {"the same services again", {"services=weather:0"}, std::nullopt},
        {"a higher tier of the same service", {"services=weather:1"}, Refusal::widened},
        {"a name without a tier", {"services=weather"}, std::nullopt},
        {"another service", {"services=maps:0"}, Refusal::widened},
        {"one service more", {"services=weather:0,maps:0"}, Refusal::widened},
        {"one service more, first", {"services=maps:0,weather:0"}, Refusal::widened},
        {"no service left", {"services="}, Refusal::wrong_scope},
        {"no service left, without equals sign", {"services"}, Refusal::wrong_scope},
        {"narrowed to nothing, then widened", {"services=", "services=weather:0"}, Refusal::widened},
        {"a prefix of the name", {"services=weathe:0"}, Refusal::widened},
        {"a name that begins like it", {"services=weather2:0"}, Refusal::widened},
        {"valid for another second", {"weather_valid_until=1700000001"}, std::nullopt},
        {"valid until now", {"weather_valid_until=1700000000"}, Refusal::expired},
        {"valid until long ago", {"weather_valid_until=1"}, Refusal::expired},
        {"valid until zero", {"weather_valid_until=0"}, Refusal::expired},
        {"a negative time", {"weather_valid_until=-1"}, Refusal::expired},
        {"narrowed time", {"weather_valid_until=1700000100", "weather_valid_until=1700000050"}, std::nullopt},
        {"the same time again", {"weather_valid_until=1700000100", "weather_valid_until=1700000100"}, std::nullopt},
        {"widened time", {"weather_valid_until=1700000050", "weather_valid_until=1700000100"}, Refusal::widened},
        {"narrowed time that is over",
         {"weather_valid_until=1700000100", "weather_valid_until=1600000000"},
         Refusal::expired},
        {"an expired time cannot be revived",
         {"weather_valid_until=1600000000", "weather_valid_until=1700000100"},
         Refusal::widened},
        {"a time that is no number", {"weather_valid_until=tomorrow"}, Refusal::expired},
        {"a time with blanks", {"weather_valid_until= 1800000000"}, Refusal::expired},
        {"a time with a fraction", {"weather_valid_until=1800000000.5"}, Refusal::expired},
        {"an empty time", {"weather_valid_until="}, Refusal::expired},
        {"a time beyond 64 bits", {"weather_valid_until=99999999999999999999"}, Refusal::expired},
        {"the time of another service", {"maps_valid_until=1"}, std::nullopt},
        {"a narrowed balance", {"weather_credit_msat=1000", "weather_credit_msat=500"}, std::nullopt},
        {"a widened balance", {"weather_credit_msat=500", "weather_credit_msat=1000"}, Refusal::widened},
    };
    for (const Case& c : cases) {
        CAPTURE(c.what);
        CHECK(verify(paid(c.caveats), two_epochs(), "weather", now) == c.refusal);
    }
}

TEST_CASE("A token opens no service but its own") {
    for (const char* service : {"maps", "weathe", "weather2", "", "weather:0", "WEATHER", "weather "}) {
        CAPTURE(service);
        CHECK(verify(paid(), two_epochs(), service, now) == Refusal::wrong_scope);
    }
}

TEST_CASE("A token without a services caveat was never sold and opens nothing") {
    const Identifier identifier = identifier_of(1);
    const auto id = identifier.encode();
    const crypto::Digest root_key = crypto::hmac_sha256(key_of(0x11).reveal(), id);
    const Credential credential{macaroon::Macaroon::create(root_key, id, "lsat"), identifier, preimage_of(0xaa)};
    CHECK(verify(credential, two_epochs(), "weather", now) == Refusal::wrong_scope);
    CHECK(verify(credential, two_epochs(), "", now) == Refusal::wrong_scope);
    CHECK(verify_any_service(credential, two_epochs(), now) == Refusal::wrong_scope);
}

TEST_CASE("Old epochs verify on, retired and foreign ones do not") {
    const Identifier identifier = identifier_of(0);
    const Credential old{mint(key_of(0x10), identifier, ServiceName::parse("weather").value(), {.price = Msat(1)}),
                         identifier, preimage_of(0xaa)};
    KeyRing keys = two_epochs();
    CHECK(verify(old, keys, "weather", now) == std::nullopt);
    keys.keys.erase(0);
    CHECK(verify(old, keys, "weather", now) == Refusal::unknown_key);
    CHECK(verify(old, KeyRing{}, "weather", now) == Refusal::unknown_key);
    keys.keys.emplace(KeyEpoch{0}, key_of(0x99));
    CHECK(verify(old, keys, "weather", now) == Refusal::bad_signature);
    CHECK(keys.find(0) != nullptr);
    CHECK(keys.find(7) == nullptr);
}

TEST_CASE("An unpaid token is refused, whatever else is right") {
    Credential credential = paid();
    credential.preimage = preimage_of(0xab);
    CHECK(verify(credential, two_epochs(), "weather", now) == Refusal::bad_preimage);
    CHECK(verify_any_service(credential, two_epochs(), now) == Refusal::bad_preimage);
    credential.preimage = Preimage();
    CHECK(verify(credential, two_epochs(), "weather", now) == Refusal::bad_preimage);
}

TEST_CASE("A changed token is refused") {
    const KeyRing keys = two_epochs();
    Credential changed = paid();
    changed.macaroon.caveats[1].identifier = to_bytes(as_bytes("services=maps:0"));
    CHECK(verify(changed, keys, "maps", now) == Refusal::bad_signature);
    changed = paid({"weather_valid_until=1"});
    changed.macaroon.caveats.pop_back();
    CHECK(verify(changed, keys, "weather", now) == Refusal::bad_signature);
    for (std::size_t i = 0; i < 32; ++i) {
        changed = paid();
        changed.macaroon.signature[i] ^= 1;
        CHECK(verify(changed, keys, "weather", now) == Refusal::bad_signature);
    }
    // A payment hash of one's own under somebody else's signature.
    changed = paid();
    changed.identifier.payment_hash = crypto::payment_hash(preimage_of(0xab));
    const auto id = changed.identifier.encode();
    changed.macaroon.identifier = to_bytes(id);
    changed.preimage = preimage_of(0xab);
    CHECK(verify(changed, keys, "weather", now) == Refusal::bad_signature);
}

TEST_CASE("The reasons come in the order of the checks") {
    Credential credential = paid({"services=maps:0"});
    credential.preimage = preimage_of(0xab);
    CHECK(verify(credential, two_epochs(), "weather", now) == Refusal::bad_preimage);
    credential.macaroon.signature[0] ^= 1;
    CHECK(verify(credential, two_epochs(), "weather", now) == Refusal::bad_signature);
    CHECK(verify(credential, KeyRing{}, "weather", now) == Refusal::unknown_key);
}

TEST_CASE("A third-party caveat is refused clearly") {
    const Identifier identifier = identifier_of(1);
    const auto id = identifier.encode();
    const crypto::Digest root_key = crypto::hmac_sha256(key_of(0x11).reveal(), id);
    macaroon::Macaroon macaroon =
        mint(key_of(0x11), identifier, ServiceName::parse("weather").value(), {.price = Msat(1)});
    macaroon::Caveat caveat;
    caveat.identifier = to_bytes(as_bytes("cid"));
    caveat.vid = to_bytes(as_bytes("vid"));
    caveat.location = "elsewhere";
    macaroon.signature = crypto::hmac_sha256(macaroon.signature, crypto::hmac_sha256(macaroon.signature, *caveat.vid),
                                             crypto::hmac_sha256(macaroon.signature, caveat.identifier));
    macaroon.caveats.push_back(caveat);
    REQUIRE(macaroon.verifies(root_key));
    CHECK(verify({macaroon, identifier, preimage_of(0xaa)}, two_epochs(), "weather", now) == Refusal::third_party);
}

TEST_CASE("A token for several services can be narrowed to one of them") {
    const Identifier identifier = identifier_of(1);
    const auto id = identifier.encode();
    const crypto::Digest root_key = crypto::hmac_sha256(key_of(0x11).reveal(), id);
    macaroon::Macaroon macaroon = macaroon::Macaroon::create(root_key, id, "lsat");
    macaroon.add_first_party_caveat("services=weather:0,maps:3,news");
    const KeyRing keys = two_epochs();
    for (const char* service : {"weather", "maps", "news"}) {
        CHECK(verify({macaroon, identifier, preimage_of(0xaa)}, keys, service, now) == std::nullopt);
    }
    CHECK(verify({macaroon, identifier, preimage_of(0xaa)}, keys, "mail", now) == Refusal::wrong_scope);
    macaroon.add_first_party_caveat("maps_valid_until=1");
    CHECK(verify({macaroon, identifier, preimage_of(0xaa)}, keys, "maps", now) == Refusal::expired);
    CHECK(verify({macaroon, identifier, preimage_of(0xaa)}, keys, "news", now) == std::nullopt);
    CHECK(verify_any_service({macaroon, identifier, preimage_of(0xaa)}, keys, now) == std::nullopt);
    macaroon.add_first_party_caveat("services=maps:3");
    CHECK(verify({macaroon, identifier, preimage_of(0xaa)}, keys, "news", now) == Refusal::wrong_scope);
    CHECK(verify_any_service({macaroon, identifier, preimage_of(0xaa)}, keys, now) == Refusal::expired);
}

TEST_CASE("What a token is sold for stands in front of its services, where no holder can put a caveat") {
    const Identifier identifier = identifier_of(1);
    const ServiceName weather = ServiceName::parse("weather").value();
    auto caveats_of = [&](const Sale& sale) {
        std::string out;
        for (const macaroon::Caveat& caveat : mint(key_of(0x11), identifier, weather, sale).caveats)
            out.append(caveat.text()).append(" ");
        return out;
    };
    CHECK(caveats_of({.price = Msat(5),
                      .credit = Msat(7),
                      .tier = 3,
                      .route = "maps",
                      .quote = "00ff",
                      .price_of = "north",
                      .capabilities = std::vector<std::string>{"read", "write"},
                      .until = std::chrono::sys_seconds(std::chrono::seconds(1'800'000'000))}) ==
          "weather_route=maps weather_quote=00ff weather_price_of=north weather_max_price_msat=5 weather_credit_msat=7 "
          "weather_valid_until=1800000000 services=weather:3 weather_capabilities=read,write ");
    CHECK(caveats_of({.price = Msat(5)}) == "weather_max_price_msat=5 services=weather:0 ");
    CHECK(caveats_of({.credit = Msat(7)}) == "weather_credit_msat=7 services=weather:0 ");
    CHECK(caveats_of({}) == "weather_max_price_msat=0 services=weather:0 ");  // good for nothing
}

TEST_CASE("Every refusal has a name of its own and a sentence for the client") {
    std::set<std::string_view> names;
    std::set<std::string_view> sentences;
    for (const Refusal refusal : {Refusal::unknown_key, Refusal::bad_signature, Refusal::bad_preimage,
                                  Refusal::third_party, Refusal::wrong_scope, Refusal::widened, Refusal::expired}) {
        names.insert(name(refusal));
        sentences.insert(explain(refusal));
        // A metrics label: lower case and underscores.
        CHECK(name(refusal).find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
        CHECK(explain(refusal).size() > 20);
    }
    CHECK(names.size() == 7);
    CHECK(sentences.size() == 7);
}

TEST_CASE("Where the settlement is the proof, all is asked but the preimage") {
    const KeyRing keys = two_epochs();
    Credential credential = paid();
    credential.preimage = Preimage{};
    CHECK(verify(credential, keys, "weather", now) == Refusal::bad_preimage);
    CHECK(verify(credential, keys, "weather", now, Proof::settlement) == std::nullopt);
    CHECK(verify(credential, keys, "maps", now, Proof::settlement) == Refusal::wrong_scope);
    CHECK(verify(paid({"services=weather:0,maps:0"}), keys, "weather", now, Proof::settlement) == Refusal::widened);
    CHECK(verify(paid({"weather_valid_until=1699999999"}), keys, "weather", now, Proof::settlement) ==
          Refusal::expired);
    credential.macaroon.signature[31] ^= 1;
    CHECK(verify(credential, keys, "weather", now, Proof::settlement) == Refusal::bad_signature);
    CHECK(verify(paid(), KeyRing{}, "weather", now, Proof::settlement) == Refusal::unknown_key);
}

TEST_CASE("Whatever a holder appends, a token never opens more than it was sold for") {
    test::Random random(15);
    const KeyRing keys = two_epochs();
    const char* const pieces[] = {"services=weather:0",
                                  "services=maps:0",
                                  "services=weather:0,maps:0",
                                  "services=",
                                  "weather_valid_until=1699999999",
                                  "weather_valid_until=1700000500",
                                  "weather_valid_until=9999999999",
                                  "maps_valid_until=9999999999",
                                  "preimage=00",
                                  "services",
                                  "x=y",
                                  "_valid_until=1"};
    for (int i = 0; i < 3000; ++i) {
        std::vector<std::string> caveats = {"weather_valid_until=1700000100"};
        for (std::uint64_t n = random.below(6); n > 0; --n)
            caveats.emplace_back(pieces[random.below(std::size(pieces))]);
        const Credential credential = paid(caveats);
        CHECK(verify(credential, keys, "maps", now) != std::nullopt);
        CHECK(verify(credential, keys, "weather", now + std::chrono::seconds(100)) != std::nullopt);
    }
}

}  // namespace
}  // namespace millrace::l402
