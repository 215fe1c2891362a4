// When uses of tokens are on disk: each before the first byte of its answer, or, on a lease, some of them later.
//
//   durability = "each"     the default
//   durability = "lease"    up to `lease_uses` uses of a token are answered ahead of the disk
//
// A crash forgets what is ahead, in the buyer's favour, so that little of what one payment bought may be: of a token no
// more than a tenth. Single use, bytes, balances, charges, sessions and free requests are never ahead.
#pragma once

#include <cstdint>

#include "service/config/config.hpp"
#include "service/config/section.hpp"

namespace millrace::config {

constexpr std::uint64_t usual_lease_uses = 64;
constexpr std::uint64_t max_lease_uses = 1'000'000;
constexpr std::uint64_t lease_share = 10;  // one in so many of the uses that were bought

// A lease needs a token that it applies to.
void check_durability(Section& section, const Service& service);

// How many uses of a token that bought this may be answered before they are on disk; 0: none.
[[nodiscard]] std::uint64_t uses_ahead(const Service& service, const Quota& bought);

}  // namespace millrace::config
