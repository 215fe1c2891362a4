// What decisions may not fetch for themselves: the time and randomness. main hands it in.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>

namespace millrace::host {

struct World {
    std::function<std::chrono::sys_seconds()> now;
    std::function<std::chrono::steady_clock::time_point()> tick;  // for rates: it only moves forward
    std::function<void(std::span<std::uint8_t>)> fill_random;
};

}  // namespace millrace::host
