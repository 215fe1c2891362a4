// Turns the sharded counters into metric families for the serialiser.
#pragma once

#include <prometheus/metric_family.h>

#include <span>
#include <vector>

#include "service/metrics/metrics.hpp"

namespace millrace::metrics {

// The `resource` of requests and payments that belong to no configured service; no service can have this name.
inline constexpr const char* unmatched_name = "(unmatched)";

using Families = std::vector<prometheus::MetricFamily>;

void append_gauge(const char* name, const char* help, double value, Families& out);
void append_counter(const char* name, const char* help, double value, Families& out);
void append_resource_families(std::span<const ResourceMetrics* const> resources, Families& out);
void append_thread_families(std::span<const ThreadShard> threads, Families& out);
void append_store_families(const store::Figures& figures, Families& out);
void append_pricer_families(std::span<const PricerView> pricers, Families& out);
void append_upstream_families(std::span<const UpstreamFigure> upstreams, Families& out);

}  // namespace millrace::metrics
