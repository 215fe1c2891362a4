#include "service/admit/request_facts.hpp"

namespace millrace::admit {

std::string RequestFacts::scope_of(const ServiceName& name) const {
    const config::Route* route = route_sold();
    std::string scope = name.text();
    if (route && route->own_tokens) scope.append("/").append(route->name);
    return scope;
}

std::optional<http::Problem> check_upgrade(const RequestFacts& request, const config::Quota& quota) {
    const bool counted =
        (quota.bytes || quota.credit) && !request.service().dry_run && request.match.access != paywall::Access::free;
    if (!counted || request.head->upgrade.empty()) return std::nullopt;
    return http::Problem{400, "This service counts each answer, so a connection cannot be upgraded here."};
}

std::optional<http::Problem> check_quota(const RequestFacts& request) {
    const config::Quota& quota = request.quota_sold();
    if (!quota.any() || request.service().dry_run || request.match.access == paywall::Access::free) return std::nullopt;
    if (auto counted = check_upgrade(request, quota)) return counted;
    if (quota.credit && request.quote.price > *quota.credit)
        return http::Problem{400, "This costs more than a whole balance holds: split the request."};
    return std::nullopt;
}

std::optional<http::Problem> check_countable(const RequestFacts& request) {
    const config::Service& service = request.service();
    if (service.dry_run || request.match.access == paywall::Access::free) return std::nullopt;
    if (service.counts_by_response())
        return http::Problem{501,
                             "This service counts each answer, and sees none through this proxy: ask it directly."};
    if (service.sells_sessions_alone() && !service.schemes.l402)
        return http::Problem{501, "This service sells by sessions alone, and sessions do not work through this proxy."};
    return std::nullopt;
}

http::Problem not_here(const RequestFacts& request) {
    if (!request.front_question)
        return http::Problem{421,
                             "This service is behind a front proxy, which asks here: send the request to the proxy."};
    // It was denied a moment ago, and would pass now.
    http::Problem problem{503,
                          "The reason to refuse this request has just ended. Nothing was used up: repeat the request."};
    problem.retry_after = 1;
    return problem;
}

}  // namespace millrace::admit
