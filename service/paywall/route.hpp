// Which service a request belongs to: the most specific host first (exact, then the longest "*.suffix", then any),
// among its services the longest path prefix; where no path of a host fits, the next less specific host is asked.
//
//   RouteTable routes(config.services);
//   if (auto match = routes.find("api.example.com", target)) ... match->service, match->free
//
// A path ending in "/" covers what lies below it; another one covers itself and what lies below it ("/api" covers
// "/api/x", not "/apis"). A free path covers itself, or what lies below it where it ends in "/".
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "service/config/config.hpp"
#include "service/paywall/request_target.hpp"

namespace millrace::paywall {

struct RouteMatch {
    std::size_t service = 0;  // index into the services that the table was made of
    bool free = false;
    bool operator==(const RouteMatch&) const = default;
};

struct Lookup {
    std::optional<RouteMatch> match;
    bool ambiguous = false;  // an encoded slash in the path decides which service it is, or whether it is free: refuse
};

class RouteTable {
  public:
    // `services` must outlive the table.
    explicit RouteTable(std::span<const config::Service> services);

    // `host` as parse_host leaves it.
    [[nodiscard]] Lookup find(std::string_view host, const RequestTarget& target) const;

  private:
    using Indexes = std::vector<std::size_t>;  // longest path first

    [[nodiscard]] std::optional<RouteMatch> find_path(std::string_view host, std::string_view path) const;
    [[nodiscard]] std::optional<RouteMatch> among(const Indexes& indexes, std::string_view path) const;

    std::span<const config::Service> services_;
    std::map<std::string, Indexes, std::less<>> exact_;
    std::map<std::string, Indexes, std::less<>> suffix_;
    Indexes any_;
};

}  // namespace millrace::paywall
