// What requests use up of a token: how many they are, the bytes of their responses' bodies, what was drawn from its
// balance.
#pragma once

#include <cstdint>

namespace millrace::paywall {

struct Usage {
    std::uint64_t uses = 0;
    std::uint64_t bytes = 0;
    std::uint64_t spent_msat = 0;
    bool operator==(const Usage&) const = default;
    Usage& operator+=(const Usage& more) {
        uses += more.uses;
        bytes += more.bytes;
        spent_msat += more.spent_msat;
        return *this;
    }
};

}  // namespace millrace::paywall
