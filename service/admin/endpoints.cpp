#include <algorithm>

#include "service/admin/api.hpp"
#include "service/admin/authorization.hpp"

namespace millrace::admin {
namespace {

constexpr std::array<Endpoint, 19> table = {{
    {"GET", "/v1/health", Role::read, {}, &Api::health},
    {"GET", "/v1/status", Role::read, {}, &Api::status},
    {"GET", "/v1/services", Role::read, {}, &Api::services},
    {"POST", "/v1/services", Role::write, {"position", "before", "after", "dry_run"}, &Api::add_service},
    {"GET", "/v1/services/{name}", Role::read, {}, &Api::service},
    {"PUT",
     "/v1/services/{name}",
     Role::write,
     {"position", "before", "after", "if_version", "dry_run"},
     &Api::set_service},
    {"DELETE", "/v1/services/{name}", Role::write, {"if_version", "dry_run"}, &Api::remove_service},
    {"GET", "/v1/services/{name}/definition", Role::read, {}, &Api::definition},
    {"GET",
     "/v1/settlements",
     Role::read,
     {"service", "since", "until", "limit", "cursor", "format"},
     &Api::settlements},
    {"GET", "/v1/sessions", Role::read, {"service", "state", "refund", "limit", "cursor"}, &Api::sessions},
    {"GET", "/v1/stats", Role::read, {"period", "service", "since", "until"}, &Api::stats},
    {"GET", "/v1/challenges", Role::read, {"service", "limit"}, &Api::challenges},
    {"GET", "/v1/tokens", Role::read, {"service", "limit", "cursor"}, &Api::tokens},
    {"POST", "/v1/tokens", Role::write, {}, &Api::grant},
    {"GET", "/v1/tokens/{payment_hash}", Role::read, {}, &Api::token},
    {"POST", "/v1/tokens/{payment_hash}/revoke", Role::write, {}, &Api::revoke},
    {"POST", "/v1/tokens/{payment_hash}/restore", Role::write, {}, &Api::restore},
    {"POST", "/v1/reload", Role::write, {}, &Api::reload},
    {"GET", "/v1/audit", Role::read, {"limit", "cursor"}, &Api::audit},
}};

using Names = std::map<std::string, std::string, std::less<>>;

// What stands for the names of `path`; empty where the segments do not fit.
std::optional<Names> fit(std::string_view path, const std::vector<std::string>& segments) {
    Names names;
    std::size_t at = 0;
    while (!path.empty()) {
        path.remove_prefix(1);  // the slash
        std::string_view wanted = path.substr(0, path.find('/'));
        path.remove_prefix(wanted.size());
        if (at == segments.size()) return std::nullopt;
        const std::string& given = segments[at++];
        bool name = wanted.starts_with('{');
        if (name && given.empty()) return std::nullopt;
        if (name)
            names.emplace(wanted.substr(1, wanted.size() - 2), given);
        else if (wanted != given)
            return std::nullopt;
    }
    return at == segments.size() ? std::optional(std::move(names)) : std::nullopt;
}

}  // namespace

std::span<const Endpoint> endpoints() {
    return table;
}

std::variant<const Endpoint*, Answer> find_endpoint(Request& request) {
    std::string allow;
    const Endpoint* found = nullptr;
    for (const Endpoint& endpoint : table) {
        auto names = fit(endpoint.path, request.path);
        if (!names) continue;
        allow += (allow.empty() ? "" : ", ") + std::string(endpoint.method == "GET" ? "GET, HEAD" : endpoint.method);
        if (endpoint.method != request.method) continue;
        found = &endpoint;
        request.names = std::move(*names);
    }
    if (!found && allow.empty()) return problem(404, "There is no such endpoint; doc/openapi/admin.json lists them.");
    if (!found) {
        Answer answer = problem(405, "This endpoint takes " + allow + '.');
        answer.fields.push_back("Allow: " + allow);
        return answer;
    }
    if (!may(request.role, found->role)) return problem(403, "The token is one for reading; this takes the other one.");
    for (const auto& [key, value] : request.query) {
        if (std::find(found->query.begin(), found->query.end(), key) != found->query.end() && !key.empty()) continue;
        std::string known;
        for (std::string_view one : found->query) {
            if (!one.empty()) known += (known.empty() ? "" : ", ") + std::string(one);
        }
        return problem(400, "Unknown parameter; known here: " + (known.empty() ? "none" : known));
    }
    return found;
}

}  // namespace millrace::admin
