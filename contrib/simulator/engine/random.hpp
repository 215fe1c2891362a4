// Randomness that is the same everywhere for the same seed: one stream an entity and purpose, so that adding an entity
// does not change what the others draw. No std::distribution: their outputs differ between standard libraries.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace millrace::sim {

// A counter run through a 64-bit mixing function (SplitMix64's finaliser): not for keys.
class RandomStream {
  public:
    // Streams with another seed, entity or purpose are independent.
    RandomStream(std::uint64_t seed, std::uint64_t entity, std::string_view purpose);

    std::uint64_t next();
    // Uniform in [0, bound); bound > 0. Unbiased.
    std::uint64_t below(std::uint64_t bound);
    // Uniform in [0, 1), 53 bits.
    double unit();
    // Exponential with this mean.
    double exponential(double mean);
    // Standard normal (Box-Muller, one value a call).
    double normal();
    void fill(std::span<std::uint8_t> out);

  private:
    std::uint64_t state_;
};

}  // namespace millrace::sim
