// One reading of the configuration, ready for use: immutable, shared by all threads, replaced as a whole by a reload.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "service/config/config.hpp"
#include "service/metrics/metrics.hpp"
#include "service/paywall/deciding_fields.hpp"
#include "service/paywall/route.hpp"
#include "service/pricing/price_source.hpp"
#include "service/upstream/group.hpp"

namespace millrace::site {

struct Site {
    Site(config::Config loaded, metrics::Metrics& metrics);
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;

    config::Config config;
    paywall::RouteTable routes;
    std::vector<metrics::ResourceMetrics*> resources;           // by index of the service
    std::vector<paywall::DecidingFields> deciding;              // by index of the service
    upstream::Groups upstreams;                                 // by index of the service
    std::vector<std::shared_ptr<pricing::PriceSource>> prices;  // by index of the service
};

}  // namespace millrace::site
