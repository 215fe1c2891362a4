#include "service/admit/arrive.hpp"

#include "service/paywall/cors.hpp"
#include "service/relay/header_rules.hpp"

namespace millrace::admit {
namespace {

using http::field_value;

// Whether one of `others` in the place of the request's method decides differently.
bool sold_differently(const RequestFacts& request, const paywall::RouteTable& routes,
                      const std::optional<paywall::RouteMatch>& match, std::string_view method,
                      const std::vector<std::string>& others) {
    if (!match) return false;
    const std::optional<config::Pricer>& pricer = request.config->services[match->service].pricer;
    const bool priced = pricer && match->access == paywall::Access::sold && pricer->tells("method");
    for (const std::string& other : others) {
        if (other != method && (priced || routes.find(request.host, other, *request.target).match != match))
            return true;
    }
    return false;
}

// Whether the path itself, beside what it matches, says what the request costs.
bool path_decides(const RequestFacts& request) {
    const config::Service& service = request.service();
    return request.match.access == paywall::Access::sold && service.pricer && service.pricer->tells("path");
}

}  // namespace

std::optional<http::Problem> check_method(const http::RequestHead& head) {
    if (head.verb == http::Verb::connect || head.verb == http::Verb::trace)
        return http::Problem{501, "This method is not served here."};
    return std::nullopt;
}

std::optional<http::Problem> read_target(const http::RequestHead& head, paywall::Carried carried,
                                         paywall::RequestTarget& target, std::string& host) {
    if (const char* fault = paywall::parse_target(head.target, target, carried))
        return http::Problem{400, std::string("The request has ") + fault + '.'};
    const std::string_view named = target.authority.empty() ? head.host : std::string_view(target.authority);
    if (!paywall::parse_host(named, host)) return http::Problem{400, "Host is malformed."};
    return std::nullopt;
}

limits::Address find_client(const config::Clients& clients, const http::RequestHead& head, const limits::Address& peer,
                            bool asked) {
    if (!asked && clients.trusted_proxies.empty()) return peer;
    std::string forwarded;
    for (const http::HeaderLine& line : head.fields) {
        if (relay::same_field_name(line.name, "X-Forwarded-For"))
            forwarded.append(forwarded.empty() ? "" : ",").append(line.value);
    }
    if (!asked) return limits::client_address(peer, forwarded, clients.trusted_proxies);
    std::vector<limits::Network> trusted = clients.trusted_proxies;
    if (auto self = limits::Network::parse(peer.to_string())) trusted.push_back(*self);
    return limits::client_address(peer, forwarded, trusted);
}

std::optional<http::Problem> check_client(const config::Clients& clients, const limits::Address& client) {
    const bool blocked = limits::any_has(clients.block, client);
    const bool allowed = clients.allow.empty() || limits::any_has(clients.allow, client);
    if (!blocked && allowed) return std::nullopt;
    return http::Problem{403, "Requests from this address are not served here."};
}

std::optional<http::Problem> find_service(RequestFacts& request, const paywall::RouteTable& routes) {
    const http::RequestHead& head = *request.head;
    const paywall::RequestTarget& target = *request.target;
    // A pre-flight belongs to the request that it asks for.
    const std::string_view asked = head.verb == http::Verb::options
                                       ? field_value(head, http::Field::access_control_request_method)
                                       : std::string_view();
    const std::string_view method = asked.empty() ? head.method : asked;
    paywall::Lookup found = routes.find(request.host, method, target);
    if (!found.ambiguous.empty()) return http::Problem{400, std::string(found.ambiguous)};
    const std::vector<std::string> others = paywall::overriding_methods(head);
    request.other_method = !others.empty();
    if (request.other_method && sold_differently(request, routes, found.match, method, others))
        return http::Problem{
            400,
            "Servers may take this request for one with another method, which is sold differently here, "
            "because of a field such as X-HTTP-Method-Override or of lower-case letters: send the request "
            "with that method itself, in capitals."};
    if (found.other_methods) {
        // What can be asked for here is told to whoever asks that.
        request.other_methods = std::move(found.allow);
        if (head.verb == http::Verb::options)
            found = routes.find(request.host, request.other_methods.substr(0, request.other_methods.find(',')), target);
    }
    if (!found.match && !request.other_methods.empty()) {
        http::Problem refused{405, "Nothing is offered at this address with this method."};
        refused.fields.push_back("Allow: " + allowed_methods(request));
        return refused;
    }
    if (!found.match && head.verb == http::Verb::options && target.path == "*") {
        http::Problem all{204, {}};  // RFC 9110 §9.3.7: about the server as a whole
        all.fields.push_back("Allow: " + std::string(all_methods));
        return all;
    }
    if (!found.match) return http::Problem{404, "Nothing is offered at this address."};
    request.match = *found.match;
    request.found = true;
    if (!found.varies.empty() && path_decides(request)) return http::Problem{400, std::string(found.varies)};
    request.path_compared = std::move(found.path);
    // A pre-flight that nobody answers here goes on, and is sold as what it is.
    const config::Service& service = request.service();
    const bool answered = !service.cors.empty() && !field_value(head, http::Field::origin).empty();
    if (!asked.empty() && request.other_methods.empty() && service.forward_options && !answered) {
        const paywall::Lookup own = routes.find(request.host, head.method, target);
        if (!own.match || own.match->service != request.match.service)
            return http::Problem{405, "Nothing is offered at this address with this method."};
        request.match = *own.match;
    }
    return std::nullopt;
}

std::optional<http::Problem> check_origin(const RequestFacts& request, Pass& pass) {
    const auto& allowed = request.service().cors;
    if (allowed.empty()) return std::nullopt;
    const http::RequestHead& head = *request.head;
    paywall::Preflight preflight{field_value(head, http::Field::origin),
                                 field_value(head, http::Field::access_control_request_method),
                                 field_value(head, http::Field::access_control_request_headers)};
    if (head.verb != http::Verb::options || preflight.origin.empty() || preflight.method.empty()) {
        pass.own_lines = paywall::response_lines(allowed, preflight.origin);
        return std::nullopt;
    }
    std::string taken;
    if (!request.other_methods.empty()) taken = allowed_methods(request);
    if (!taken.empty()) preflight.method = taken;
    pass.own_lines = paywall::preflight_lines(allowed, preflight);
    if (!paywall::allows_origin(allowed, preflight.origin))
        return http::Problem{403, "Pages of this origin may not call this service."};
    http::Problem granted{204, {}};
    if (!taken.empty()) granted.fields.push_back("Allow: " + taken);
    return granted;
}

std::optional<http::Problem> check_size(const http::RequestHead& head, std::uint64_t most) {
    if (!head.has_content_length || head.content_length <= most) return std::nullopt;
    return http::Problem{413, "The body is larger than is accepted here."};
}

bool answers_options(const RequestFacts& request) {
    if (request.head->verb != http::Verb::options) return false;
    if (!request.other_methods.empty()) return true;
    const config::Service& service = request.service();
    return request.match.access == paywall::Access::sold && !service.forward_options && !service.dry_run;
}

std::string allowed_methods(const RequestFacts& request) {
    if (!request.other_methods.empty()) return request.other_methods + ", OPTIONS";
    const std::vector<std::string>& names = request.service().methods.names;
    if (names.empty()) return std::string(all_methods);
    std::string out;
    for (const std::string& method : names) (out += out.empty() ? "" : ", ") += method;
    return out;
}

}  // namespace millrace::admit
