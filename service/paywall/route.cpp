#include "service/paywall/route.hpp"

#include <algorithm>

namespace millrace::paywall {
namespace {

bool covers(std::string_view prefix, std::string_view path) {
    if (path.substr(0, prefix.size()) != prefix) return false;
    return prefix.back() == '/' || path.size() == prefix.size() || path[prefix.size()] == '/';
}

bool is_free(const config::Service& service, std::string_view path) {
    return std::any_of(service.free.begin(), service.free.end(), [&](const std::string& free) {
        return free.back() == '/' ? path.substr(0, free.size()) == free : path == free;
    });
}

}  // namespace

RouteTable::RouteTable(std::span<const config::Service> services) : services_(services) {
    for (std::size_t i = 0; i < services.size(); ++i) {
        const config::HostPattern& host = services[i].host;
        switch (host.kind) {
            case config::HostPattern::Kind::exact:
                exact_[host.text].push_back(i);
                break;
            case config::HostPattern::Kind::suffix:
                suffix_[host.text].push_back(i);
                break;
            case config::HostPattern::Kind::any:
                any_.push_back(i);
                break;
        }
    }
    auto longest_first = [this](Indexes& indexes) {
        std::stable_sort(indexes.begin(), indexes.end(), [this](std::size_t a, std::size_t b) {
            return services_[a].path.size() > services_[b].path.size();
        });
    };
    for (auto& [host, indexes] : exact_) longest_first(indexes);
    for (auto& [suffix, indexes] : suffix_) longest_first(indexes);
    longest_first(any_);
}

std::optional<RouteMatch> RouteTable::among(const Indexes& indexes, std::string_view path) const {
    for (std::size_t index : indexes) {
        const config::Service& service = services_[index];
        if (covers(service.path, path)) return RouteMatch{index, is_free(service, path)};
    }
    return std::nullopt;
}

std::optional<RouteMatch> RouteTable::find_path(std::string_view host, std::string_view path) const {
    if (!exact_.empty()) {
        if (auto entry = exact_.find(host); entry != exact_.end()) {
            if (auto match = among(entry->second, path)) return match;
        }
    }
    if (!suffix_.empty()) {
        // From the first dot on: the longest suffix comes first.
        for (std::size_t dot = host.find('.'); dot != std::string_view::npos; dot = host.find('.', dot + 1)) {
            if (dot == 0) continue;
            if (auto entry = suffix_.find(host.substr(dot)); entry != suffix_.end()) {
                if (auto match = among(entry->second, path)) return match;
            }
        }
    }
    return among(any_, path);
}

Lookup RouteTable::find(std::string_view host, const RequestTarget& target) const {
    std::optional<RouteMatch> match = find_path(host, target.path);
    if (!target.alternative.empty() && find_path(host, target.alternative) != match) return {std::nullopt, true};
    return {match, false};
}

}  // namespace millrace::paywall
