#include "service/metrics/families.hpp"

#include <limits>

namespace millrace::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily family(const char* name, const char* help, MetricType type) {
    return {name, help, type, {}};
}

void add_counter(MetricFamily& to, std::vector<ClientMetric::Label> labels, double value) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.counter.value = value;
    to.metric.push_back(std::move(metric));
}

// Sums one distribution over the shards; `get` picks it out of a shard.
template <std::size_t N, class Shards, class Get>
void add_histogram(MetricFamily& to, std::vector<ClientMetric::Label> labels, const std::array<double, N>& bounds,
                   const Shards& shards, Get get) {
    ClientMetric metric;
    metric.label = std::move(labels);
    std::uint64_t cumulative = 0;
    for (std::size_t slot = 0; slot <= N; ++slot) {
        for (const auto& shard : shards) cumulative += get(shard).count(slot);
        metric.histogram.bucket.push_back(
            {cumulative, slot < N ? bounds[slot] : std::numeric_limits<double>::infinity()});
    }
    metric.histogram.sample_count = cumulative;
    for (const auto& shard : shards) metric.histogram.sample_sum += get(shard).sum();
    to.metric.push_back(std::move(metric));
}

template <class Shards, class Get>
double sum(const Shards& shards, Get get) {
    std::uint64_t out = 0;
    for (const auto& shard : shards) out += get(shard).get();
    return static_cast<double>(out);
}

}  // namespace

void append_gauge(const char* name, const char* help, double value, Families& out) {
    MetricFamily gauge = family(name, help, MetricType::Gauge);
    gauge.metric.emplace_back().gauge.value = value;
    out.push_back(std::move(gauge));
}

void append_counter(const char* name, const char* help, double value, Families& out) {
    MetricFamily counter = family(name, help, MetricType::Counter);
    counter.metric.emplace_back().counter.value = value;
    out.push_back(std::move(counter));
}

void append_resource_families(std::span<const ResourceMetrics* const> resources, Families& out) {
    MetricFamily requests = family("l402_http_requests_total", "Requests answered.", MetricType::Counter);
    MetricFamily durations = family("l402_http_request_duration_seconds",
                                    "Time from a request's head to the end of its response.", MetricType::Histogram);
    MetricFamily challenges =
        family("l402_challenges_total", "Payments demanded, by what became of the demand.", MetricType::Counter);
    MetricFamily auth = family("l402_auth_total", "Credentials checked.", MetricType::Counter);
    MetricFamily free =
        family("l402_free_requests_total", "Requests without a credential, by what the free allowance did for them.",
               MetricType::Counter);
    MetricFamily prices = family("l402_price_msat", "Price of a token in millisatoshi.", MetricType::Gauge);
    for (const ResourceMetrics* resource : resources) {
        const std::string& name = resource->name();
        auto shards = resource->shards();
        for (std::size_t i = 0; i < code_slots; ++i) {
            std::string code = i < codes.size() ? std::to_string(codes[i]) : "other";
            add_counter(requests, {{"resource", name}, {"code", code}},
                        sum(shards, [i](const ResourceShard& s) -> const Count& { return s.requests[i]; }));
        }
        for (std::size_t i = 0; i < outcome_names.size(); ++i) {
            add_histogram(
                durations, {{"resource", name}, {"outcome", outcome_names[i]}}, duration_bounds,
                shards, [i](const ResourceShard& s) -> const auto& { return s.durations[i]; });
        }
        if (name == unmatched_name) continue;  // sells nothing
        for (std::size_t i = 0; i < challenge_names.size(); ++i) {
            add_counter(challenges, {{"resource", name}, {"result", challenge_names[i]}},
                        sum(shards, [i](const ResourceShard& s) -> const Count& { return s.challenges[i]; }));
        }
        for (std::size_t i = 0; i < auth_names.size(); ++i) {
            add_counter(auth, {{"resource", name}, {"result", auth_names[i]}},
                        sum(shards, [i](const ResourceShard& s) -> const Count& { return s.auth[i]; }));
        }
        for (std::size_t i = 0; i < free_names.size(); ++i) {
            add_counter(free, {{"resource", name}, {"result", free_names[i]}},
                        sum(shards, [i](const ResourceShard& s) -> const Count& { return s.free[i]; }));
        }
        if (resource->price_msat() > 0) {
            ClientMetric price;
            price.label = {{"resource", name}};
            price.gauge.value = static_cast<double>(resource->price_msat());
            prices.metric.push_back(std::move(price));
        }
    }
    for (MetricFamily* one : {&requests, &durations, &challenges, &auth, &free, &prices})
        out.push_back(std::move(*one));
}

void append_thread_families(std::span<const ThreadShard> threads, Families& out) {
    MetricFamily verify = family("l402_verify_duration_seconds",
                                 "Time to check one credential that was not in the cache.", MetricType::Histogram);
    add_histogram(
        verify, {}, verify_bounds, threads, [](const ThreadShard& shard) -> const auto& { return shard.verify; });
    out.push_back(std::move(verify));
    double opened = sum(threads, [](const ThreadShard& s) -> const Count& { return s.connections_opened; });
    double closed = sum(threads, [](const ThreadShard& s) -> const Count& { return s.connections_closed; });
    append_counter("l402_http_connections_total", "Connections accepted from clients.", opened, out);
    append_counter("l402_http_connections_refused_total",
                   "Connections closed at once: their network had limits.connections_per_prefix open.",
                   sum(threads, [](const ThreadShard& s) -> const Count& { return s.connections_refused; }), out);
    append_gauge("l402_http_connections_open", "Connections from clients that are open.", opened - closed, out);
    double upstream_opened = sum(threads, [](const ThreadShard& s) -> const Count& { return s.upstream_opened; });
    double upstream_closed = sum(threads, [](const ThreadShard& s) -> const Count& { return s.upstream_closed; });
    append_counter("l402_upstream_connections_total", "Connections made to upstream servers.", upstream_opened, out);
    append_gauge("l402_upstream_connections_open", "Connections to upstream servers that are open.",
                 upstream_opened - upstream_closed, out);
}

void append_store_families(const store::Figures& figures, Families& out) {
    append_counter("l402_tokens_first_used_total", "Tokens used for the first time.",
                   static_cast<double>(figures.first_uses), out);
    append_counter("l402_tokens_granted_total", "Tokens given away by an operator; no revenue.",
                   static_cast<double>(figures.grants), out);
    append_counter("l402_uses_answered_ahead_total", "Uses that were answered before they were on disk.",
                   static_cast<double>(figures.answered), out);
    append_gauge("l402_uses_ahead", "Uses that were answered and are not on disk yet: what a crash would forget.",
                 static_cast<double>(figures.ahead), out);
    append_counter("l402_db_writes_total", "Facts handed to the store.", static_cast<double>(figures.writes), out);
    append_counter("l402_db_commits_total", "Transactions committed.", static_cast<double>(figures.commits), out);
    append_counter("l402_db_commit_failures_total", "Transactions that could not be committed.",
                   static_cast<double>(figures.failures), out);
    append_counter("l402_db_commit_seconds_total", "Time spent in transactions.", figures.commit_seconds, out);
    append_gauge("l402_db_queued_writes", "Facts waiting to be written.", static_cast<double>(figures.queued), out);
}

void append_upstream_families(std::span<const UpstreamFigure> upstreams, Families& out) {
    if (upstreams.empty()) return;
    MetricFamily healthy =
        family("l402_upstream_healthy", "1 where an address of an upstream is well, 0 where it is left out.",
               MetricType::Gauge);
    for (const UpstreamFigure& one : upstreams) {
        ClientMetric metric;
        metric.label = {{"resource", one.resource}, {"address", one.address}};
        metric.gauge.value = one.well ? 1 : 0;
        healthy.metric.push_back(std::move(metric));
    }
    out.push_back(std::move(healthy));
}

void append_pricer_families(std::span<const PricerView> pricers, Families& out) {
    if (pricers.empty()) return;
    MetricFamily calls =
        family("l402_pricer_requests_total", "Prices asked of the pricer, by how that ended.", MetricType::Counter);
    MetricFamily durations =
        family("l402_pricer_duration_seconds", "Time the pricer took to answer, or not to.", MetricType::Histogram);
    MetricFamily prices =
        family("l402_pricer_prices_total", "Prices that were not asked of the pricer anew, by where they came from.",
               MetricType::Counter);
    MetricFamily up = family("l402_pricer_up", "1 where the pricer's last answer was good.", MetricType::Gauge);
    for (const PricerView& one : pricers) {
        const PricerFigures& figures = *one.figures;
        for (std::size_t i = 0; i < pricer_result_names.size(); ++i) {
            add_counter(calls, {{"resource", one.resource}, {"result", pricer_result_names[i]}},
                        static_cast<double>(figures.results[i].load(std::memory_order_relaxed)));
        }
        add_histogram(
            durations, {{"resource", one.resource}}, duration_bounds, std::array{one.figures},
            [](const PricerFigures* f) -> const auto& { return f->durations; });
        struct {
            const char* from;
            const std::atomic<std::uint64_t>& count;
        } const sources[] = {{"memory", figures.from_memory},
                             {"shared", figures.shared},
                             {"fallback", figures.fallbacks},
                             {"none", figures.unpriced}};
        for (const auto& source : sources) {
            add_counter(prices, {{"resource", one.resource}, {"from", source.from}},
                        static_cast<double>(source.count.load(std::memory_order_relaxed)));
        }
        ClientMetric well;
        well.label = {{"resource", one.resource}};
        well.gauge.value = figures.well.load(std::memory_order_relaxed) ? 1 : 0;
        up.metric.push_back(std::move(well));
    }
    for (MetricFamily* one : {&calls, &durations, &prices, &up}) out.push_back(std::move(*one));
}

}  // namespace millrace::metrics
