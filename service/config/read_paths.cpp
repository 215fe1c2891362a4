#include "service/config/read_paths.hpp"

#include <algorithm>

namespace millrace::config {
namespace {

bool is_ascii(const PathPattern& pattern) {
    return std::all_of(pattern.text().begin(), pattern.text().end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

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
