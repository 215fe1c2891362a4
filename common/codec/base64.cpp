#include "common/codec/base64.hpp"

#include <array>

namespace millrace::codec {
namespace {

constexpr std::string_view standard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_safe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t not_in_alphabet = 0xff;

constexpr std::array<std::uint8_t, 256> make_values() {
    std::array<std::uint8_t, 256> values{};
    values.fill(not_in_alphabet);
    for (std::size_t i = 0; i < 64; ++i) {
        values[static_cast<std::uint8_t>(standard[i])] = static_cast<std::uint8_t>(i);
        values[static_cast<std::uint8_t>(url_safe[i])] = static_cast<std::uint8_t>(i);
    }
    return values;
}

constexpr std::array<std::uint8_t, 256> values = make_values();

std::string encode(ByteView bytes, std::string_view alphabet, bool padded) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const std::uint8_t byte : bytes) {
        bits = bits << 8U | byte;
        count += 8;
        while (count >= 6) {
            count -= 6;
            out += alphabet[bits >> count & 63U];
        }
    }
    if (count > 0) out += alphabet[bits << (6 - count) & 63U];
    while (padded && out.size() % 4 != 0) out += '=';
    return out;
}

}  // namespace

std::string to_base64(ByteView bytes) {
    return encode(bytes, standard, true);
}

std::string to_base64url(ByteView bytes) {
    return encode(bytes, url_safe, false);
}

Result<Bytes> from_base64(std::string_view text) {
    std::string_view digits = text;
    while (digits.ends_with('=')) digits.remove_suffix(1);
    const std::size_t padding = text.size() - digits.size();
    if (padding > 0 && (padding > 2 || text.size() % 4 != 0))
        return fail(Errc::not_base64, "the padding is not complete");
    if (digits.size() % 4 == 1) return fail(Errc::not_base64, "a single digit is left over");
    if (digits.find_first_of("+/") != std::string_view::npos && digits.find_first_of("-_") != std::string_view::npos) {
        return fail(Errc::not_base64, "both the standard and the URL-safe alphabet are used");
    }
    Bytes out;
    out.reserve(digits.size() * 3 / 4);
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : digits) {
        const std::uint8_t value = values[static_cast<std::uint8_t>(c)];
        if (value == not_in_alphabet) return fail(Errc::not_base64, "a character outside the alphabet");
        bits = bits << 6U | value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            out.push_back(static_cast<std::uint8_t>(bits >> count));
        }
    }
    if ((bits & ((1U << count) - 1U)) != 0) return fail(Errc::not_base64, "the bits behind the last byte are not zero");
    return out;
}

Result<Bytes> from_base64url(std::string_view text) {
    if (text.find_first_of("+/") != std::string_view::npos) return fail(Errc::not_base64, "not the URL-safe alphabet");
    return from_base64(text);
}

}  // namespace millrace::codec
