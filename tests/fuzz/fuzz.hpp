// What the fuzz targets share. A target is one file with an LLVMFuzzerTestOneInput; it must hold for any bytes
// whatever.
//
// With -Dfuzz=true (clang) libFuzzer drives it; otherwise replay.cpp does, over files: a corpus is a regression test.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "common/codec/bytes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

// In every build: an assertion of a fuzz target is its purpose.
#define FUZZ_REQUIRE(condition)                                                                 \
    do {                                                                                        \
        if (!(condition)) {                                                                     \
            std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
            std::abort();                                                                       \
        }                                                                                       \
    } while (false)

namespace millrace::fuzz {

// Cuts an input into parts, so that one input can steer several arguments. Past the end everything is zero or empty.
class Input {
  public:
    Input(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}

    std::uint8_t byte() {
        if (rest_.empty()) return 0;
        const std::uint8_t out = rest_.front();
        rest_ = rest_.subspan(1);
        return out;
    }

    std::uint64_t number(unsigned bytes) {
        std::uint64_t out = 0;
        for (unsigned i = 0; i < bytes; ++i) out = out << 8U | byte();
        return out;
    }

    template <class Array>
    Array array() {
        Array out{};
        for (auto& each : out) each = byte();
        return out;
    }

    // Up to the next LF, or the end.
    std::string_view line() {
        const std::string_view text = as_text(rest_);
        const std::size_t end = text.find('\n');
        const std::string_view out = text.substr(0, end);
        rest_ = rest_.subspan(end == std::string_view::npos ? rest_.size() : end + 1);
        return out;
    }

    [[nodiscard]] ByteView rest() const { return rest_; }
    [[nodiscard]] std::string_view rest_text() const { return as_text(rest_); }
    [[nodiscard]] bool empty() const { return rest_.empty(); }

  private:
    ByteView rest_;
};

}  // namespace millrace::fuzz
