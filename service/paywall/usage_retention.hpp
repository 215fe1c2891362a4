// For how long it matters what a token has used. One whose time is over is refused whatever it has left, so that its
// usage can go; much later, since an operator may have lengthened the time meanwhile.
//
//   kept := twice the time that a token buys, and 30 days, from when its clock started
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "service/config/config.hpp"

namespace millrace::paywall {

// By the name that tokens are sold in: what started before is not needed any more. Names that any service sells without
// a limit in time are absent.
[[nodiscard]] std::map<std::string, std::chrono::sys_seconds, std::less<>> usage_ends(
    const std::vector<config::Service>& services, std::chrono::sys_seconds now);

}  // namespace millrace::paywall
