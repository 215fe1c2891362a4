// Which of the pay pages' cookies a browser holds give way, so that they never fill the heads of its requests: fronts
// take 8 KiB of cookies (nginx, Apache), and what a person looks at without paying must not shut what was bought.
//
//   over     the invoice has expired, or what was bought is used up      goes
//   open     the invoice can be paid                                     goes where there is no room, the oldest first
//   bought   opens something                                             goes last of all, the oldest first
//
// Pure. Which cookies a browser holds it shows with its request.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace millrace::pages {

struct HeldCookie {
    enum class State { over, open, bought };
    std::string offer;
    std::size_t size = 0;  // bytes of name and value
    State state = State::open;
    std::chrono::sys_seconds expires_at;  // of the invoice
};

// What the cookies of pay pages may have in all, names and values.
inline constexpr std::size_t most_held = 6 * 1024;
// No more are dropped by one answer, whose head would grow too large otherwise.
inline constexpr std::size_t most_dropped = 8;

// The offers whose cookies are to be forgotten where one of `offer`, of `size` bytes, is set.
[[nodiscard]] std::vector<std::string> give_way(std::vector<HeldCookie> held, const std::string& offer,
                                                std::size_t size);

}  // namespace millrace::pages
