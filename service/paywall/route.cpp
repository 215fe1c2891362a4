#include "service/paywall/route.hpp"

#include <algorithm>

namespace millrace::paywall {
namespace {

using config::PathRules;
using Parameters = config::PathRules::Parameters;

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

void add_methods(const config::Methods& methods, std::string& list) {
    for (const std::string& name : methods.names) {
        const std::string padded = ", " + list + ", ";
        if (padded.find(", " + name + ", ") == std::string::npos) list.append(list.empty() ? "" : ", ").append(name);
    }
}

// One path as services compare it, each by its own rules.
class ComparedPath {
  public:
    explicit ComparedPath(std::string_view path) : path_(path) {}

    [[nodiscard]] std::string_view by(const PathRules& rules) {
        if (!rules.fold_case) return path_;
        if (folded_.empty()) folded_ = config::fold_path(path_);
        return folded_;
    }

  private:
    std::string_view path_;
    std::string folded_;
};

// What a service is within: null match where it serves nothing for this path.
Lookup match_within(const config::Service& service, std::size_t index, std::string_view method, std::string_view path,
                    const PathRules& rules) {
    auto any_names = [&](const std::vector<config::PathPattern>& patterns) {
        return std::any_of(patterns.begin(), patterns.end(),
                           [&](const auto& pattern) { return pattern.names(path, rules); });
    };
    RouteMatch match{index};
    Lookup out;
    if (any_names(service.free)) {
        match.access = Access::free;
        out.match = match;
        return out;
    }
    if (any_names(service.auth_only)) match.access = Access::auth_only;
    for (std::size_t i = 0; i < service.routes.size(); ++i) {
        const config::Route& route = service.routes[i];
        if (!route.path.covers(path, rules)) continue;
        if (!route.methods.has(method)) {
            if (!service.refuses_unmatched) continue;
            out.other_methods = true;
            add_methods(route.methods, out.allow);
            continue;
        }
        match.route = i;
        break;
    }
    bool closed = service.refuses_unmatched && match.access == Access::sold && !match.route;
    if (!closed) out = Lookup{.match = match};
    return out;
}

PathRules stricter(const PathRules& own, const PathRules& all) {
    return {own.parameters, own.fold_case || all.fold_case, own.ignore_slash || all.ignore_slash};
}

// What a path is by these rules, for a program that knows things by their paths.
std::string as_compared(std::string_view path, const PathRules& rules) {
    std::string out = rules.fold_case ? config::fold_path(path) : std::string(path);
    if (rules.ignore_slash && out.size() > 1 && out.back() == '/') out.pop_back();
    return out;
}

}  // namespace

// `path` and `cut` are one reading, the second without parameters: for services that cut them, or for all.
struct RouteTable::Read {
    std::string_view path;
    std::string_view cut;
    PathRules all = {};  // beside each service's own
};

Lookup RouteTable::find_path(std::string_view host, std::string_view method, const Read& read) const {
    Lookup out;
    ComparedPath kept(read.path);
    ComparedPath cut(read.cut);
    for (std::size_t i = 0; i < services_.size(); ++i) {
        const config::Service& service = services_[i];
        PathRules rules = stricter(service.paths, read.all);
        std::string_view path = (rules.parameters == Parameters::cut ? cut : kept).by(rules);
        if (!service.path.covers(path, rules) || !fits(service.host, host)) continue;
        if (service.methods.has(method)) return match_within(service, i, method, path, rules);
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
    const PathReading* plain = target.readings ? &target.readings->plain : nullptr;
    Lookup found = find_path(host, method, {target.path, plain ? plain->cut : target.path});
    const PathRules rules = found.match ? services_[found.match->service].paths : PathRules{};
    if (!plain && !rules.fold_case && !rules.ignore_slash) return found;
    const bool cuts = rules.parameters == Parameters::cut;
    const std::string decided = as_compared(cuts && plain ? plain->cut : target.path, rules);
    // As the upstream of this service would have it: everything is compared by its rules.
    auto check = [&](std::string_view path, std::string_view cut, Quirk quirk) {
        if (!found.ambiguous.empty()) return;
        Lookup other = find_path(host, method, {path, cut, rules});
        if (other.match != found.match) found.ambiguous = advice(quirk);
        bool other_path = as_compared(cuts ? cut : path, rules) != decided;
        if (other_path && quirk != Quirk::escapes_kept) found.varies = advice(quirk);
    };
    auto check_reading = [&](const PathReading& reading) {
        check(reading.kept, reading.cut, reading.quirk);
        if (rules.parameters == Parameters::keep || !reading.has_parameters()) return;
        Quirk quirk = reading.quirk == Quirk::none ? Quirk::parameters : reading.quirk;
        check(reading.cut, reading.cut, quirk);
        check(reading.cut_decoded, reading.cut_decoded, quirk);
        if (!cuts) check(reading.cut_last, reading.cut_last, quirk);
    };
    if (plain) {
        check_reading(*plain);
        for (const PathReading& reading : target.readings->others) check_reading(reading);
    } else {
        check(target.path, target.path, Quirk::none);
    }
    if (!found.ambiguous.empty()) found.match.reset();
    if (decided != target.path) found.path = decided;
    return found;
}

}  // namespace millrace::paywall
