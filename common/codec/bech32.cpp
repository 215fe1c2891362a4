#include "common/codec/bech32.hpp"

#include <array>
#include <cctype>

namespace millrace::codec {
namespace {

constexpr std::string_view alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
constexpr std::size_t checksum_length = 6;
constexpr std::uint8_t not_in_alphabet = 0xff;

constexpr std::array<std::uint8_t, 256> make_values() {
    std::array<std::uint8_t, 256> values{};
    values.fill(not_in_alphabet);
    for (std::size_t i = 0; i < alphabet.size(); ++i) {
        values[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
    }
    return values;
}

constexpr std::array<std::uint8_t, 256> values = make_values();

// BIP 173's checksum, as a running remainder.
class Polymod {
  public:
    void feed(std::uint8_t word) {
        static constexpr std::array<std::uint32_t, 5> generator = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                                                   0x2a1462b3};
        const std::uint32_t top = state_ >> 25U;
        state_ = (state_ & 0x1ffffffU) << 5U ^ word;
        for (std::size_t i = 0; i < generator.size(); ++i) {
            if ((top >> i & 1U) != 0) state_ ^= generator[i];
        }
    }
    void feed_hrp(std::string_view hrp) {
        for (const char c : hrp) feed(static_cast<std::uint8_t>(static_cast<std::uint8_t>(c) >> 5U));
        feed(0);
        for (const char c : hrp) feed(static_cast<std::uint8_t>(c) & 31U);
    }
    [[nodiscard]] std::uint32_t value() const { return state_; }

  private:
    std::uint32_t state_ = 1;
};

}  // namespace

Result<Bech32> decode_bech32(std::string_view text) {
    bool lower = false;
    bool upper = false;
    for (const char c : text) {
        if (c < 33 || c > 126) return fail(Errc::not_bech32, "a character that does not print");
        lower = lower || (c >= 'a' && c <= 'z');
        upper = upper || (c >= 'A' && c <= 'Z');
    }
    if (lower && upper) return fail(Errc::not_bech32, "upper and lower case are mixed");

    const std::size_t separator = text.rfind('1');
    if (separator == std::string_view::npos || separator == 0) return fail(Errc::not_bech32, "no separator \"1\"");
    if (text.size() - separator - 1 < checksum_length) return fail(Errc::not_bech32, "too short for a checksum");

    Bech32 out;
    for (const char c : text.substr(0, separator)) {
        out.hrp += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    Polymod polymod;
    polymod.feed_hrp(out.hrp);
    const std::string_view data = text.substr(separator + 1);
    out.words.reserve(data.size());
    for (const char c : data) {
        const std::uint8_t word = values[static_cast<std::uint8_t>(std::tolower(static_cast<unsigned char>(c)))];
        if (word == not_in_alphabet) return fail(Errc::not_bech32, "a character outside the alphabet");
        polymod.feed(word);
        out.words.push_back(word);
    }
    if (polymod.value() != 1) return fail(Errc::bad_checksum);
    out.words.resize(out.words.size() - checksum_length);
    return out;
}

std::string encode_bech32(std::string_view hrp, ByteView words) {
    Polymod polymod;
    polymod.feed_hrp(hrp);
    std::string out;
    out.reserve(hrp.size() + 1 + words.size() + checksum_length);
    out += hrp;
    out += '1';
    for (const std::uint8_t word : words) {
        polymod.feed(word);
        out += alphabet[word];
    }
    for (std::size_t i = 0; i < checksum_length; ++i) polymod.feed(0);
    const std::uint32_t checksum = polymod.value() ^ 1U;
    for (std::size_t i = 0; i < checksum_length; ++i) out += alphabet[checksum >> 5 * (checksum_length - 1 - i) & 31U];
    return out;
}

Bytes to_words(ByteView bytes) {
    Bytes out;
    out.reserve((bytes.size() * 8 + 4) / 5);
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const std::uint8_t byte : bytes) {
        bits = bits << 8U | byte;
        count += 8;
        while (count >= 5) {
            count -= 5;
            out.push_back(static_cast<std::uint8_t>(bits >> count & 31U));
        }
    }
    if (count > 0) out.push_back(static_cast<std::uint8_t>(bits << (5 - count) & 31U));
    return out;
}

Result<Bytes> from_words(ByteView words) {
    Bytes out;
    out.reserve(words.size() * 5 / 8);
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const std::uint8_t word : words) {
        bits = bits << 5U | word;
        count += 5;
        if (count >= 8) {
            count -= 8;
            out.push_back(static_cast<std::uint8_t>(bits >> count));
        }
    }
    if (count >= 5) return fail(Errc::trailing_bytes, "a whole group of padding");
    if ((bits & ((1U << count) - 1U)) != 0) return fail(Errc::trailing_bytes, "the padding is not zero");
    return out;
}

}  // namespace millrace::codec
