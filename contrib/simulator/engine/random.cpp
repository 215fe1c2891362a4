#include "contrib/simulator/engine/random.hpp"

#include <cmath>
#include <numbers>

namespace millrace::sim {
namespace {

constexpr std::uint64_t golden_gamma = 0x9E3779B97F4A7C15ULL;  // 2^64 / golden ratio, odd

std::uint64_t mix(std::uint64_t value) {
    value = (value ^ (value >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    value = (value ^ (value >> 27U)) * 0x94D049BB133111EBULL;
    return value ^ (value >> 31U);
}

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, std::uint64_t entity, std::string_view purpose)
    : state_(mix(mix(seed + golden_gamma) ^ entity)) {
    for (const char c : purpose) state_ = mix(state_ ^ static_cast<unsigned char>(c));
}

std::uint64_t RandomStream::next() {
    state_ += golden_gamma;
    return mix(state_);
}

std::uint64_t RandomStream::below(std::uint64_t bound) {
    // Values at or above the largest multiple of `bound` would make the small remainders likelier.
    const std::uint64_t rest = (UINT64_MAX % bound + 1) % bound;
    std::uint64_t value = next();
    while (value > UINT64_MAX - rest) value = next();
    return value % bound;
}

double RandomStream::unit() {
    return static_cast<double>(next() >> 11U) * 0x1.0p-53;
}

double RandomStream::exponential(double mean) {
    return -mean * std::log(1.0 - unit());
}

double RandomStream::normal() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - unit()));
    return radius * std::cos(2.0 * std::numbers::pi * unit());
}

void RandomStream::fill(std::span<std::uint8_t> out) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
        if (i % 8 == 0) word = next();
        out[i] = static_cast<std::uint8_t>(word >> (i % 8 * 8));
    }
}

}  // namespace millrace::sim
