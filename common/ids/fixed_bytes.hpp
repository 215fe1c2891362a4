// Byte strings of a fixed length as distinct types, so that a payment hash is never taken for a token id; and secrets,
// which do not print, do not compare in variable time and are wiped when they go.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/codec/hex.hpp"

namespace millrace {

template <class Tag, std::size_t N>
class FixedBytes {
  public:
    static constexpr std::size_t length = N;

    constexpr FixedBytes() = default;
    explicit constexpr FixedBytes(const std::array<std::uint8_t, N>& bytes) : bytes_(bytes) {}

    // Errors: codec not_hex, wrong_length.
    static Result<FixedBytes> from_hex(std::string_view text) {
        FixedBytes out;
        if (auto done = codec::from_hex(text, out.bytes_); !done) return done.error();
        return out;
    }
    // Errors: codec wrong_length.
    static Result<FixedBytes> from_bytes(ByteView bytes) {
        if (bytes.size() != N)
            return fail(codec::Errc::wrong_length, std::to_string(bytes.size()) + " bytes, not " + std::to_string(N));
        FixedBytes out;
        std::copy(bytes.begin(), bytes.end(), out.bytes_.begin());
        return out;
    }

    [[nodiscard]] std::string hex() const { return codec::to_hex(bytes_); }
    [[nodiscard]] ByteView view() const { return bytes_; }
    [[nodiscard]] const std::array<std::uint8_t, N>& array() const { return bytes_; }
    auto operator<=>(const FixedBytes&) const = default;

  private:
    std::array<std::uint8_t, N> bytes_{};
};

// A secret of N bytes. There is no operator<< and no hex(): where it must leave (a JSON-RPC call, a header), say reveal().
template <class Tag, std::size_t N>
class SecretBytes {
  public:
    static constexpr std::size_t length = N;

    SecretBytes() = default;
    explicit SecretBytes(const std::array<std::uint8_t, N>& bytes) : bytes_(bytes) {}
    SecretBytes(const SecretBytes&) = default;
    SecretBytes& operator=(const SecretBytes&) = default;
    ~SecretBytes() { wipe(); }

    static Result<SecretBytes> from_hex(std::string_view text) {
        SecretBytes out;
        if (auto done = codec::from_hex(text, out.bytes_); !done) return done.error();
        return out;
    }
    static Result<SecretBytes> from_bytes(ByteView bytes) {
        if (bytes.size() != N)
            return fail(codec::Errc::wrong_length, std::to_string(bytes.size()) + " bytes, not " + std::to_string(N));
        SecretBytes out;
        std::copy(bytes.begin(), bytes.end(), out.bytes_.begin());
        return out;
    }

    [[nodiscard]] ByteView reveal() const { return bytes_; }
    [[nodiscard]] std::string reveal_hex() const { return codec::to_hex(bytes_); }

    // Constant time.
    [[nodiscard]] bool equals(const SecretBytes& other) const {
        unsigned difference = 0;
        for (std::size_t i = 0; i < N; ++i) difference |= static_cast<unsigned>(bytes_[i] ^ other.bytes_[i]);
        return difference == 0;
    }

  private:
    void wipe() {
        volatile std::uint8_t* bytes = bytes_.data();
        for (std::size_t i = 0; i < N; ++i) bytes[i] = 0;
    }
    std::array<std::uint8_t, N> bytes_{};
};

}  // namespace millrace

template <class Tag, std::size_t N>
struct std::hash<millrace::FixedBytes<Tag, N>> {
    std::size_t operator()(const millrace::FixedBytes<Tag, N>& value) const noexcept {
        // The values are hashes and keys: their last bytes are as good as any hash of them.
        std::size_t out = 0;
        std::memcpy(&out, value.view().data() + N - sizeof out, sizeof out);
        return out;
    }
};
