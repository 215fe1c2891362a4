#include "service/front/own_endpoints.hpp"

#include <algorithm>
#include <array>

#include "service/discovery/documents.hpp"
#include "service/front/session.hpp"
#include "service/pages/pay_page.hpp"

namespace millrace::front {
namespace {

using Of = OwnEndpoint::Of;

const std::array endpoints = {
    OwnEndpoint{pages::events_path, http::Verb::get, Of::pay_pages, &Session::send_events},
    OwnEndpoint{pages::events_path, http::Verb::options, Of::pay_pages, &Session::send_preflight},
    OwnEndpoint{discovery::manifest_path, http::Verb::get, Of::discovery, &Session::send_manifest},
    OwnEndpoint{discovery::manifest_path, http::Verb::options, Of::discovery, &Session::send_preflight},
    OwnEndpoint{discovery::openapi_path, http::Verb::get, Of::discovery, &Session::send_openapi},
    OwnEndpoint{discovery::openapi_path, http::Verb::options, Of::discovery, &Session::send_preflight},
    OwnEndpoint{discovery::quote_path, http::Verb::post, Of::discovery, &Session::send_quote},
    OwnEndpoint{discovery::quote_path, http::Verb::options, Of::discovery, &Session::send_preflight},
};

// A host at which everything is hidden has no documents: they would tell that something is there.
bool reserved(Of of, const site::Site& site, std::string_view host) {
    if (of == Of::discovery && !site.config.discovery.enabled) return false;
    std::vector<std::size_t> here = site.routes.at_host(host);
    return std::any_of(here.begin(), here.end(), [&](std::size_t index) {
        const config::Service& service = site.config.services[index];
        return of == Of::pay_pages ? service.pay_page : !service.hidden;
    });
}

bool is_at(const OwnEndpoint& endpoint, std::string_view path) {
    return endpoint.of == Of::pay_pages ? path.ends_with(endpoint.path) : path == endpoint.path;
}

}  // namespace

std::optional<OwnMatch> find_own_endpoint(const site::Site& site, std::string_view host,
                                          const paywall::RequestTarget& target, http::Verb method) {
    std::optional<OwnMatch> match;
    for (const OwnEndpoint& endpoint : endpoints) {
        if (!is_at(endpoint, target.path) || !reserved(endpoint.of, site, host)) continue;
        if (!match) match.emplace();
        match->of = endpoint.of;
        bool get = endpoint.method == http::Verb::get;
        if (method == endpoint.method || (get && method == http::Verb::head)) match->endpoint = &endpoint;
        if (!match->allow.empty()) match->allow += ", ";
        match->allow += get ? "GET, HEAD" : std::string(to_string(endpoint.method));
    }
    return match;
}

std::string_view query_parameter(std::string_view target, std::string_view name) {
    std::size_t mark = target.find('?');
    std::string_view rest = mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
    while (!rest.empty()) {
        std::size_t end = std::min(rest.find('&'), rest.size());
        std::string_view pair = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (pair.substr(0, pair.find('=')) == name && pair.size() > name.size()) return pair.substr(name.size() + 1);
    }
    return {};
}

}  // namespace millrace::front
