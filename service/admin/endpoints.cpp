#include <algorithm>

#include "service/admin/authorization.hpp"
#include "service/admin/handlers.hpp"

namespace millrace::admin {
namespace {

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

std::vector<Endpoint> join() {
    std::vector<Endpoint> out;
    for (const operations::Operation& row : operations::all()) {
        for (auto handlers : {process_handlers(), record_handlers(), service_handlers(), token_handlers()}) {
            for (const Handler& one : handlers) {
                if (one.command == row.command) out.push_back({&row, one.handle});
            }
        }
    }
    return out;
}

// The names of the query's parameters.
std::vector<std::string_view> known_parameters(const operations::Operation& row) {
    std::vector<std::string_view> out;
    for (const operations::Argument& one : row.arguments) {
        if (one.place == operations::Place::query) out.push_back(one.name);
    }
    return out;
}

}  // namespace

std::span<const Endpoint> endpoints() {
    static const std::vector<Endpoint> table = join();
    return table;
}

std::variant<const Endpoint*, Answer> find_endpoint(Request& request) {
    std::string allow;
    const Endpoint* found = nullptr;
    for (const Endpoint& endpoint : endpoints()) {
        const operations::Operation& row = *endpoint.row;
        auto names = fit(row.path, request.path);
        if (!names) continue;
        allow += (allow.empty() ? "" : ", ") + std::string(row.method == "GET" ? "GET, HEAD" : row.method);
        if (row.method != request.method) continue;
        found = &endpoint;
        request.names = std::move(*names);
    }
    if (!found && allow.empty()) return problem(404, "There is no such endpoint; doc/openapi/admin.json lists them.");
    if (!found) {
        Answer answer = problem(405, "This endpoint takes " + allow + '.');
        answer.fields.push_back("Allow: " + allow);
        return answer;
    }
    if (!may(request.role, found->row->role))
        return problem(403, "The token is one for reading; this takes the other one.");
    const std::vector<std::string_view> known = known_parameters(*found->row);
    for (const auto& [key, value] : request.query) {
        if (std::find(known.begin(), known.end(), key) != known.end()) continue;
        std::string listed;
        for (std::string_view one : known) listed += (listed.empty() ? "" : ", ") + std::string(one);
        return problem(400, "Unknown parameter; known here: " + (listed.empty() ? "none" : listed));
    }
    return found;
}

}  // namespace millrace::admin
