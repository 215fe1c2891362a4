// What a pricer is asked, and what it answers, in JSON:
//
//   question := {"service": "weather", "route"?: "images", "tier"?: "gold", "local_price_msat": 1000,
//                "method"?, "path"?, "query"?, "host"?, "content_length"?: 12, "units"?: "3", "client"?:
//                "203.0.113.0/24", "headers"?: {"x-model": "large"}}
//   answer   := {"price_msat": 1500, "reason"?: "evening"}
//
// Of the request it holds what the service's `facts` and `headers` name, and no credential, cookie or address. An
// answer is good where price_msat is a whole number from 1, or from 0 where the service says min_msat = 0, to what an
// invoice can ask for; further members are for later.
#pragma once

#include <string>
#include <string_view>

#include "common/result/error.hpp"
#include "service/config/config.hpp"
#include "service/pricing/price_source.hpp"

namespace millrace::pricing {

enum class Errc {
    not_json = 1,
    bad_price,
};

[[nodiscard]] std::string write_question(const Question& question);

struct PricerAnswer {
    Msat price;            // within the service's bounds
    bool clamped = false;  // it was not
};

// Errors: not_json, bad_price.
[[nodiscard]] Result<PricerAnswer> read_answer(std::string_view body, const config::Pricer& pricer);

}  // namespace millrace::pricing

namespace millrace {
template <>
struct ErrcText<pricing::Errc> {
    static constexpr const char* domain = "millrace.pricing";
    static const char* text(pricing::Errc errc);
};
}  // namespace millrace
