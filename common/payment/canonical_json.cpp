#include "common/payment/canonical_json.hpp"

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace millrace::payment {
namespace {

// UTF-8 sorts as its code points do; UTF-16 differs from it in one thing only: what lies above U+FFFF (lead byte f0 and
// up) begins with a surrogate there, and so comes before U+E000..U+FFFF (lead bytes ee and ef).
bool before_in_utf16(std::string_view left, std::string_view right) {
    const auto [l, r] = std::mismatch(left.begin(), left.end(), right.begin(), right.end());
    if (r == right.end()) return false;
    if (l == left.end()) return true;
    const auto rank = [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0xf0) return byte - 2;
        return byte >= 0xee ? byte + 0x10 : byte + 0;
    };
    return rank(*l) < rank(*r);
}

void append_string(std::string_view text, std::string& out) {
    constexpr std::string_view letters = "btn?fr";  // of U+0008 to U+000D; U+000B has none
    constexpr std::string_view digits = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            (out += '\\') += c;
        } else if (byte >= 0x20) {
            out += c;
        } else if (byte >= 0x08 && byte <= 0x0d && byte != 0x0b) {
            (out += '\\') += letters[byte - 0x08U];
        } else {
            ((out += "\\u00") += digits[byte >> 4U]) += digits[byte & 15U];
        }
    }
    out += '"';
}

// Up to there ECMAScript writes a number as its digits.
constexpr std::uint64_t max_number = 1ULL << 53U;

void append_number(const boost::json::value& value, std::string& out) {
    boost::system::error_code not_whole;
    const auto number = value.is_number() ? value.to_number<std::uint64_t>(not_whole) : max_number + 1;
    if (value.is_double() || not_whole || number > max_number)
        throw std::invalid_argument("canonical_json: neither a string, a whole number, nor an object");
    out += std::to_string(number);
}

void append_object(const boost::json::object& object, std::string& out) {
    std::vector<const boost::json::key_value_pair*> members;
    members.reserve(object.size());
    for (const boost::json::key_value_pair& member : object) members.push_back(&member);
    std::sort(members.begin(), members.end(),
              [](const auto* left, const auto* right) { return before_in_utf16(left->key(), right->key()); });
    char separator = '{';
    for (const boost::json::key_value_pair* member : members) {
        out += separator;
        separator = ',';
        append_string(member->key(), out);
        out += ':';
        if (member->value().is_string())
            append_string(member->value().get_string(), out);
        else if (member->value().is_object())
            append_object(member->value().get_object(), out);
        else
            append_number(member->value(), out);
    }
    out += members.empty() ? "{}" : "}";
}

}  // namespace

std::string canonical_json(const boost::json::object& object) {
    std::string out;
    append_object(object, out);
    return out;
}

}  // namespace millrace::payment
