#include "service/config/challenges.hpp"
#include "service/config/clients.hpp"

#include <algorithm>

#include "common/codec/ascii.hpp"
#include "service/config/read_keys.hpp"

namespace millrace::config {
namespace {

constexpr std::string_view proto = "X-Forwarded-Proto";
constexpr std::string_view host = "X-Forwarded-Host";
constexpr std::string_view prefix = "X-Forwarded-Prefix";

}  // namespace

bool read_networks(Reading& in, Asked key, std::vector<limits::Network>& out) {
    bool good = true;
    for (const std::string& text : in.section.texts(key.name)) {
        if (auto network = limits::Network::parse(text)) {
            out.push_back(*network);
        } else {
            good = false;
            in.section.fault(
                key.name,
                "\"" + text + "\" must be an address or a network such as \"192.0.2.0/24\" or \"2001:db8::/32\"");
        }
    }
    return good;
}

bool read_trusted_headers(Reading& in, Asked key, TrustedHeaders& out) {
    const std::vector<std::string> names = in.section.texts(key.name);
    if (!in.section.has(key.name)) return false;
    out = {false, false, false};
    bool good = true;
    for (const std::string& name : names) {
        if (codec::iequals(name, proto)) {
            out.proto = true;
        } else if (codec::iequals(name, host)) {
            out.host = true;
        } else if (codec::iequals(name, prefix)) {
            out.prefix = true;
        } else {
            good = false;
            in.section.fault(key.name, "\"" + name +
                                           "\" must be X-Forwarded-Proto, X-Forwarded-Host or X-Forwarded-Prefix; "
                                           "X-Forwarded-For is always believed");
        }
    }
    return good;
}

// Six bits more than bits, where it is not said.
bool read_max_bits(Reading& in, Asked key, Work& out) {
    out.max_bits = std::min(out.bits + 6, Work::most_bits);
    auto bits = in.section.integer(key.name, 1, Work::most_bits);
    if (bits) out.max_bits = static_cast<unsigned>(*bits);
    if (out.max_bits < out.bits) in.section.fault(key.name, "must not be less than bits, " + std::to_string(out.bits));
    return bits.has_value();
}

}  // namespace millrace::config
