// The [[service.tier]] of a service: kinds of token that differ in price, in what they buy, and in what they open.
#pragma once

#include <string_view>

#include "service/config/config.hpp"
#include "service/config/section.hpp"

namespace millrace::config {

// Every route that asks for a tier or a capability is opened by some tier, and balances pay for what they are for.
void check_tiers(const Service& service, Faults& faults);

// 1 to 32 of a-z 0-9 . _ -, as it stands in a token's list.
[[nodiscard]] bool is_capability(std::string_view text);

}  // namespace millrace::config
