#include "common/codec/hex.hpp"

namespace millrace {

const char* ErrcText<codec::Errc>::text(codec::Errc errc) {
    switch (errc) {
        case codec::Errc::not_hex:
            return "not hexadecimal";
        case codec::Errc::wrong_length:
            return "wrong length";
        case codec::Errc::not_base64:
            return "not base64";
        case codec::Errc::not_bech32:
            return "not bech32";
        case codec::Errc::bad_checksum:
            return "the checksum does not match";
        case codec::Errc::truncated:
            return "the data ends inside a field";
        case codec::Errc::not_minimal:
            return "a number is not in its shortest form";
        case codec::Errc::not_ascending:
            return "TLV types are not strictly ascending";
        case codec::Errc::trailing_bytes:
            return "data is left over behind the last field";
    }
    return "unknown codec error";
}

}  // namespace millrace

namespace millrace::codec {
namespace {

constexpr int no_digit = -1;

constexpr int digit_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return no_digit;
}

}  // namespace

std::string to_hex(ByteView bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const std::uint8_t byte : bytes) {
        out += digits[byte >> 4U];
        out += digits[byte & 15U];
    }
    return out;
}

Result<void> from_hex(std::string_view text, std::span<std::uint8_t> out) {
    if (text.size() != out.size() * 2) {
        return fail(Errc::wrong_length,
                    std::to_string(text.size()) + " hex digits where " + std::to_string(out.size() * 2) + " belong");
    }
    for (std::size_t i = 0; i < out.size(); ++i) {
        const int high = digit_value(text[2 * i]);
        const int low = digit_value(text[2 * i + 1]);
        if (high == no_digit || low == no_digit) return fail(Errc::not_hex);
        out[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return {};
}

Result<Bytes> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) return fail(Errc::not_hex, "an odd number of digits");
    Bytes out(text.size() / 2);
    if (auto done = from_hex(text, std::span<std::uint8_t>(out)); !done) return done.error();
    return out;
}

}  // namespace millrace::codec
