// One reading of the configuration, ready for use: immutable, shared by all threads, replaced as a whole by a reload.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "service/config/config.hpp"
#include "service/metrics/metrics.hpp"
#include "service/paywall/route.hpp"
#include "service/upstream/group.hpp"

namespace millrace::runtime {

struct Site {
    Site(config::Config loaded, metrics::Metrics& metrics);
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;

    config::Config config;
    paywall::RouteTable routes;
    std::vector<metrics::ResourceMetrics*> resources;  // by index of the service
    upstream::Groups upstreams;                        // by index of the service
    std::shared_ptr<boost::asio::ssl::context> tls;    // towards clients; null without TLS
};

// Loads certificate and key. Errors: config unreadable, bad_value, with what is wrong with them.
[[nodiscard]] Result<std::shared_ptr<boost::asio::ssl::context>> server_tls(const config::TlsFiles& files);

}  // namespace millrace::runtime
