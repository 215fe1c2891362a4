#include "service/relay/cache_rules.hpp"

#include <algorithm>

#include "common/codec/ascii.hpp"
#include "common/codec/field_value.hpp"

namespace millrace::relay {
namespace {

using codec::iequals;
using codec::trim;

bool ends_with(std::string_view name, std::string_view ending) {
    return name.size() > ending.size() && iequals(name.substr(name.size() - ending.size()), ending);
}

bool is_targeted(std::string_view name) {
    return ends_with(name, "-Cache-Control") || iequals(name, "Surrogate-Control") || iequals(name, "Edge-Control") ||
           iequals(name, "X-Accel-Expires");
}

// Takes the next directive off a list: name [ "=" ( token | quoted-string ) ]. Of a quoted string that does not end,
// caches make different things: the rest of the list is no directive.
std::string_view take_directive(std::string_view& list) {
    bool quoted = false;
    std::size_t at = 0;
    for (; at < list.size(); ++at) {
        if (quoted && list[at] == '\\') {
            ++at;
            continue;
        }
        if (list[at] == '"') quoted = !quoted;
        if (list[at] == ',' && !quoted) break;
    }
    std::string_view out = quoted ? std::string_view{} : trim(list.substr(0, std::min(at, list.size())));
    list.remove_prefix(std::min(at + 1, list.size()));
    return out;
}

// What a directive is called; caches read 'public' as it is written, and ' public =x' as well.
std::string_view name_of(std::string_view directive) {
    return trim(directive.substr(0, directive.find('=')));
}

// The directives that stay of all Cache-Control fields, one behind the other.
std::string kept_directives(const http::ResponseHead& head) {
    std::string out;
    for (const http::HeaderLine& line : head.fields) {
        if (line.id != http::Field::cache_control) continue;
        std::string_view list = line.value;
        while (!list.empty()) {
            std::string_view directive = take_directive(list);
            std::string_view name = name_of(directive);
            const bool gone =
                name.empty() || iequals(name, "public") || iequals(name, "s-maxage") || iequals(name, "private");
            if (!gone) out.append(out.empty() ? "" : ", ").append(directive);
        }
    }
    return out;
}

}  // namespace

Sharing sharing_of(bool for_all, unsigned status) {
    if (status == 401 || status == 402 || status == 429) return Sharing::nobodys;
    return for_all ? Sharing::as_sent : Sharing::of_one_client;
}

bool speaks_to_caches(const http::HeaderLine& line) {
    return line.id == http::Field::cache_control || is_targeted(line.name);
}

void append_cache_fields(const http::ResponseHead& head, Sharing sharing, std::string& out) {
    const bool interim = head.status / 100 == 1;
    if (sharing == Sharing::nobodys) {
        out.append("Cache-Control: no-store\r\n");
        return;
    }
    std::string kept = kept_directives(head);
    if (interim && kept.empty()) return;
    out.append("Cache-Control: ");
    // In front, where no directive that is read otherwise hides it.
    if (!interim) out.append(kept.empty() ? "private" : "private, ");
    out.append(kept).append("\r\n");
}

}  // namespace millrace::relay
