// [challenges]: what asking without paying may cost.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

#include "service/config/key.hpp"
#include "service/limits/rate.hpp"

namespace millrace::config {

struct Work;
bool read_max_bits(Reading& in, Asked key, Work& out);

// Proof of work in place of a 429.
struct Work {
    static constexpr unsigned most_bits = 40;

    unsigned bits = 20;
    unsigned max_bits = 26;
    std::chrono::seconds lifetime = std::chrono::seconds(60);
    limits::Rate in_all{10, std::chrono::seconds(1)};
    bool operator==(const Work&) const = default;

    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("bits", &Work::bits, Whole{1, most_bits}, "the leading zero bits of a solution"));
        visit(key("max_bits", &Work::max_bits, by(read_max_bits),
                  "to which they rise, one for each doubling of the demand")
                  .otherwise("six more"));
        visit(key("lifetime", &Work::lifetime,
                  Duration{.max = std::chrono::hours(1),
                           .otherwise = "must be whole seconds, at most \"1h\"",
                           .whole_seconds = true},
                  "of a task"));
        visit(key("in_all", &Work::in_all, RateText{}, "the rate at which solutions are honoured"));
    }
};

struct Challenges {
    limits::Rate per_prefix{20, std::chrono::seconds(10)};
    limits::Rate in_all{100, std::chrono::seconds(1)};
    std::size_t max_open_per_prefix = 100;
    std::size_t max_open = 100'000;
    bool reuse = true;
    std::size_t pool = 0;
    std::optional<Work> pow = {};

    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("per_prefix", &Challenges::per_prefix, RateText{}, "New invoices for one network."));
        visit(key("in_all", &Challenges::in_all, RateText{}, "Invoices that the node is asked to sign."));
        constexpr std::string_view open = "Open invoices, of one network and in all";
        visit(key("max_open_per_prefix", &Challenges::max_open_per_prefix, Whole{1, 1'000'000}, open));
        visit(key("max_open", &Challenges::max_open, Whole{1, 10'000'000}, open));
        visit(key("pool", &Challenges::pool, Whole{0, 1000},
                  "How many challenges to have signed ahead of each thing that is in demand, so that they cost no "
                  "time."));
        visit(key("pow", &Challenges::pow, Table{"{ bits = 20 }"},
                  "a 429 sets a task whose solution gets an invoice nevertheless")
                  .otherwise("none"));
        visit(key("reuse", &Challenges::reuse, Flag{}, "Whether an open invoice is handed out again at all"));
    }
};

}  // namespace millrace::config
