#include "service/paywall/usage_retention.hpp"

#include <algorithm>

namespace millrace::paywall {

SoldTimes longest_times(const std::vector<config::Service>& services) {
    SoldTimes out;
    auto sell = [&out](const std::string& seller, const std::optional<std::chrono::seconds>& time) {
        auto [place, added] = out.emplace(seller, time);
        if (added) return;
        std::optional<std::chrono::seconds>& longest = place->second;
        longest = longest && time ? std::optional(std::max(*longest, *time)) : std::nullopt;
    };
    for (const config::Service& service : services) {
        const std::string& seller = service.seller().text();
        sell(seller, service.timeout);  // of tokens of tiers that are not sold, too
        for (const config::Tier& tier : service.tiers) sell(seller, tier.timeout);
    }
    return out;
}

std::chrono::sys_seconds needless_before(std::chrono::seconds longest, std::chrono::sys_seconds now) {
    constexpr std::chrono::seconds margin = std::chrono::hours(24 * 30);
    return now - 2 * longest - margin;
}

}  // namespace millrace::paywall
