// `session` of a service: sessions of the Payment scheme.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/money/msat.hpp"
#include "service/config/key.hpp"

namespace millrace::config {

bool read_deposit(Reading& in, Asked key, Msat& out);

// A deposit, of which each request takes its price, and whose rest is paid back.
struct PaymentSessions {
    enum class Offer {
        any,    // unless Accept-Payment excludes them: their deposit's invoice is one more
        asked,  // to clients whose Accept-Payment names them, or fits them
        alone,  // no charges are sold
    };
    Msat deposit = {};  // whole satoshi
    std::chrono::seconds idle_timeout = std::chrono::minutes(5);
    Offer offer = Offer::any;
    std::optional<Msat> event = {};  // the price of each event of a text/event-stream, beside the request's
    std::chrono::milliseconds hold = std::chrono::seconds(60);  // how long such a stream waits for a further deposit
    bool operator==(const PaymentSessions&) const = default;

    // What a deposit must be where one request costs `price`.
    [[nodiscard]] Msat deposit_due(Msat price) const {
        const std::uint64_t whole = (price.value() + 999) / 1000 * 1000;
        return std::max(deposit, Msat(whole));
    }

    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("deposit_msat", &PaymentSessions::deposit, by(read_deposit),
                  "What a session is opened or topped up with, in whole satoshi.")
                  .otherwise("twenty times price_msat"));
        visit(key("idle_timeout", &PaymentSessions::idle_timeout,
                  Duration{.min = std::chrono::seconds(1),
                           .max = std::chrono::hours(24 * 30),
                           .otherwise = "must be from \"1s\" to \"30d\", for which time a return invoice must be "
                                        "payable"},
                  "A session that was not used for so long is closed, and the rest paid back."));
        visit(key("offer", &PaymentSessions::offer,
                  choice(Word<Offer>{"any", Offer::any}, Word<Offer>{"asked", Offer::asked},
                         Word<Offer>{"alone", Offer::alone}, Word<Offer>{"always", Offer::any, true}),
                  "to all whose Accept-Payment does not exclude it"));
        visit(key("event_msat", &PaymentSessions::event, msat(),
                  "What each event of a text/event-stream costs, beside the price of its request.")
                  .otherwise("none"));
        visit(key("hold", &PaymentSessions::hold, Duration{},
                  "How long such a stream is held for a topUp when nothing is left."));
    }
    static void check(Reading& in, PaymentSessions& sessions);
};

}  // namespace millrace::config
