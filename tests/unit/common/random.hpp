// Seeded randomness for property tests: the same bytes on every run and every machine (mt19937_64 is fully specified).
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "common/codec/bytes.hpp"

namespace millrace::test {

class Random {
  public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}

    std::uint64_t u64() { return engine_(); }

    // Uniform enough for tests: 0 <= result < bound.
    std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }

    // A value of any magnitude: its width in bits is uniform, so that short encodings are met as often as long ones.
    std::uint64_t any_magnitude() { return engine_() >> below(64); }

    Bytes bytes(std::size_t length) {
        Bytes out(length);
        for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(engine_());
        return out;
    }

    template <std::size_t N>
    std::array<std::uint8_t, N> array() {
        std::array<std::uint8_t, N> out;
        for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(engine_());
        return out;
    }

    std::string text(std::size_t length, std::string_view alphabet) {
        std::string out;
        for (std::size_t i = 0; i < length; ++i) out += alphabet[static_cast<std::size_t>(below(alphabet.size()))];
        return out;
    }

  private:
    std::mt19937_64 engine_;
};

}  // namespace millrace::test
