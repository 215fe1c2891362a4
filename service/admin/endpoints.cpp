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

// "a", "a or b", "a, b or c"
std::string listed(std::span<const std::string_view> words, std::string_view last = " or ") {
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i)
        out += std::string(i == 0 ? "" : i + 1 == words.size() ? last : ", ") + std::string(words[i]);
    return out;
}

// What a row does not take: a parameter that it does not know, another word than it has, a body.
std::optional<Answer> fault_of(const Request& request, const operations::Operation& row) {
    using operations::Argument;
    using operations::Place;
    std::vector<std::string_view> known;
    for (const Argument& one : row.arguments) {
        if (one.place == Place::query) known.push_back(one.name);
    }
    for (const auto& [key, value] : request.query) {
        if (std::find(known.begin(), known.end(), key) == known.end())
            return problem(400, "Unknown parameter; known here: " + (known.empty() ? "none" : listed(known, ", ")));
    }
    for (const Argument& one : row.arguments) {
        auto given = request.query.find(one.name);
        if (one.place != Place::query || one.words.empty() || given == request.query.end()) continue;
        if (std::find(one.words.begin(), one.words.end(), given->second) == one.words.end())
            return problem(400, std::string(one.name) + " must be " + listed(one.words));
    }
    const bool takes_body = std::any_of(row.arguments.begin(), row.arguments.end(), [](const Argument& one) {
        return one.place == Place::body || one.place == Place::document;
    });
    if (row.changes() && !takes_body && !request.body.empty()) return problem(400, "This endpoint takes no body.");
    return std::nullopt;
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
    if (auto fault = fault_of(request, *found->row)) return std::move(*fault);
    return found;
}

}  // namespace millrace::admin
