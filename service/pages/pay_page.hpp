// The 402 as a person sees it: what is sold, the price, the invoice as QR code, link and text, and how long it is good.
//
// The page needs nothing from anywhere: style and script stand in it and are allowed by their hashes, and the policy of
// page_fields() forbids the rest. Without JavaScript it loads itself again from time to time. Everything in it that
// came from a configuration or a node is escaped.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/money/msat.hpp"

namespace millrace::pages {

// For so long behind the expiry of an invoice its page is still shown (without the invoice): a payment that was made in
// the last second is settled, and the browser let in, before its cookie gives way to a new offer.
constexpr std::chrono::seconds expiry_grace{30};

// Where a page listens for its settlement: below the folder that it was shown in, with "?offer=NAME".
inline constexpr std::string_view events_path = "/.well-known/millrace/settled";

struct PayPage {
    std::string_view service;
    std::optional<std::string_view> description;
    Msat price;
    std::optional<std::chrono::seconds> buys;  // how long a payment opens it; empty: for ever
    std::string_view notice;                   // why payment is asked for once more; empty: for the first time
    std::string_view bolt11;
    std::chrono::sys_seconds expires_at;
    std::chrono::sys_seconds now;
    std::string_view events;  // where to listen for the settlement, relative to the page
};

[[nodiscard]] std::string write_pay_page(const PayPage& page);

// Header fields of the page, "Name: value" each: Content-Security-Policy, Referrer-Policy and the like.
[[nodiscard]] const std::vector<std::string>& page_fields();

// Msat(1500) -> "1.5"; Msat(21000000) -> "21 000" with narrow no-break spaces. In satoshi, exact.
[[nodiscard]] std::string sat_text(Msat amount);

// 3600 s -> "1 hour", 5400 s -> "90 minutes".
[[nodiscard]] std::string duration_text(std::chrono::seconds duration);

}  // namespace millrace::pages
