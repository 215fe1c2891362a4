// Which service a request belongs to: the first one in the configuration's order whose host, path and methods fit; and
// within it what the request is: free, open to tokens alone, or sold, and by which of the service's routes.
//
//   RouteTable routes(config.services);
//   if (auto match = routes.find("api.example.com", "GET", target).match) ... match->service, match->access
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "service/config/config.hpp"
#include "service/paywall/request_target.hpp"

namespace millrace::paywall {

enum class Access {
    sold,
    free,
    auth_only,  // needs a token, sells none
};

struct RouteMatch {
    std::size_t service = 0;  // index into the services that the table was made of
    Access access = Access::sold;
    std::optional<std::size_t> route = std::nullopt;  // index into the service's routes; empty: none fits
    bool operator==(const RouteMatch&) const = default;
};

struct Lookup {
    std::optional<RouteMatch> match = std::nullopt;
    bool other_methods = false;  // no match, but there is one for another method
    std::string allow = {};      // those methods then: "GET, HEAD"
    // What the rules of the service made of the path: without parameters, in lower case, without a slash at the end, as
    // they say. Empty: nothing.
    std::string path = {};
    // Servers read the path in ways that are sold differently: refuse, with this advice. Empty: they agree.
    std::string_view ambiguous = {};
    // Servers take it for different paths, though all are sold alike: advice for where the path itself decides the price.
    std::string_view varies = {};
};

class RouteTable {
  public:
    // `services` must outlive the table.
    explicit RouteTable(std::span<const config::Service> services) : services_(services) {}

    // `host` as parse_host leaves it.
    [[nodiscard]] Lookup find(std::string_view host, std::string_view method, const RequestTarget& target) const;

    // All services that answer at this host, by index.
    [[nodiscard]] std::vector<std::size_t> at_host(std::string_view host) const;

  private:
    struct Read;
    [[nodiscard]] Lookup find_path(std::string_view host, std::string_view method, const Read& read) const;

    std::span<const config::Service> services_;
};

}  // namespace millrace::paywall
