#include "service/config/read_routes.hpp"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "common/codec/printable.hpp"
#include "service/config/description.hpp"
#include "service/config/header_value.hpp"
#include "service/config/path_rules.hpp"
#include "service/config/read_tiers.hpp"

namespace millrace::config {
namespace {

constexpr std::uint64_t max_units_bound = 1'000'000'000;

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

std::optional<Msat> read_amount(Section& section, std::string_view key) {
    auto value = section.integer(key, 1, max_price_msat);
    if (!value) return std::nullopt;
    return Msat(*value);
}

std::optional<Route> read_route(const toml::table& table, const std::optional<PathPattern>& path, Faults& faults) {
    Section section(&table, "service.route", static_cast<std::uint32_t>(table.source().begin.line), faults);
    Route route;
    std::optional<ServiceName> name =
        read_name(section, "name", "what the route is called in tokens and invoices, such as \"images\"");
    if (name) route.name = name->text();
    if (section.has("path")) {
        if (auto pattern = read_pattern(section, "path", {})) route.path = *pattern;
        if (path && !path->glob() && !route.path.text().empty() && !path->hides(route.path))
            section.fault("path", "must lie below the service's own path \"" + path->text() + '"');
    } else {
        (void)section.text("path");  // the whole service
        if (path) route.path = *path;
    }
    route.methods = read_methods(section);
    route.price = read_amount(section, "price_msat");
    route.per_kib = read_amount(section, "per_kib_msat");
    route.per_unit = read_amount(section, "per_unit_msat");
    route.unit_header = section.text("unit_header").value_or("");
    if (!route.unit_header.empty() && !is_field_name(route.unit_header))
        section.fault("unit_header", "must be the name of a header field, not \"" + route.unit_header + '"');
    else if (auto fault = fault_of_header_name(route.unit_header); fault && !route.unit_header.empty())
        section.fault("unit_header", '"' + route.unit_header + "\" does not reach the upstream as clients send it");
    if (route.per_unit && route.unit_header.empty())
        section.fault("per_unit_msat", "needs unit_header: the request field that says how many units are asked for");
    if (!route.per_unit && !route.unit_header.empty())
        section.fault("unit_header", "needs per_unit_msat: what one unit costs");
    route.max_units = section.integer("max_units", 1, max_units_bound).value_or(1'000'000);
    std::string scope = section.text("scope").value_or("service");
    if (scope != "service" && scope != "route")
        section.fault("scope", "must be \"service\" or \"route\", not \"" + scope + '"');
    route.own_tokens = scope == "route";
    route.capability = section.text("capability").value_or("");
    if (!route.capability.empty() && !is_capability(route.capability))
        section.fault("capability", "must be 1 to 32 of a-z 0-9 . _ -, not \"" + route.capability + '"');
    route.min_tier = static_cast<unsigned>(section.integer("min_tier", 0, Tier::max_number).value_or(0));
    section.no_others();
    if (!name) return std::nullopt;
    return route;
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

std::optional<ServiceName> read_name(Section& section, std::string_view key, std::string_view required) {
    auto text = section.text(key, required);
    if (!text) return std::nullopt;
    auto parsed = ServiceName::parse(*text);
    if (parsed) return *parsed;
    section.fault(key, "must be 1 to 21 of a-z 0-9 . _ -, not \"" + *text + '"');
    return std::nullopt;
}

std::optional<PathPattern> read_pattern(Section& section, std::string_view key, std::string_view required) {
    auto text = section.text(key, required);
    if (!text) return std::nullopt;
    if (auto fault = fault_of_path(*text)) {
        section.fault(key, *fault + ", not \"" + *text + '"');
        return std::nullopt;
    }
    return PathPattern(*text);
}

std::vector<PathPattern> read_paths_below(Section& section, std::string_view key,
                                          const std::optional<PathPattern>& path) {
    std::vector<PathPattern> out;
    for (std::string& text : section.texts(key)) {
        if (auto fault = fault_of_path(text)) {
            section.fault(key, "\"" + text + "\" " + *fault);
            continue;
        }
        PathPattern pattern(std::move(text));
        if (path && !path->glob() && !path->hides(pattern)) {
            section.fault(key,
                          "\"" + pattern.text() + "\" must lie below the service's own path \"" + path->text() + '"');
        }
        out.push_back(std::move(pattern));
    }
    return out;
}

Methods read_methods(Section& section) {
    Methods out{section.texts("methods")};
    for (const std::string& name : out.names) {
        if (!is_method(name))
            section.fault("methods", "\"" + name + "\" must be a method in capitals, such as \"GET\"");
    }
    return out;
}

std::optional<std::string> read_description(Section& section) {
    auto text = section.text("description");
    if (!text) return std::nullopt;
    if (text->size() > max_description)
        section.fault("description", "must be at most 639 bytes, which is what an invoice takes");
    if (codec::has_control_character(*text))
        section.fault("description", "must not hold control characters, line ends and tabs included");
    if (auto unknown = unknown_placeholder(*text)) {
        section.fault("description",
                      "does not know " + *unknown + "; known here: {service}, {route}, {method}, {path}, {price}");
    }
    return text;
}

std::vector<std::string> read_cors(Section& section) {
    std::vector<std::string> origins = section.texts("cors");
    for (const std::string& origin : origins) {
        if (origin == "*" || is_origin(origin)) continue;
        section.fault("cors", "\"" + origin + "\" must be \"*\" or an origin such as \"https://app.example.com\"");
    }
    return origins;
}

std::vector<Route> read_routes(Section& section, const std::optional<PathPattern>& path, Faults& faults) {
    std::vector<Route> out;
    for (const toml::table* table : section.tables("route")) {
        auto route = read_route(*table, path, faults);
        if (!route) continue;
        auto line = static_cast<std::uint32_t>(table->source().begin.line);
        for (const Route& earlier : out) {
            if (earlier.name == route->name)
                faults.note(line, "service.route.name", "\"" + route->name + "\" is already a route of this service");
            if (earlier.methods.includes(route->methods) && earlier.path.hides(route->path))
                faults.note(line, "service.route.path",
                            "route \"" + earlier.name + "\" answers all of it first; put the narrower route in front");
        }
        out.push_back(std::move(*route));
    }
    return out;
}

}  // namespace millrace::config
