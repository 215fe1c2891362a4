// For how long it matters what a token has used: as long as any token of its seller may be good, of whatever tier,
// under this configuration and every one before. What a token says of itself plays no part.
//
//   kept := twice the longest time that tokens of the name were ever good for, and 30 days, from when the clock started
//
// A token whose usage went has ended for good, since a later configuration may sell longer times (Store::ended_before).
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "service/config/config.hpp"

namespace millrace::paywall {

// By the name that tokens are sold in: the longest time that one is good for; empty: some have no end.
using SoldTimes = std::map<std::string, std::optional<std::chrono::seconds>, std::less<>>;
[[nodiscard]] SoldTimes longest_times(const std::vector<config::Service>& services);

// What tokens have used is not needed any more whose clock started before this.
[[nodiscard]] std::chrono::sys_seconds needless_before(std::chrono::seconds longest, std::chrono::sys_seconds now);

}  // namespace millrace::paywall
