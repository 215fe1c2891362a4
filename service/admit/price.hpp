// What a request costs: by the service's own rules, and the question for whoever prices it beyond them. A price is that
// of a tier: of the one that is for sale, or of the token that came with the request.
#pragma once

#include "service/admit/request_facts.hpp"

namespace millrace::admit {

// What is to be priced.
struct Described {
    std::string_view method;
    std::string_view host;
    std::string_view path;                   // decoded, as it was compared
    std::string_view target;                 // as it is forwarded
    std::optional<std::uint64_t> body_size;  // empty: not told before the body ends
    std::optional<std::string_view> units;
    const http::RequestHead* head = nullptr;  // null: of a quote
};

// Fills the request's quote, by the rules; a problem where it cannot be priced.
[[nodiscard]] std::optional<http::Problem> find_price(RequestFacts& request);
// The same of what is described, which need not be the request's own head; `wish`: the tier asked for, or null.
[[nodiscard]] std::optional<http::Problem> price_offer(RequestFacts& request, const Described& what,
                                                       const config::Tier* wish);

// Makes the quote one of another tier. False where the rules have no price in that tier, and everything stays as it was.
[[nodiscard]] bool about_tier(RequestFacts& request, unsigned tier);
// The same, with what is wrong. `quote.priced` is false afterwards where a pricer is to be asked yet.
[[nodiscard]] std::optional<http::Problem> price_in_tier(RequestFacts& request, unsigned tier);

}  // namespace millrace::admit
