#include "service/metrics/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <list>
#include <map>
#include <mutex>

#include "service/metrics/families.hpp"
#include "service/metrics/process.hpp"

namespace millrace::metrics {
namespace {

const prometheus::Histogram::BucketBoundaries create_bounds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                               0.1,    0.25,  0.5,    1,     2.5,  5};
const prometheus::Histogram::BucketBoundaries settle_bounds = {0.1, 0.25, 0.5, 1,   2.5, 5,    10,
                                                               30,  60,   120, 300, 600, 1800, 3600};

}  // namespace

std::size_t code_slot(unsigned code) {
    for (std::size_t i = 0; i < codes.size(); ++i) {
        if (codes[i] == code) return i;
    }
    return codes.size();
}

struct Metrics::Rest {
    struct Money {
        prometheus::Counter& tokens;
        prometheus::Counter& revenue;
    };

    prometheus::Registry registry;
    prometheus::Family<prometheus::Counter>& tokens_paid = prometheus::BuildCounter()
                                                               .Name("l402_tokens_paid_total")
                                                               .Help("Tokens paid for, as the node reported it.")
                                                               .Register(registry);
    prometheus::Family<prometheus::Counter>& revenue = prometheus::BuildCounter()
                                                           .Name("l402_revenue_msat_total")
                                                           .Help("Millisatoshi received for tokens.")
                                                           .Register(registry);
    std::array<prometheus::Counter*, invoice_names.size()> invoices{};
    prometheus::Gauge& open =
        gauge("l402_invoices_open", "Invoices issued by this process that are neither paid nor expired.");
    prometheus::Histogram& created =
        histogram("l402_invoice_create_duration_seconds", "Time the plugin took to issue an invoice.", create_bounds);
    prometheus::Histogram& settled =
        histogram("l402_invoice_settle_delay_seconds", "Time from issuing an invoice to its payment.", settle_bounds);
    std::array<prometheus::Counter*, session_event_names.size()> session_events{};
    prometheus::Gauge& sessions_open = gauge("l402_sessions_open", "Sessions of the Payment scheme that are open.");
    std::array<prometheus::Counter*, refund_names.size()> refunds{};
    std::array<prometheus::Counter*, refund_names.size()> refund_amounts{};
    prometheus::Counter& refund_fees = prometheus::BuildCounter()
                                           .Name("l402_refund_fees_msat_total")
                                           .Help("Routing fees in millisatoshi that refunds cost the node.")
                                           .Register(registry)
                                           .Add({});
    prometheus::Gauge& refunds_pending =
        gauge("l402_refunds_pending", "Refunds of closed sessions that are owed yet, and asked for again.");
    std::map<std::string, prometheus::Histogram*, std::less<>> rpc_durations;
    prometheus::Gauge& up = gauge("l402_plugin_up", "1 while the plugin answers on its socket.");
    prometheus::Family<prometheus::Gauge>& payable =
        prometheus::BuildGauge()
            .Name("l402_payable")
            .Help("0 where this is a reason for which challenges cannot be paid, else 1.")
            .Register(registry);
    prometheus::Gauge& has_channels = payable.Add({{"reason", "no-channels"}}, 1);
    prometheus::Gauge& on_line = payable.Add({{"reason", "offline"}}, 1);
    prometheus::Gauge& receives_enough = payable.Add({{"reason", "inbound"}}, 1);
    prometheus::Gauge& blockheight = gauge("cln_blockheight", "Block height of the node.");
    prometheus::Gauge& peers = gauge("cln_peers", "Peers of the node.");
    prometheus::Gauge& channels = gauge("cln_channels_active", "Channels of the node that can be used.");
    prometheus::Gauge& spendable = gauge("cln_spendable_msat", "Millisatoshi the node can spend, over all channels.");
    prometheus::Gauge& receivable =
        gauge("cln_receivable_msat", "Millisatoshi the node can receive, over all channels.");
    prometheus::Gauge& clock_ahead =
        gauge("l402_clock_ahead_seconds", "How far the system's clock has jumped ahead of the time that is believed.");
    prometheus::Gauge& start_time = gauge("process_start_time_seconds", "Unix time at which the process started.");
    prometheus::Gauge& reload_good =
        gauge("l402_config_last_reload_successful", "1 where the last reading of the configuration succeeded.");
    prometheus::Gauge& reload_time =
        gauge("l402_config_last_reload_timestamp_seconds", "Unix time of the last reading of the configuration.");

    mutable std::mutex mutex;              // guards the lists below
    std::list<ResourceMetrics> resources;  // addresses stay
    std::map<std::string, Money, std::less<>> money;

    Rest() {
        auto& results = prometheus::BuildCounter()
                            .Name("l402_invoices_total")
                            .Help("Invoices by what became of them.")
                            .Register(registry);
        for (std::size_t i = 0; i < invoice_names.size(); ++i)
            invoices[i] = &results.Add({{"result", invoice_names[i]}});
        auto& events = prometheus::BuildCounter()
                           .Name("l402_sessions_total")
                           .Help("Sessions of the Payment scheme by what became of them.")
                           .Register(registry);
        for (std::size_t i = 0; i < session_event_names.size(); ++i)
            session_events[i] = &events.Add({{"event", session_event_names[i]}});
        auto& ended = prometheus::BuildCounter()
                          .Name("l402_refunds_total")
                          .Help("Refunds of closed sessions by how they ended; a failed one may succeed later.")
                          .Register(registry);
        auto& amounts = prometheus::BuildCounter()
                            .Name("l402_refunds_msat_total")
                            .Help("Millisatoshi of refunds by how they ended; revenue is what was received before.")
                            .Register(registry);
        for (std::size_t i = 0; i < refund_names.size(); ++i) {
            refunds[i] = &ended.Add({{"result", refund_names[i]}});
            refund_amounts[i] = &amounts.Add({{"result", refund_names[i]}});
        }
        auto& durations = prometheus::BuildHistogram()
                              .Name("l402_rpc_duration_seconds")
                              .Help("Time of the plugin's answers.")
                              .Register(registry);
        for (const char* method : rpc_methods)
            rpc_durations[method] = &durations.Add({{"method", method}}, create_bounds);
        prometheus::BuildGauge()
            .Name("l402_build_info")
            .Help("The version that runs.")
            .Register(registry)
            .Add({{"version", MILLRACE_VERSION}})
            .Set(1);
        money_of(unmatched_name);
    }

    prometheus::Gauge& gauge(const char* name, const char* help) {
        return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
    }
    prometheus::Histogram& histogram(const char* name, const char* help,
                                     const prometheus::Histogram::BucketBoundaries& bounds) {
        return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add({}, bounds);
    }

    Money& money_of(const std::string& resource) {
        auto entry = money.find(resource);
        if (entry == money.end()) {
            Money counters{tokens_paid.Add({{"resource", resource}}), revenue.Add({{"resource", resource}})};
            entry = money.emplace(resource, counters).first;
        }
        return entry->second;
    }
};

Metrics::Metrics(std::size_t threads)
    : thread_count_(threads), unmatched_(unmatched_name, threads), threads_(threads), rest_(std::make_unique<Rest>()) {}

Metrics::~Metrics() = default;

ResourceMetrics& Metrics::resource(std::string_view name) {
    std::lock_guard lock(rest_->mutex);
    for (ResourceMetrics& known : rest_->resources) {
        if (known.name() == name) return known;
    }
    rest_->money_of(std::string(name));
    return rest_->resources.emplace_back(std::string(name), thread_count_);
}

void Metrics::set_prices(const std::vector<std::pair<std::string, Msat>>& prices) {
    for (const auto& [name, price] : prices) resource(name);
    std::lock_guard lock(rest_->mutex);
    for (ResourceMetrics& known : rest_->resources) {
        Msat price;
        for (const auto& [name, current] : prices) {
            if (name == known.name()) price = current;
        }
        known.set_price(price);
    }
}

void Metrics::paid(std::string_view service, Msat received) {
    std::lock_guard lock(rest_->mutex);
    auto entry = rest_->money.find(service);
    Rest::Money& counters = entry == rest_->money.end() ? rest_->money_of(unmatched_name) : entry->second;
    counters.tokens.Increment();
    counters.revenue.Increment(static_cast<double>(received.value()));
}

void Metrics::invoice(InvoiceResult result) {
    rest_->invoices[static_cast<std::size_t>(result)]->Increment();
}
void Metrics::invoices_open(std::size_t count) {
    rest_->open.Set(static_cast<double>(count));
}
void Metrics::invoice_created(std::chrono::duration<double> took) {
    rest_->created.Observe(took.count());
}
void Metrics::invoice_settled(std::chrono::duration<double> after) {
    rest_->settled.Observe(after.count());
}

void Metrics::session(SessionEvent event) {
    rest_->session_events[static_cast<std::size_t>(event)]->Increment();
}
void Metrics::sessions_open(std::size_t count) {
    rest_->sessions_open.Set(static_cast<double>(count));
}
void Metrics::refunded(RefundResult result, Msat amount, Msat fee) {
    rest_->refunds[static_cast<std::size_t>(result)]->Increment();
    rest_->refund_amounts[static_cast<std::size_t>(result)]->Increment(static_cast<double>(amount.value()));
    rest_->refund_fees.Increment(static_cast<double>(fee.value()));
}
void Metrics::refunds_pending(std::size_t count) {
    rest_->refunds_pending.Set(static_cast<double>(count));
}

void Metrics::rpc(std::string_view method, std::chrono::duration<double> took) {
    auto entry = rest_->rpc_durations.find(method);
    if (entry != rest_->rpc_durations.end()) entry->second->Observe(took.count());
}

void Metrics::plugin_up(bool up) {
    rest_->up.Set(up ? 1 : 0);
}

void Metrics::clock_ahead(std::chrono::seconds by) {
    rest_->clock_ahead.Set(static_cast<double>(by.count()));
}

void Metrics::node(const gateway::NodeFigures& figures) {
    rest_->blockheight.Set(figures.blockheight);
    rest_->peers.Set(figures.peers);
    rest_->channels.Set(figures.active_channels);
    rest_->spendable.Set(static_cast<double>(figures.spendable.value()));
    rest_->receivable.Set(static_cast<double>(figures.receivable.value()));
    rest_->has_channels.Set(figures.unpayable == gateway::Unpayable::no_channels ? 0 : 1);
    rest_->on_line.Set(figures.unpayable == gateway::Unpayable::offline ? 0 : 1);
}

void Metrics::priced_above_receivable(bool above) {
    rest_->receives_enough.Set(above ? 0 : 1);
}

void Metrics::started(std::chrono::system_clock::time_point when) {
    rest_->start_time.Set(std::chrono::duration<double>(when.time_since_epoch()).count());
}

void Metrics::config_reloaded(bool good, std::chrono::system_clock::time_point when) {
    rest_->reload_good.Set(good ? 1 : 0);
    rest_->reload_time.Set(std::chrono::duration<double>(when.time_since_epoch()).count());
}

std::string Metrics::text(const store::Figures& store, std::span<const UpstreamFigure> upstreams,
                          std::span<const PricerView> pricers) const {
    auto began = std::chrono::steady_clock::now();
    std::vector<prometheus::MetricFamily> families = rest_->registry.Collect();
    {
        std::lock_guard lock(rest_->mutex);
        std::vector<const ResourceMetrics*> resources{&unmatched_};
        for (const ResourceMetrics& resource : rest_->resources) resources.push_back(&resource);
        append_resource_families(resources, families);
    }
    append_thread_families(threads_, families);
    append_store_families(store, families);
    append_upstream_families(upstreams, families);
    append_pricer_families(pricers, families);
    append_process_families(families);
    std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    append_gauge("l402_collect_duration_seconds", "Time it took to collect these figures.", took.count(), families);
    return prometheus::TextSerializer().Serialize(families);
}

}  // namespace millrace::metrics
