#include "service/upstream/rewrite.hpp"

#include <algorithm>
#include <charconv>

#include "common/codec/ascii.hpp"

namespace millrace::upstream {
namespace {

// How many bytes of the encoded `path` are the decoded `strip`, by the rules of the service; 0 where it does not begin
// with it.
std::size_t matched(std::string_view path, std::string_view strip, const config::PathRules& rules) {
    std::size_t at = 0;
    auto skip_parameters = [&] {
        bool cut = rules.parameters == config::PathRules::Parameters::cut && at < path.size() && path[at] == ';';
        if (cut) at = std::min(path.find('/', at), path.size());
    };
    for (char wanted : strip) {
        if (wanted == '/') skip_parameters();
        if (at >= path.size()) return 0;
        unsigned char byte = static_cast<unsigned char>(path[at]);
        std::size_t length = 1;
        if (path[at] == '%' && at + 2 < path.size()) {
            std::from_chars(path.data() + at + 1, path.data() + at + 3, byte, 16);
            length = 3;
        }
        bool same = byte == static_cast<unsigned char>(wanted) ||
                    (rules.fold_case && codec::to_lower(static_cast<char>(byte)) == codec::to_lower(wanted));
        if (!same || (length == 3 && wanted == '/')) return 0;
        at += length;
    }
    skip_parameters();
    return at == path.size() || path[at] == '/' ? at : 0;
}

}  // namespace

void rewrite_target(const config::Rewrite& rewrite, const config::PathRules& rules, std::string_view target,
                    std::string& out) {
    std::size_t query_at = std::min(target.find('?'), target.size());
    std::string_view path = target.substr(0, query_at);
    path.remove_prefix(matched(path, rewrite.strip, rules));
    out.assign(rewrite.prefix).append(path);
    if (out.empty()) out = "/";
    out.append(target.substr(query_at));
}

}  // namespace millrace::upstream
