// From the head of a request to the service and the route that it belongs to.
#include "service/admit/price.hpp"
#include "service/front/session.hpp"
#include "service/relay/header_rules.hpp"

namespace millrace::front {

// From the head to the service it belongs to; a problem where there is none.
std::optional<http::Problem> Session::route() {
    bool understood = false;
    std::optional<http::Problem> problem = find_asked(&understood);
    if (understood && !request_->found) cross_origin_of_host();
    return problem;
}

// `*understood` once the head has been read, whatever it asks for.
std::optional<http::Problem> Session::find_asked(bool* understood) {
    Exchange& x = *exchange_;
    const config::Limits& limits = request_->site->config.limits;
    http::HeadLimits head_limits{limits.header, limits.target};
    request_->close_gently = true;  // until the request is understood, nobody knows what follows it
    if (auto fault = x.request.parse(x.from_client.pin(request_->head_size), head_limits))
        return http::Problem{fault->status, std::string(fault->detail)};
    const http::RequestHead& head = x.request.head();
    *understood = true;
    request_->body.begin(head, limits.body);
    if (role_ == ListenerRole::forward_auth) {
        if (auto refused = take_question()) return refused;
    }
    if (head.verb == http::Verb::connect || head.verb == http::Verb::trace)
        return http::Problem{501, "This method is not served here."};
    auto carried = request_->front_question ? paywall::Carried::as_sent : paywall::Carried::as_forwarded;
    if (const char* fault = paywall::parse_target(head.target, x.target, carried)) {
        return http::Problem{400, std::string("The request has ") + fault + '.'};
    }
    std::string_view host = x.target.authority.empty() ? head.host : std::string_view(x.target.authority);
    if (!paywall::parse_host(host, x.host)) return http::Problem{400, "Host is malformed."};
    request_->host = x.host;
    request_->keep_alive = head.keep_alive;
    request_->close_gently = false;
    if (auto refused = find_client()) return refused;
    request_->own = find_own_endpoint(*request_->site, x.host, x.target, head.verb);
    if (request_->own) {
        if (request_->own->endpoint) return std::nullopt;
        http::Problem refused{405, "This address does not take this method."};
        refused.fields.push_back("Allow: " + request_->own->allow);
        return refused;
    }
    if (auto problem = find_service()) return problem;
    if (auto answer = cross_origin()) return answer;
    if (head.has_content_length && head.content_length > limits.body)
        return http::Problem{413, "The body is larger than is accepted here."};
    request_->deciding = &request_->site->deciding[request_->match.service];
    return admit::find_price(*request_);
}

std::optional<http::Problem> Session::find_client() {
    const config::Clients& clients = request_->site->config.clients;
    request_->client = peer_address_;
    bool asked = role_ == ListenerRole::forward_auth;
    if (asked || !clients.trusted_proxies.empty()) {
        std::string forwarded;
        for (const http::HeaderLine& line : exchange_->request.head().fields) {
            if (relay::same_field_name(line.name, "X-Forwarded-For"))
                forwarded.append(forwarded.empty() ? "" : ",").append(line.value);
        }
        request_->client = asked ? find_asked_client(forwarded)
                                 : limits::client_address(peer_address_, forwarded, clients.trusted_proxies);
    }
    request_->client_text = request_->client == peer_address_ ? peer_ : request_->client.to_string();
    bool blocked = limits::any_has(clients.block, request_->client);
    bool allowed = clients.allow.empty() || limits::any_has(clients.allow, request_->client);
    if (blocked || !allowed) return http::Problem{403, "Requests from this address are not served here."};
    return std::nullopt;
}

std::optional<http::Problem> Session::find_service() {
    Exchange& x = *exchange_;
    const http::RequestHead& head = x.request.head();
    // A pre-flight belongs to the request that it asks for.
    std::string_view asked = head.verb == http::Verb::options
                                 ? field_value(head, http::Field::access_control_request_method)
                                 : std::string_view();
    paywall::Lookup found = request_->site->routes.find(x.host, asked.empty() ? head.method : asked, x.target);
    if (!found.ambiguous.empty()) return http::Problem{400, std::string(found.ambiguous)};
    const std::vector<std::string> others = paywall::overriding_methods(head);
    request_->other_method = !others.empty();
    if (request_->other_method && sold_differently(found.match, asked.empty() ? head.method : asked, others))
        return http::Problem{
            400,
            "Servers may take this request for one with another method, which is sold differently here, "
            "because of a field such as X-HTTP-Method-Override or of lower-case letters: send the request "
            "with that method itself, in capitals."};
    if (found.other_methods) {
        // What can be asked for here is told to whoever asks that.
        request_->other_methods = std::move(found.allow);
        if (head.verb == http::Verb::options)
            found = request_->site->routes.find(
                x.host, request_->other_methods.substr(0, request_->other_methods.find(',')), x.target);
    }
    if (!found.match && !request_->other_methods.empty()) {
        http::Problem refused{405, "Nothing is offered at this address with this method."};
        refused.fields.push_back("Allow: " + allowed_methods());
        return refused;
    }
    if (!found.match && head.verb == http::Verb::options && x.target.path == "*") {
        http::Problem all{204, {}};  // RFC 9110 §9.3.7: about the server as a whole
        all.fields.push_back("Allow: " + std::string(all_methods));
        return all;
    }
    if (!found.match) return http::Problem{404, "Nothing is offered at this address."};
    request_->match = *found.match;
    request_->found = true;
    if (!found.varies.empty() && path_decides(request_->match)) return http::Problem{400, std::string(found.varies)};
    request_->path_compared = std::move(found.path);
    // A pre-flight that nobody answers here goes on, and is sold as what it is.
    const bool answered = !service().cors.empty() && !field_value(head, http::Field::origin).empty();
    if (!asked.empty() && request_->other_methods.empty() && service().forward_options && !answered) {
        const paywall::Lookup own = request_->site->routes.find(x.host, head.method, x.target);
        if (!own.match || own.match->service != request_->match.service)
            return http::Problem{405, "Nothing is offered at this address with this method."};
        request_->match = *own.match;
    }
    request_->counts = &request_->site->resources[request_->match.service]->shard(worker_.index());
    return std::nullopt;
}

// Whether one of `others` in the place of the request's method decides differently.
bool Session::sold_differently(const std::optional<paywall::RouteMatch>& match, std::string_view method,
                               const std::vector<std::string>& others) const {
    if (!match) return false;
    const Exchange& x = *exchange_;
    const std::optional<config::Pricer>& pricer = request_->site->config.services[match->service].pricer;
    bool priced = pricer && match->access == paywall::Access::sold && pricer->tells("method");
    for (const std::string& other : others) {
        if (other != method && (priced || request_->site->routes.find(x.host, other, x.target).match != match))
            return true;
    }
    return false;
}

// Whether the path itself, beside what it matches, says what the request costs.
bool Session::path_decides(const paywall::RouteMatch& match) const {
    const config::Service& one = request_->site->config.services[match.service];
    return match.access == paywall::Access::sold && one.pricer && one.pricer->tells("path");
}

}  // namespace millrace::front
