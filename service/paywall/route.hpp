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
    std::optional<RouteMatch> match;
    bool ambiguous = false;      // an encoded slash in the path decides what it is: refuse
    bool other_methods = false;  // no match, but there is one for another method
    std::string allow = {};      // those methods then: "GET, HEAD"
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
    [[nodiscard]] Lookup find_path(std::string_view host, std::string_view method, std::string_view path) const;

    std::span<const config::Service> services_;
};

}  // namespace millrace::paywall
