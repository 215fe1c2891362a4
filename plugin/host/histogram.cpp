#include "plugin/host/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace millrace::host {

// Values below 16 have a bucket each; above, the four bits behind the leading one choose among 16 of that power of two.
constexpr std::size_t Histogram::bucket_of(std::uint64_t nanoseconds) {
    constexpr std::uint64_t linear = 1U << sub_bits;
    if (nanoseconds < linear) return nanoseconds;
    const unsigned shift = static_cast<unsigned>(std::bit_width(nanoseconds)) - 1 - sub_bits;
    return ((std::size_t{shift} + 1) << sub_bits) + ((nanoseconds >> shift) - linear);
}

constexpr std::uint64_t Histogram::upper_edge(std::size_t bucket) {
    constexpr std::uint64_t linear = 1U << sub_bits;
    if (bucket < linear) return bucket;
    const unsigned shift = static_cast<unsigned>(bucket >> sub_bits) - 1;
    return ((linear + (bucket & (linear - 1)) + 1) << shift) - 1;
}

void Histogram::record(std::chrono::nanoseconds sample) {
    const auto value = static_cast<std::uint64_t>(std::max<std::chrono::nanoseconds::rep>(sample.count(), 0));
    ++buckets_[bucket_of(value)];
    ++count_;
    max_ = std::max(max_, sample);
}

std::chrono::nanoseconds Histogram::quantile(double share) const {
    if (count_ == 0) return std::chrono::nanoseconds{0};
    const auto rank = static_cast<std::uint64_t>(std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
        seen += buckets_[bucket];
        if (seen >= std::max<std::uint64_t>(rank, 1)) {
            return std::min(max_, std::chrono::nanoseconds(static_cast<std::int64_t>(upper_edge(bucket))));
        }
    }
    return max_;
}

}  // namespace millrace::host
