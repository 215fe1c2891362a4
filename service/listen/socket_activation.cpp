#include "service/listen/socket_activation.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace millrace {

const char* ErrcText<listen::ActivationErrc>::text(listen::ActivationErrc) {
    return "the sockets passed by systemd cannot be taken";
}

namespace listen {
namespace {

constexpr int first_descriptor = 3;
constexpr long max_sockets = 256;

std::optional<long> parse_number(std::string_view text) {
    long number = 0;
    auto [end, errc] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (errc != std::errc{} || end != text.data() + text.size() || number < 0) return std::nullopt;
    return number;
}

}  // namespace

Result<std::vector<ActivatedSocket>> activated_sockets(const config::Environment& variable, long pid) {
    std::vector<ActivatedSocket> out;
    auto meant = variable("LISTEN_PID");
    auto count_text = variable("LISTEN_FDS");
    if (!meant || !count_text || parse_number(*meant) != pid) return out;  // none, or for another process
    auto count = parse_number(*count_text);
    if (!count || *count > max_sockets)
        return fail(ActivationErrc::malformed, "LISTEN_FDS must be a number up to 256, not \"" + *count_text + '"');
    for (int i = 0; i < *count; ++i) out.push_back({first_descriptor + i, "unknown"});
    auto names = variable("LISTEN_FDNAMES");
    if (!names || out.empty()) return out;
    if (std::count(names->begin(), names->end(), ':') + 1 != *count)
        return fail(ActivationErrc::malformed,
                    "LISTEN_FDNAMES must have " + *count_text + " names, not \"" + *names + '"');
    std::string_view rest = *names;
    for (ActivatedSocket& socket : out) {
        std::size_t colon = std::min(rest.find(':'), rest.size());
        socket.name = rest.substr(0, colon);
        rest.remove_prefix(std::min(colon + 1, rest.size()));
    }
    return out;
}

std::vector<ActivatedSocket> claim_sockets(std::vector<ActivatedSocket>& passed, const std::string& name) {
    auto meant = [&](const ActivatedSocket& socket) { return socket.name == name; };
    auto claimed = passed.end();
    if (!name.empty())
        claimed = std::stable_partition(passed.begin(), passed.end(), [&](const auto& one) { return !meant(one); });
    else if (!passed.empty())
        claimed = std::rotate(passed.begin(), passed.begin() + 1, passed.end());
    std::vector<ActivatedSocket> out(claimed, passed.end());
    passed.erase(claimed, passed.end());
    return out;
}

}  // namespace listen
}  // namespace millrace
