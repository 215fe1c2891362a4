#include "service/config/route.hpp"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <utility>

#include "common/codec/printable.hpp"
#include "service/config/description.hpp"
#include "service/config/header_value.hpp"
#include "service/config/path_rules.hpp"
#include "service/config/read_keys.hpp"
#include "service/config/read_tiers.hpp"

namespace millrace::config {
namespace {

constexpr std::uint64_t most_units = 1'000'000;  // where max_units is not said

bool is_method(std::string_view method) {
    return !method.empty() && method.size() <= 32 &&
           method.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ-") == std::string_view::npos;
}

bool is_field_name(std::string_view name) {
    return !name.empty() && name.size() <= 64 &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
               std::string_view::npos;
}

bool is_origin(const std::string& text) {
    auto url = boost::urls::parse_uri(text);
    return url && (url->scheme() == "http" || url->scheme() == "https") && url->has_authority() &&
           !url->has_userinfo() && !url->host().empty() && url->path().empty() && !url->has_query() &&
           !url->has_fragment();
}

std::optional<PathPattern> read_pattern(Reading& in, Asked key) {
    auto text = in.section.text(key.name, key.wanted);
    if (!text) return std::nullopt;
    if (auto fault = fault_of_path(*text)) {
        in.section.fault(key.name, *fault + ", not \"" + *text + '"');
        return std::nullopt;
    }
    return PathPattern(*text);
}

std::optional<ServiceName> read_name(Reading& in, Asked key) {
    auto text = in.section.text(key.name, key.wanted);
    if (!text) return std::nullopt;
    auto parsed = ServiceName::parse(*text);
    if (parsed) return *parsed;
    in.section.fault(key.name, "must be 1 to 21 of a-z 0-9 . _ -, not \"" + *text + '"');
    return std::nullopt;
}

}  // namespace

bool Methods::has(std::string_view method) const {
    return names.empty() || std::find(names.begin(), names.end(), method) != names.end();
}

bool Methods::includes(const Methods& other) const {
    if (names.empty()) return true;
    return !other.names.empty() &&
           std::all_of(other.names.begin(), other.names.end(), [this](const std::string& name) { return has(name); });
}

bool read_service_name(Reading& in, Asked key, ServiceName& out) {
    auto name = read_name(in, key);
    if (name) out = *name;
    return name.has_value();
}

bool read_short_name(Reading& in, Asked key, std::string& out) {
    auto name = read_name(in, key);
    if (name) out = name->text();
    return name.has_value();
}

bool read_realm(Reading& in, Asked key, std::optional<ServiceName>& out) {
    out = read_name(in, key);
    return out.has_value();
}

bool read_path(Reading& in, Asked key, PathPattern& out) {
    auto pattern = read_pattern(in, key);
    if (pattern) out = *pattern;
    return pattern.has_value();
}

// Before it is read, the route's path is the service's.
bool read_route_path(Reading& in, Asked key, Route& out) {
    if (!in.section.has(key.name)) return in.section.text(key.name).has_value();  // a known key
    const PathPattern path = std::exchange(out.path, PathPattern());
    auto pattern = read_pattern(in, key);
    if (!pattern) return false;
    out.path = *pattern;
    if (!path.text().empty() && !path.glob() && !path.hides(out.path))
        in.section.fault(key.name, "must lie below the service's own path \"" + path.text() + '"');
    return true;
}

bool read_paths_below(Reading& in, Asked key, Service& out) {
    std::vector<PathPattern>& paths = key.name == "free" ? out.free : out.auth_only;
    for (std::string& text : in.section.texts(key.name)) {
        if (auto fault = fault_of_path(text)) {
            in.section.fault(key.name, "\"" + text + "\" " + *fault);
            continue;
        }
        PathPattern pattern(std::move(text));
        if (!out.path.text().empty() && !out.path.glob() && !out.path.hides(pattern)) {
            in.section.fault(key.name, "\"" + pattern.text() + "\" must lie below the service's own path \"" +
                                           out.path.text() + '"');
        }
        paths.push_back(std::move(pattern));
    }
    return true;
}

bool read_methods(Reading& in, Asked key, Methods& out) {
    out.names = in.section.texts(key.name);
    for (const std::string& name : out.names) {
        if (!is_method(name))
            in.section.fault(key.name, "\"" + name + "\" must be a method in capitals, such as \"GET\"");
    }
    return true;
}

bool read_description(Reading& in, Asked key, std::optional<std::string>& out) {
    out = in.section.text(key.name);
    if (!out) return false;
    if (out->size() > max_description)
        in.section.fault(key.name, "must be at most 639 bytes, which is what an invoice takes");
    if (codec::has_control_character(*out))
        in.section.fault(key.name, "must not hold control characters, line ends and tabs included");
    if (auto unknown = unknown_placeholder(*out)) {
        in.section.fault(key.name,
                         "does not know " + *unknown + "; known here: {service}, {route}, {method}, {path}, {price}");
    }
    return true;
}

bool read_cors(Reading& in, Asked key, std::vector<std::string>& out) {
    out = in.section.texts(key.name);
    for (const std::string& origin : out) {
        if (origin == "*" || is_origin(origin)) continue;
        in.section.fault(key.name, "\"" + origin + "\" must be \"*\" or an origin such as \"https://app.example.com\"");
    }
    return true;
}

bool read_unit_header(Reading& in, Asked key, std::string& out) {
    auto name = in.section.text(key.name);
    if (!name) return false;
    out = *name;
    const bool named = is_field_name(out);
    const bool kept = !fault_of_header_name(out);
    if (!named)
        in.section.fault(key.name, "must be the name of a header field, not \"" + out + '"');
    else if (!kept)
        in.section.fault(key.name, '"' + out + "\" does not reach the upstream as clients send it");
    return named && kept;
}

bool read_capability(Reading& in, Asked key, std::string& out) {
    auto name = in.section.text(key.name);
    if (!name) return false;
    out = *name;
    const bool good = is_capability(out);
    if (!good) in.section.fault(key.name, "must be 1 to 32 of a-z 0-9 . _ -, not \"" + out + '"');
    return good;
}

void Route::check(Reading& in, Route& route) {
    if (route.per_unit && route.unit_header.empty())
        in.section.fault("per_unit_msat",
                         "needs unit_header: the request field that says how many units are asked for");
    if (!route.per_unit && !route.unit_header.empty())
        in.section.fault("unit_header", "needs per_unit_msat: what one unit costs");
}

bool read_routes(Reading& in, Asked key, Service& out) {
    for (const toml::table* table : in.section.tables(key.name)) {
        Section section = in.section.below(key.name, *table);
        Reading below{section, in.source};
        Route route{.path = out.path, .max_units = most_units};
        if (!read_keys<Route>(below, route)) continue;
        for (const Route& earlier : out.routes) {
            if (earlier.name == route.name)
                section.fault_here("name", "\"" + route.name + "\" is already a route of this service");
            if (earlier.methods.includes(route.methods) && earlier.path.hides(route.path))
                section.fault_here(
                    "path", "route \"" + earlier.name + "\" answers all of it first; put the narrower route in front");
        }
        out.routes.push_back(std::move(route));
    }
    return true;
}

}  // namespace millrace::config
