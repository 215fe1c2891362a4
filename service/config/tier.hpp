// What a token buys beside time, and [[service.tier]]: kinds of token, where a service sells several.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/money/msat.hpp"
#include "service/config/key.hpp"
#include "service/config/route.hpp"

namespace millrace::config {

bool read_capabilities(Reading& in, Asked key, std::vector<std::string>& out);

// What a token buys beside time; empty: as much as its holder likes.
struct Quota {
    std::optional<std::uint64_t> uses = {};
    std::optional<std::uint64_t> bytes = {};  // of response bodies
    std::optional<Msat> credit = {};          // a balance that each request draws its price from
    bool operator==(const Quota&) const = default;
    [[nodiscard]] bool any() const { return uses || bytes || credit; }

    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(
            key("uses", &Quota::uses, Whole{1, 1'000'000'000'000}, "How many requests a token is good for, at least 1.")
                .otherwise("no limit"));
        visit(key("bytes", &Quota::bytes, Size{1}, "How many bytes of response bodies a token is good for, at least 1.")
                  .otherwise("no limit"));
        visit(key("credit_msat", &Quota::credit, msat(),
                  "A prepaid balance: an invoice asks for this amount in place of a price, and each request draws its "
                  "own price from it.")
                  .otherwise("no balance"));
    }
};

constexpr Duration token_time{.min = std::chrono::seconds(1), .otherwise = "must be at least \"1s\""};

// One kind of token. What a tier leaves out of the file it has from the service.
struct Tier {
    static constexpr unsigned max_number = max_tier;

    std::string name = {};           // by which buyers ask for it
    unsigned number = 0;             // stands in its tokens; a route may ask for at least one
    std::optional<Msat> price = {};  // in place of the service's and its routes'
    std::optional<std::chrono::seconds> timeout = {};
    Quota quota = {};
    std::vector<std::string> capabilities = {};  // sorted
    bool operator==(const Tier&) const = default;
    [[nodiscard]] bool opens(const Route& route) const;

    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("name", &Tier::name, by(read_short_name), "As a service's; by which buyers ask for it.")
                  .required("by which buyers ask for the tier, such as \"gold\""));
        visit(key("tier", &Tier::number, Whole{0, max_tier}, "Its number, 0 to 255.")
                  .required("its number: the higher, the more it opens; 0 for the first"));
        visit(key("price_msat", &Tier::price, msat(),
                  "The price of a request in this tier, in place of the service's and of its routes'")
                  .otherwise("the route's, or the service's"));
        constexpr std::string_view bought = "What its tokens buy, as in";
        visit(key("timeout", &Tier::timeout, token_time, bought).otherwise("the service's"));
        visit(part(&Tier::quota, bought, "the service's"));
        visit(key("capabilities", &Tier::capabilities, by(read_capabilities),
                  "What its tokens are good for beside paths that ask for nothing.")
                  .otherwise("none"));
    }
    static void check(Reading& in, Tier& tier);
};

}  // namespace millrace::config
