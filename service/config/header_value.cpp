#include "service/config/header_value.hpp"

#include <algorithm>
#include <array>
#include <fstream>

#include "common/codec/field_name.hpp"

namespace millrace::config {
namespace {

constexpr std::string_view file_scheme = "file:";
constexpr std::streamsize max_value = 8192;
constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view digits = "0123456789";

bool is_variable_name(std::string_view name) {
    return !name.empty() && digits.find(name.front()) == std::string_view::npos &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return c == '_' || letters.find(c) != std::string_view::npos || digits.find(c) != std::string_view::npos;
           });
}

Error bad(const std::string& what) {
    return fail(Errc::bad_value, what);
}

Result<std::string> read_file(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::string out(static_cast<std::size_t>(max_value) + 1, '\0');
    in.read(out.data(), max_value + 1);
    if (!in.is_open() || in.bad()) return bad("the file " + file.string() + " cannot be read");
    out.resize(static_cast<std::size_t>(in.gcount()));
    if (out.ends_with('\n')) out.pop_back();
    if (out.ends_with('\r')) out.pop_back();
    return out;
}

Result<std::string> expand(std::string_view text, const Environment& environment) {
    std::string out;
    while (!text.empty()) {
        if (text.starts_with("$${")) {
            out += "${";
            text.remove_prefix(3);
        } else if (text.starts_with("${")) {
            std::size_t end = text.find('}');
            std::string name(text.substr(2, end == std::string_view::npos ? end : end - 2));
            if (end == std::string_view::npos || !is_variable_name(name))
                return bad("must have the name of a variable between \"${\" and \"}\", or \"$${\" for a plain \"${\"");
            auto value = environment ? environment(name) : std::nullopt;
            if (!value) return bad("the variable " + name + " is not set in the environment of millraced");
            out += *value;
            text.remove_prefix(end + 1);
        } else {
            out += text.front();
            text.remove_prefix(1);
        }
    }
    return out;
}

}  // namespace

Result<SecretText> read_header_value(std::string_view text, const std::filesystem::path& folder,
                                     const Environment& environment) {
    Result<std::string> value =
        text.starts_with(file_scheme) ? read_file(folder / text.substr(file_scheme.size())) : expand(text, environment);
    if (!value) return value.error();
    SecretText out(std::move(*value));
    const std::string& revealed = out.reveal();
    auto control = [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; };
    if (revealed.empty()) return bad("what it stands for is empty");
    if (revealed.size() > static_cast<std::size_t>(max_value)) return bad("what it stands for is more than 8192 bytes");
    if (std::any_of(revealed.begin(), revealed.end(), control))
        return bad("what it stands for has a line end or another control character in it");
    auto blank = [](char c) { return c == ' ' || c == '\t'; };
    if (blank(revealed.front()) || blank(revealed.back())) return bad("what it stands for begins or ends with a space");
    return out;
}

bool holds_reference(std::string_view text) {
    if (text.starts_with(file_scheme)) return true;
    for (std::size_t at = text.find("${"); at != std::string_view::npos; at = text.find("${", at + 2)) {
        if (at == 0 || text[at - 1] != '$') return true;
    }
    return false;
}

std::optional<std::string> fault_of_header_name(std::string_view name) {
    constexpr std::array<std::string_view, 12> of_the_hop = {"connection",
                                                             "proxy-connection",
                                                             "keep-alive",
                                                             "te",
                                                             "trailer",
                                                             "upgrade",
                                                             "expect",
                                                             "transfer-encoding",
                                                             "http2-settings",
                                                             "content-length",
                                                             "proxy-authenticate",
                                                             "proxy-authorization"};
    constexpr std::array<std::string_view, 2> ours = {"forwarded", "via"};
    constexpr std::array<std::string_view, 2> our_prefixes = {"x-l402-", "x-forwarded-"};
    auto token = [](char c) {
        return letters.find(c) != std::string_view::npos || digits.find(c) != std::string_view::npos ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    };
    if (name.empty() || !std::all_of(name.begin(), name.end(), token)) return "is no name of a header field";
    auto is = [&](std::string_view other) { return codec::same_variable(name, other); };
    if (std::any_of(of_the_hop.begin(), of_the_hop.end(), is))
        return "belongs to the connection or says where a message ends: it cannot be set";
    auto begins = [&](std::string_view prefix) { return codec::begins_variable(name, prefix); };
    if (std::any_of(ours.begin(), ours.end(), is) || std::any_of(our_prefixes.begin(), our_prefixes.end(), begins))
        return "is for millraced itself to say: it cannot be set";
    return std::nullopt;
}

}  // namespace millrace::config
