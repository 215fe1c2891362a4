// What millraced answers itself, at every host that it has a service for. These paths are reserved: a service whose
// path covers them does not get requests for them.
//
//   GET  .../.well-known/millrace/settled?offer=NAME    a pay page's events           session_events.cpp
//   GET  /.well-known/l402.json                         what is sold here             session_discovery.cpp
//   GET  /openapi.json                                  the same as OpenAPI           session_discovery.cpp
//   POST /l402/quote                                    the price of one thing        session_discovery.cpp
//
// The events of a page are below the folder that the page was shown in, whatever that is: the page names them relative
// to itself, and its browser sends them the cookie that it got there.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "service/http/asio.hpp"
#include "service/http/message.hpp"
#include "service/site/site.hpp"

namespace millrace::front {

class Session;

struct OwnEndpoint {
    enum class Of { pay_pages, discovery };
    std::string_view path;  // of pay pages: what the path ends with
    http::Verb method;      // GET stands for HEAD as well
    Of of;                  // reserved where this is switched on
    http::Awaitable<bool> (Session::*serve)();
};

// What a path that is reserved at this host stands for.
struct OwnMatch {
    const OwnEndpoint* endpoint = nullptr;  // null: not with this method
    OwnEndpoint::Of of = OwnEndpoint::Of::pay_pages;
    std::string allow;  // the methods there are
};

// Empty where the path is not reserved at this host. `host` as parse_host leaves it.
[[nodiscard]] std::optional<OwnMatch> find_own_endpoint(const site::Site& site, std::string_view host,
                                                        const paywall::RequestTarget& target, http::Verb method);

// The value of a query's parameter, as it is written; empty where it is not there.
[[nodiscard]] std::string_view query_parameter(std::string_view target, std::string_view name);

}  // namespace millrace::front
