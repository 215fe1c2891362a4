// The checks of the pipeline that stand at its beginning: from the head to the service, the route and the price. What
// decides is in service/admit/arrive.
#include "service/admit/arrive.hpp"
#include "service/admit/price.hpp"
#include "service/front/session.hpp"

namespace millrace::front {

std::optional<http::Problem> Session::read_request() {
    Exchange& x = *exchange_;
    const config::Limits& limits = request_->site->config.limits;
    request_->close_gently = true;  // until the request is understood, nobody knows what follows it
    if (auto fault = x.request.parse(x.from_client.pin(request_->head_size), {limits.header, limits.target}))
        return http::Problem{fault->status, std::string(fault->detail)};
    request_->understood = true;
    request_->body.begin(x.request.head(), limits.body);
    return std::nullopt;
}

std::optional<http::Problem> Session::check_method() {
    return admit::check_method(*request_->head);
}

std::optional<http::Problem> Session::read_target() {
    Exchange& x = *exchange_;
    const auto carried = request_->front_question ? paywall::Carried::as_sent : paywall::Carried::as_forwarded;
    if (auto refused = admit::read_target(*request_->head, carried, x.target, x.host)) return refused;
    request_->host = x.host;
    request_->keep_alive = request_->head->keep_alive;
    request_->close_gently = false;
    return std::nullopt;
}

std::optional<http::Problem> Session::find_client() {
    const config::Clients& clients = request_->site->config.clients;
    const bool asked = role_ == ListenerRole::forward_auth;
    request_->client = admit::find_client(clients, *request_->head, peer_address_, asked);
    request_->client_text = request_->client == peer_address_ ? peer_ : request_->client.to_string();
    return admit::check_client(clients, request_->client);
}

std::optional<http::Problem> Session::find_own_endpoint() {
    request_->own = front::find_own_endpoint(*request_->site, exchange_->host, exchange_->target, request_->head->verb);
    if (!request_->own) return std::nullopt;
    cross_origin_of_host();
    if (request_->own->endpoint) return std::nullopt;
    http::Problem refused{405, "This address does not take this method."};
    refused.fields.push_back("Allow: " + request_->own->allow);
    return refused;
}

std::optional<http::Problem> Session::find_service() {
    if (auto refused = admit::find_service(*request_, request_->site->routes)) return refused;
    request_->counts = &request_->site->resources[request_->match.service]->shard(worker_.index());
    request_->deciding = &request_->site->deciding[request_->match.service];
    return std::nullopt;
}

std::optional<http::Problem> Session::check_origin() {
    return admit::check_origin(*request_, *request_);
}

std::optional<http::Problem> Session::check_size() {
    return admit::check_size(*request_->head, request_->site->config.limits.body);
}

std::optional<http::Problem> Session::find_price() {
    return admit::find_price(*request_);
}

bool Session::serves_own_endpoint() {
    return request_->own.has_value();
}

// To the front proxies that decide by the status, a 2xx of millraced's own would let the request through.
http::Awaitable<bool> Session::serve_own_endpoint() {
    if (!request_->front_question || request_->is_second_step())
        co_return co_await (this->*request_->own->endpoint->serve)();
    http::Problem refused{404, "This path is millraced's own: the front proxy must hand it to an ordinary listener."};
    co_return co_await refuse(std::move(refused));
}

}  // namespace millrace::front
