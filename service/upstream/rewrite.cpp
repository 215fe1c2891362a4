#include "service/upstream/rewrite.hpp"

#include <algorithm>
#include <charconv>

namespace millrace::upstream {
namespace {

// How many bytes of the encoded `path` are the decoded `strip`; 0 where it does not begin with it.
std::size_t matched(std::string_view path, std::string_view strip) {
    std::size_t at = 0;
    for (char wanted : strip) {
        if (at >= path.size()) return 0;
        unsigned char byte = static_cast<unsigned char>(path[at]);
        std::size_t length = 1;
        if (path[at] == '%' && at + 2 < path.size()) {
            std::from_chars(path.data() + at + 1, path.data() + at + 3, byte, 16);
            length = 3;
        }
        if (byte != static_cast<unsigned char>(wanted) || (length == 3 && wanted == '/')) return 0;
        at += length;
    }
    return at == path.size() || path[at] == '/' ? at : 0;
}

}  // namespace

void rewrite_target(const config::Rewrite& rewrite, std::string_view target, std::string& out) {
    std::size_t query_at = std::min(target.find('?'), target.size());
    std::string_view path = target.substr(0, query_at);
    path.remove_prefix(matched(path, rewrite.strip));
    out.assign(rewrite.prefix).append(path);
    if (out.empty()) out = "/";
    out.append(target.substr(query_at));
}

}  // namespace millrace::upstream
