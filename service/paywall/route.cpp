#include "service/paywall/route.hpp"

#include <algorithm>

namespace millrace::paywall {
namespace {

bool fits(const config::HostPattern& pattern, std::string_view host) {
    switch (pattern.kind) {
        case config::HostPattern::Kind::exact:
            return host == pattern.text;
        case config::HostPattern::Kind::suffix:
            return host.size() > pattern.text.size() && host.substr(host.size() - pattern.text.size()) == pattern.text;
        case config::HostPattern::Kind::any:
            break;
    }
    return true;
}

bool any_names(const std::vector<config::PathPattern>& patterns, std::string_view path) {
    return std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) { return pattern.names(path); });
}

RouteMatch match_within(const config::Service& service, std::size_t index, std::string_view method,
                        std::string_view path) {
    RouteMatch match{index};
    if (any_names(service.free, path)) {
        match.access = Access::free;
        return match;
    }
    if (any_names(service.auth_only, path)) match.access = Access::auth_only;
    for (std::size_t i = 0; i < service.routes.size(); ++i) {
        const config::Route& route = service.routes[i];
        if (!route.methods.has(method) || !route.path.covers(path)) continue;
        match.route = i;
        break;
    }
    return match;
}

void add_methods(const config::Methods& methods, std::string& list) {
    for (const std::string& name : methods.names) {
        const std::string padded = ", " + list + ", ";
        if (padded.find(", " + name + ", ") == std::string::npos) list.append(list.empty() ? "" : ", ").append(name);
    }
}

}  // namespace

Lookup RouteTable::find_path(std::string_view host, std::string_view method, std::string_view path) const {
    Lookup out;
    for (std::size_t i = 0; i < services_.size(); ++i) {
        const config::Service& service = services_[i];
        if (!service.path.covers(path) || !fits(service.host, host)) continue;
        if (service.methods.has(method)) {
            out.match = match_within(service, i, method, path);
            out.other_methods = false;
            out.allow.clear();
            return out;
        }
        out.other_methods = true;
        add_methods(service.methods, out.allow);
    }
    return out;
}

std::vector<std::size_t> RouteTable::at_host(std::string_view host) const {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < services_.size(); ++i) {
        if (fits(services_[i].host, host)) out.push_back(i);
    }
    return out;
}

Lookup RouteTable::find(std::string_view host, std::string_view method, const RequestTarget& target) const {
    Lookup found = find_path(host, method, target.path);
    if (!target.alternative.empty() && find_path(host, method, target.alternative).match != found.match) {
        found.match.reset();
        found.ambiguous = true;
    }
    return found;
}

}  // namespace millrace::paywall
