#include "service/pages/accept.hpp"

#include <algorithm>

#include "common/codec/ascii.hpp"
#include "common/codec/field_value.hpp"

namespace millrace::pages {
namespace {

using codec::iequals;
using codec::trim;

constexpr int full_weight = 1000;

std::string_view take_until(std::string_view& text, char end) {
    std::size_t at = std::min(text.find(end), text.size());
    std::string_view out = trim(text.substr(0, at));
    text.remove_prefix(std::min(at + 1, text.size()));
    return out;
}

// "0.8", at most three decimals; what is malformed weighs nothing.
int parse_weight(std::string_view text) {
    if (text.empty() || (text.front() != '0' && text.front() != '1')) return 0;
    int weight = text.front() == '1' ? full_weight : 0;
    text.remove_prefix(1);
    if (text.empty()) return weight;
    if (text.front() != '.' || text.size() > 4) return 0;
    int unit = full_weight / 10;
    for (char digit : text.substr(1)) {
        if (digit < '0' || digit > '9') return 0;
        weight += (digit - '0') * unit;
        unit /= 10;
    }
    return std::min(weight, full_weight);
}

// How closely a range covers a type: 3 by name, 2 "text/*", 1 "*/*", 0 not at all.
int closeness(std::string_view range, std::string_view type) {
    if (iequals(range, type)) return 3;
    if (range == "*/*") return 1;
    std::string_view kind = type.substr(0, type.find('/') + 1);
    bool covers = range.size() == kind.size() + 1 && range.back() == '*' && iequals(range.substr(0, kind.size()), kind);
    return covers ? 2 : 0;
}

struct Match {
    int closeness = 0;
    int weight = 0;
};

Match match(std::string_view accept, std::string_view type) {
    Match best;
    while (!accept.empty()) {
        std::string_view element = take_until(accept, ',');
        std::string_view range = take_until(element, ';');
        int weight = full_weight;
        while (!element.empty()) {
            std::string_view parameter = take_until(element, ';');
            std::string_view name = take_until(parameter, '=');
            if (iequals(name, "q")) weight = parse_weight(trim(parameter));
        }
        int close = closeness(range, type);
        if (close == 0 || close < best.closeness) continue;
        best.weight = close > best.closeness ? weight : std::max(best.weight, weight);
        best.closeness = close;
    }
    return best;
}

}  // namespace

int accepted(std::string_view accept, std::string_view type) {
    return match(accept, type).weight;
}

bool prefers_html(std::string_view accept) {
    Match html = match(accept, "text/html");
    if (html.closeness < 3 || html.weight == 0) return false;
    return html.weight > accepted(accept, "application/json") &&
           html.weight > accepted(accept, "application/problem+json");
}

bool wants_page(const http::RequestHead& head) {
    // HEAD is answered as GET would be, but for the body.
    const bool reads = head.verb == http::Verb::get || head.verb == http::Verb::head;
    if (!reads || !head.upgrade.empty()) return false;
    bool html = false;
    for (const http::HeaderLine& line : head.fields) {
        if (line.id == http::Field::accept)
            html = html || prefers_html(line.value);
        else if (iequals(line.name, "Sec-Fetch-Mode") && line.value != "navigate")
            return false;
        else if (iequals(line.name, "Sec-Fetch-Dest") && line.value != "document")
            return false;
        else if (iequals(line.name, "X-Requested-With"))
            return false;
    }
    return html;
}

}  // namespace millrace::pages
