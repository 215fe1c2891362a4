// What is counted of one service's pricer. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "service/metrics/resource_metrics.hpp"

namespace millrace::metrics {

// How asking it ended (label `result`).
enum class PricerResult { ok, clamped, timeout, unreachable, bad_status, bad_answer, busy };
inline constexpr std::array pricer_result_names = {"ok",         "clamped",    "timeout", "unreachable",
                                                   "bad_status", "bad_answer", "busy"};

[[nodiscard]] constexpr bool is_good(PricerResult result) {
    return result == PricerResult::ok || result == PricerResult::clamped;
}

struct PricerFigures {
    std::array<std::atomic<std::uint64_t>, pricer_result_names.size()> results{};
    std::atomic<std::uint64_t> from_memory{0};       // prices that were not asked for, being known
    std::atomic<std::uint64_t> shared{0};            // prices that somebody else was asking for at the time
    std::atomic<std::uint64_t> fallbacks{0};         // askers that were told the fallback price
    std::atomic<std::uint64_t> unpriced{0};          // askers that were told nothing
    std::atomic<bool> well{true};                    // as the last answer was
    Distribution<duration_bounds.size()> durations;  // of calls; written by one thread

    void count(PricerResult result) {
        results[static_cast<std::size_t>(result)].fetch_add(1, std::memory_order_relaxed);
    }
};

struct PricerView {
    std::string resource;
    const PricerFigures* figures;
};

}  // namespace millrace::metrics
