// Asking for a price without asking for the thing: POST /l402/quote.
//
//   request  := {"service": NAME, "path"?: "/weather/today", "method"?: "GET", "max_price_msat"?: N, "mint"?: true,
//                "tier"?: NAME or number, "capabilities"?: ["write"],
//                "constraints"?: {"body_bytes"?: N, "<unit header>"?: N}}
//   response := {"service", "tier", "price_msat", "pricing", "terms", "quote_expiry", "macaroon"?, "invoice"?,
//   "alternatives": []} error    := {"error": {"code", "message", "field"}}
//
//   code                   status   field
//   malformed_request      400      the member, or none       not JSON, a member of the wrong type or without meaning
//   unknown_service        400      service                   not offered at this host
//   unknown_resource       400      path                      not the service's, or not sold
//   unknown_tier           400      tier                      not one of the service's
//   unsatisfiable          400      capabilities or tier      no tier has them all, or this one has not
//   unsupported_scheme     400      mint                      a service of the Payment scheme alone has no such tokens
//   unsatisfiable_budget   409      max_price_msat            it costs more
//   rate_limited           429      none                      no more invoices at the moment
//   unpriceable            503      none                      the node cannot be reached
//
// macaroon and invoice are there only where "mint" asks for them: a price costs the node nothing.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <variant>

#include "service/config/config.hpp"
#include "service/paywall/route.hpp"

namespace millrace::discovery {

struct QuoteError {
    unsigned status;
    std::string_view code;
    std::string message;
    std::string_view field = {};
};

struct Quote {
    paywall::RouteMatch match;           // whose terms
    Msat price;                          // 0: free
    bool mint = false;                   // a challenge is wanted, and there is something to pay
    paywall::RequestTarget target = {};  // what was asked about; where only a service was: its root
    std::string path = {};               // what the service's rules made of its path; empty: nothing
    unsigned tier = 0;                   // that is sold for it
    std::string method = "GET";
    std::optional<std::uint64_t> body_size = {};
    std::string units = {};  // empty: not said
    std::optional<std::uint64_t> budget = {};
};

// For so long at least a price is asked that was quoted without an invoice.
constexpr std::chrono::seconds quote_lifetime{60};

// Where the question was asked.
struct QuoteScope {
    const config::Config& config;
    const paywall::RouteTable& routes;
    std::string_view host;  // as parse_host leaves it
};

// Members of the format that nothing is sold by (optimize, ...) are ignored. The price is that of the service's rules;
// where a pricer has the last word, the budget is for over_budget() to hold against its price.
[[nodiscard]] std::variant<Quote, QuoteError> read_quote_request(std::string_view body, const QuoteScope& scope);

// A fault where the quote's price is more than was to be spent.
[[nodiscard]] std::optional<QuoteError> over_budget(const Quote& quote);

// Without macaroon and invoice.
[[nodiscard]] boost::json::object write_quote(const Quote& quote, const config::Service& service,
                                              std::chrono::sys_seconds expires_at);
[[nodiscard]] boost::json::object write_error(const QuoteError& error);

}  // namespace millrace::discovery
