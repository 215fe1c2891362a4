// Which pages of other origins may read what belongs to no service, and what a proxy in front says of the browser's own
// request.
#include "service/front/session.hpp"
#include "service/paywall/cors.hpp"

namespace millrace::front {

// A trusted proxy is believed, as it is with X-Forwarded-For; and whoever may ask by forward auth.
Forwarded Session::forwarded() const {
    const config::Clients& clients = request_->site->config.clients;
    const bool believed = request_->front_question || limits::any_has(clients.trusted_proxies, peer_address_);
    return believed ? read_forwarded(exchange_->request.head(), clients.trusted_headers) : Forwarded{};
}

// As far as the browser is concerned: TLS may end at a proxy.
bool Session::came_by_https() const {
    return forwarded().https.value_or(tls_ != nullptr);
}

// What belongs to no service: a page that may call one of this host's can read why it does not get what it asks for.
// Documents are for everybody: they hold nothing that is not.
void Session::cross_origin_of_host() {
    std::vector<std::string> allowed;
    const bool for_everybody = request_->own && request_->own->of == OwnEndpoint::Of::discovery;
    if (for_everybody) {
        request_->own_lines = "Access-Control-Allow-Origin: *\r\n";
        return;
    }
    const http::RequestHead& head = exchange_->request.head();
    const std::string& named = exchange_->target.authority;
    if (!paywall::parse_host(named.empty() ? head.host : std::string_view(named), exchange_->host)) return;
    for (std::size_t index : request_->site->routes.at_host(exchange_->host)) {
        const std::vector<std::string>& some = request_->site->config.services[index].cors;
        allowed.insert(allowed.end(), some.begin(), some.end());
    }
    request_->own_lines = paywall::response_lines(allowed, field_value(head, http::Field::origin));
}

}  // namespace millrace::front
