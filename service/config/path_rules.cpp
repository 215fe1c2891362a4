#include "service/config/path_rules.hpp"

namespace millrace::config {

std::optional<std::string> fault_of_path(std::string_view path) {
    if (path.empty() || path.front() != '/') return "must begin with \"/\"";
    if (path.find_first_of("?#") != std::string_view::npos) return "must be a path without \"?\" or \"#\"";
    if (path.find('%') != std::string_view::npos)
        return "must be written decoded, without \"%\": requests are decoded before they are compared";
    if (path.find("//") != std::string_view::npos)
        return "must not contain \"//\": requests are compared with slashes merged";
    if (path.find_first_of(std::string_view("\\\0", 2)) != std::string_view::npos)
        return "must not contain \"\\\" or NUL";
    std::string bracketed = std::string(path) + '/';
    for (std::string_view dots : {"/./", "/../"}) {
        if (bracketed.find(dots) != std::string::npos) return "must not contain \".\" or \"..\" segments";
    }
    return std::nullopt;
}

bool covers(std::string_view prefix, std::string_view path) {
    if (!path.starts_with(prefix)) return false;
    return prefix.back() == '/' || path.size() == prefix.size() || path[prefix.size()] == '/';
}

}  // namespace millrace::config
