#include "service/pages/held_cookies.hpp"

#include <algorithm>

namespace millrace::pages {

std::vector<std::string> give_way(std::vector<HeldCookie> held, const std::string& offer, std::size_t size) {
    // The new one replaces its namesake.
    std::erase_if(held, [&](const HeldCookie& one) { return one.offer == offer; });
    std::stable_sort(held.begin(), held.end(), [](const HeldCookie& left, const HeldCookie& right) {
        return left.state != right.state ? left.state < right.state : left.expires_at < right.expires_at;
    });
    std::size_t sum = size;
    for (const HeldCookie& one : held) sum += one.size;
    std::vector<std::string> out;
    for (const HeldCookie& one : held) {
        const bool goes = one.state == HeldCookie::State::over || sum > most_held;
        if (!goes || out.size() >= most_dropped) break;
        sum -= one.size;
        if (std::find(out.begin(), out.end(), one.offer) == out.end()) out.push_back(one.offer);
    }
    return out;
}

}  // namespace millrace::pages
