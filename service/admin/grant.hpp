// A token that an operator gives away. Pure: keys, randomness and time are handed in.
//
// It is a token like any that was paid: of a preimage that nobody paid for, in the service's or the realm's name, under
// the key that signs now. Its clock starts when it is granted. What it is good for beyond the service's own terms (when
// it ends, how many uses it has) is the store's to know; its end stands in the token too.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <variant>

#include "common/ids/ids.hpp"
#include "common/l402/token.hpp"
#include "service/admin/service_change.hpp"
#include "service/config/config.hpp"
#include "service/store/store.hpp"

namespace millrace::admin {

struct GrantWish {
    std::string service;  // or a realm
    std::string route = {};
    std::string tier = {};  // by name or number; without it, the lowest that opens what is granted
    std::optional<std::chrono::seconds> expires_in = {};
    std::optional<std::uint64_t> uses = {};
    std::optional<Msat> max_price = {};  // where requests differ in price; without it, any
    std::string reason = {};
};

struct GrantSeed {
    std::array<std::uint8_t, 32> preimage;
    std::array<std::uint8_t, 30> token;
};

struct Granted {
    store::TokenGrant record;
    std::string token_base64;
    Preimage preimage;
};

// `keys` null: the gateway has never answered.
[[nodiscard]] std::variant<Granted, Refusal> make_grant(const GrantWish& wish, const config::Config& config,
                                                        const l402::KeyRing* keys, const GrantSeed& seed,
                                                        std::chrono::sys_seconds now);

}  // namespace millrace::admin
