#include "service/config/read_paths.hpp"

#include <algorithm>

namespace millrace::config {
namespace {

constexpr std::string_view example = "{ parameters = \"cut\", case = \"fold\", slash = \"ignore\" }";

// One of two words; `otherwise` where the key is absent or something else.
bool read_choice(Section& section, std::string_view key, std::string_view no, std::string_view yes) {
    std::string text = section.text(key).value_or(std::string(no));
    if (text != no && text != yes)
        section.fault(key, "must be \"" + std::string(no) + "\" or \"" + std::string(yes) + "\", not \"" + text + '"');
    return text == yes;
}

bool is_ascii(const PathPattern& pattern) {
    return std::all_of(pattern.text().begin(), pattern.text().end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

std::string_view name(PathRules::Parameters parameters) {
    switch (parameters) {
        case PathRules::Parameters::cut:
            return "cut";
        case PathRules::Parameters::keep:
            return "keep";
        case PathRules::Parameters::refuse:
            break;
    }
    return "refuse";
}

PathRules read_path_rules(Section& service) {
    PathRules out;
    const toml::table* table = service.table("paths", example);
    if (!table) return out;
    Section section = service.below("paths", *table);
    std::string parameters = section.text("parameters").value_or("refuse");
    if (parameters == "cut")
        out.parameters = PathRules::Parameters::cut;
    else if (parameters == "keep")
        out.parameters = PathRules::Parameters::keep;
    else if (parameters != "refuse")
        section.fault("parameters", "must be \"refuse\", \"cut\" or \"keep\", not \"" + parameters + '"');
    out.fold_case = read_choice(section, "case", "keep", "fold");
    out.ignore_slash = read_choice(section, "slash", "keep", "ignore");
    section.no_others();
    return out;
}

bool read_unmatched(Section& service) {
    return read_choice(service, "unmatched", "sell", "refuse");
}

void check_paths(Section& section, const Service& service) {
    if (service.refuses_unmatched && service.routes.empty())
        section.fault("unmatched", "\"refuse\" closes all that no route names, and this service has no route");
    if (!service.paths.fold_case) return;
    auto check = [&](const PathPattern& pattern, std::string_view key) {
        if (!is_ascii(pattern))
            section.fault("paths", "case = \"fold\" compares ASCII letters alone, and " + std::string(key) + " \"" +
                                       pattern.text() + "\" has others");
    };
    check(service.path, "path");
    for (const PathPattern& pattern : service.free) check(pattern, "free");
    for (const PathPattern& pattern : service.auth_only) check(pattern, "auth_only");
    for (const Route& route : service.routes) check(route.path, "the path of a route");
}

}  // namespace millrace::config
