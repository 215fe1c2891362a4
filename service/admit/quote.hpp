// What a request costs, as far as that is known: one value, made anew for each request.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/money/msat.hpp"
#include "service/pricing/price_source.hpp"

namespace millrace::admit {

struct Quote {
    Msat price;               // in the tier that is being asked about
    Msat local_price;         // the same by the service's own rules
    bool priced = false;      // `price` is what is asked for; otherwise the pricer has not answered yet
    unsigned tier = 0;        // that is being asked about
    unsigned offer_tier = 0;  // that is for sale
    std::optional<std::uint64_t> body_size;
    std::optional<std::string> units;
    std::optional<pricing::Question> question;  // where more than rules prices it
    std::string thing;                          // of the question

    // What the service's own rules ask for, in no tier.
    static Quote of_rules(Msat price) {
        Quote out;
        out.price = out.local_price = price;
        out.priced = true;
        return out;
    }
};

}  // namespace millrace::admit
