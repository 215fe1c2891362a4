#include "service/limits/use_limits.hpp"

#include <cstring>

namespace millrace::limits {

std::optional<Clock::duration> UseLimits::take(const UseRates& rates, const Use& use, Clock::time_point now) {
    if (!rates.per_token && !rates.per_prefix && !rates.in_all) return std::nullopt;
    std::uint64_t service = std::hash<std::string_view>{}(use.service);
    if (rates.per_token && use.token) {
        std::uint64_t who = 0;
        std::memcpy(&who, use.token->view().data(), sizeof who);
        if (auto wait = cells_.take({service, who}, *rates.per_token, now)) return wait;
    }
    if (rates.per_prefix) {
        if (auto wait = cells_.take({service + 1, use.prefix.value}, *rates.per_prefix, now)) return wait;
    }
    if (rates.in_all) return cells_.take({service + 2, 0}, *rates.in_all, now);
    return std::nullopt;
}

}  // namespace millrace::limits
