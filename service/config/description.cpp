#include "service/config/description.hpp"

#include <array>

#include "common/codec/printable.hpp"

namespace millrace::config {
namespace {

constexpr std::array<std::string_view, 5> placeholders = {"{service}", "{route}", "{method}", "{path}", "{price}"};

// The placeholder-like text at the beginning of `text`: a brace, small letters, a brace. Empty where there is none.
std::string_view placeholder_at(std::string_view text) {
    if (text.empty() || text.front() != '{') return {};
    std::size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", 1);
    if (end == std::string_view::npos || end == 1 || text[end] != '}') return {};
    return text.substr(0, end + 1);
}

// Bytes of the UTF-8 sequence at the beginning of `text`; 0 where it is none, or a control character.
std::size_t character_at(std::string_view text) {
    if (codec::control_length(text) > 0) return 0;
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    if (byte(0) < 0x80) return 1;
    std::size_t size = byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : 2;
    if (byte(0) < 0xC2 || byte(0) > 0xF4 || text.size() < size) return 0;
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xC0U) != 0x80) return 0;
    }
    bool overlong = (byte(0) == 0xE0 && byte(1) < 0xA0) || (byte(0) == 0xF0 && byte(1) < 0x90);
    bool outside = (byte(0) == 0xED && byte(1) > 0x9F) || (byte(0) == 0xF4 && byte(1) > 0x8F);
    return overlong || outside ? 0 : size;
}

void append_clean(std::string& out, std::string_view text) {
    while (!text.empty()) {
        std::size_t size = character_at(text);
        if (size == 0) {
            out += '?';
            size = 1;
        } else {
            out += text.substr(0, size);
        }
        text.remove_prefix(size);
    }
}

}  // namespace

std::optional<std::string> unknown_placeholder(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::string_view found = placeholder_at(text.substr(i));
        if (found.empty()) continue;
        bool known = false;
        for (std::string_view placeholder : placeholders) known = known || placeholder == found;
        if (!known) return std::string(found);
    }
    return std::nullopt;
}

std::string describe(std::string_view text, const DescriptionFacts& facts) {
    std::string price = std::to_string(facts.price.value());
    const std::array<std::string_view, 5> values = {facts.service, facts.route, facts.method, facts.path, price};
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        std::string_view found = placeholder_at(text.substr(i));
        std::size_t which = 0;
        while (which < placeholders.size() && placeholders[which] != found) ++which;
        if (which < placeholders.size()) {
            append_clean(out, values[which]);
            i += found.size();
        } else {
            out += text[i++];
        }
    }
    if (out.size() > max_description) {
        std::size_t end = max_description;
        while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0U) == 0x80) --end;
        out.resize(end);
    }
    return out;
}

}  // namespace millrace::config
