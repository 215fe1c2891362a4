// Latencies in log-linear buckets: 16 to each power of two of nanoseconds, so that a quantile is at most 1/16 too high.
// Fixed size, no allocation, one addition a sample.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

namespace millrace::host {

class Histogram {
  public:
    void record(std::chrono::nanoseconds sample);

    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] std::chrono::nanoseconds max() const { return max_; }

    // The upper edge of the bucket in which the sample of that rank lies (never above max()); zero while there are none.
    // `share` from 0 to 1: 0.99 for the 99th percentile.
    [[nodiscard]] std::chrono::nanoseconds quantile(double share) const;

  private:
    static constexpr unsigned sub_bits = 4;
    static constexpr std::size_t bucket_of(std::uint64_t nanoseconds);
    static constexpr std::uint64_t upper_edge(std::size_t bucket);

    std::array<std::uint64_t, (64 - sub_bits + 1) << sub_bits> buckets_{};
    std::uint64_t count_ = 0;
    std::chrono::nanoseconds max_{0};
};

}  // namespace millrace::host
