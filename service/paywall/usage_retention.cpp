#include "service/paywall/usage_retention.hpp"

#include <algorithm>
#include <set>

namespace millrace::paywall {

std::map<std::string, std::chrono::sys_seconds, std::less<>> usage_ends(const std::vector<config::Service>& services,
                                                                        std::chrono::sys_seconds now) {
    constexpr std::chrono::seconds margin = std::chrono::hours(24 * 30);
    std::map<std::string, std::chrono::sys_seconds, std::less<>> out;
    std::set<std::string> endless;
    for (const config::Service& service : services) {
        const std::string& seller = service.seller().text();
        if (!service.timeout) {
            endless.insert(seller);
            continue;
        }
        const std::chrono::sys_seconds end = now - 2 * *service.timeout - margin;
        auto [place, added] = out.emplace(seller, end);
        if (!added) place->second = std::min(place->second, end);
    }
    for (const std::string& seller : endless) out.erase(seller);
    return out;
}

}  // namespace millrace::paywall
