// [pay_page]: the pages that wait for the news of their payment.
#pragma once

#include <cstddef>

#include "service/config/key.hpp"

namespace millrace::config {

struct PayPages {
    std::size_t max_waiting = 1000;
    std::size_t max_waiting_per_prefix = 50;

    template <class Visitor>
    static void keys(Visitor&& visit) {
        constexpr std::uint64_t most = 1'000'000;  // far above what a process has file descriptors for
        visit(key("max_waiting", &PayPages::max_waiting, Whole{0, most},
                  "Pages that may wait for the news of their payment at a time"));
        visit(key("max_waiting_per_prefix", &PayPages::max_waiting_per_prefix, Whole{1, most},
                  "How many of them one network may have"));
    }
};

}  // namespace millrace::config
