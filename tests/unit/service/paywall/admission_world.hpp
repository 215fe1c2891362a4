// What admission tests stand on: a service, a key, tokens as they are sold now and were before, and a decision as text.
#pragma once

#include "service/paywall/admission.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/common/l402/tokens.hpp"

namespace millrace::test {

using namespace std::chrono_literals;

inline const std::chrono::sys_seconds noon{std::chrono::seconds(1'800'000'000)};

inline config::Service service(const char* name, std::optional<std::chrono::seconds> timeout) {
    return {.name = ServiceName::parse(name).value(),
            .host = {},
            .path = config::PathPattern("/"),
            .methods = {},
            .upstream = {},
            .price = Msat(1000),
            .timeout = timeout};
}

inline const paywall::RouteMatch sold{0};

inline paywall::RouteMatch match(bool free) {
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
        return {l402::mint(ring.keys.at(1), identifier, ServiceName::parse(name).value(), {.price = Msat(1000)}),
                identifier, preimage};
    }

    // A token for "weather" as it is sold.
    l402::Credential sold(const l402::Sale& sale) const {
        l402::Identifier identifier{crypto::payment_hash(preimage), l402::make_token_id(1, {})};
        auto name = ServiceName::parse("weather").value();
        return {l402::mint(ring.keys.at(1), identifier, name, sale), identifier, preimage};
    }

    // As it was sold before tokens said what was paid for them.
    l402::Credential old(const test::OldSale& sale = {}, const std::string& name = "weather") const {
        l402::Identifier identifier{crypto::payment_hash(preimage), l402::make_token_id(1, {})};
        return {test::token_with(ring.keys.at(1), identifier, test::caveats_of(name, sale)), identifier, preimage};
    }
};

// One service by itself, or those of a realm.
inline paywall::Decision decide(std::span<const config::Service> services, const paywall::RouteMatch& match,
                                const paywall::Asked& asked, const paywall::FoundCredential& credential,
                                const l402::KeyRing* keys, const paywall::PaymentFacts& facts, paywall::Time now,
                                paywall::Proof proof = paywall::Proof::preimage) {
    return paywall::decide({services[match.service], services, match, asked, credential, keys, facts, now, proof});
}

inline paywall::Decision decide(const config::Service& service, const paywall::RouteMatch& match,
                                const paywall::Asked& asked, const paywall::FoundCredential& credential,
                                const l402::KeyRing* keys, const paywall::PaymentFacts& facts, paywall::Time now,
                                paywall::Proof proof = paywall::Proof::preimage) {
    return decide(std::span(&service, 1), match, asked, credential, keys, facts, now, proof);
}

inline std::string text(const paywall::Decision& decision) {
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

}  // namespace millrace::test
