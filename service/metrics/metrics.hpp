// Everything millraced counts, and the text of /metrics (Prometheus text format 0.0.4).
//
// Labels are bounded: `resource` is a configured service's name or "(unmatched)", never a path, a token, a hash or a
// client's address. Every label combination is there from the start, at 0.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/gateway/messages.hpp"
#include "service/metrics/pricer_figures.hpp"
#include "service/metrics/resource_metrics.hpp"
#include "service/store/store.hpp"

namespace millrace::metrics {

enum class InvoiceResult { created, paid, expired, error };
inline constexpr std::array invoice_names = {"created", "paid", "expired", "error"};

inline constexpr std::array rpc_methods = {"hello", "issue", "keys", "subscribe", "refund"};

// What becomes of sessions of the Payment scheme (label `event`), and of what is paid back of them (label `result`).
enum class SessionEvent { opened, topped_up, closed_by_client, closed_idle, closed_by_operator };
inline constexpr std::array session_event_names = {"opened", "topped_up", "closed_by_client", "closed_idle",
                                                   "closed_by_operator"};
enum class RefundResult { succeeded, failed };
inline constexpr std::array refund_names = {"succeeded", "failed"};

// What a thread counts that belongs to no resource.
struct alignas(64) ThreadShard {
    Distribution<verify_bounds.size()> verify;
    Count connections_opened;
    Count connections_closed;
    Count connections_refused;  // beyond limits.connections_per_prefix
    Count upstream_opened;
    Count upstream_closed;
};

// How well one address of a service's upstream is.
struct UpstreamFigure {
    std::string resource;
    std::string address;  // as configured
    bool well = true;
};

class Metrics {
  public:
    explicit Metrics(std::size_t threads);
    ~Metrics();

    // The counters of a resource, made at the first call for a name; valid as long as this object. Any thread.
    ResourceMetrics& resource(std::string_view name);

    // The counters of requests that belong to no resource.
    [[nodiscard]] ResourceMetrics& unmatched() { return unmatched_; }

    // Which resources are configured: the others lose their price.
    void set_prices(const std::vector<std::pair<std::string, Msat>>& prices);

    [[nodiscard]] ThreadShard& thread(std::size_t index) { return threads_[index]; }

    // A payment that was not known before. `service` that is not configured counts as "(unmatched)".
    void paid(std::string_view service, Msat received);
    void invoice(InvoiceResult result);
    void invoices_open(std::size_t count);
    void invoice_created(std::chrono::duration<double> took);
    void invoice_settled(std::chrono::duration<double> after_creation);
    void session(SessionEvent event);
    void sessions_open(std::size_t count);
    void refunded(RefundResult result, Msat amount, Msat fee);
    void refunds_pending(std::size_t count);
    void rpc(std::string_view method, std::chrono::duration<double> took);
    void plugin_up(bool up);
    // A price is above what the node can receive.
    void priced_above_receivable(bool above);
    void clock_ahead(std::chrono::seconds by);
    void node(const gateway::NodeFigures& figures);
    void started(std::chrono::system_clock::time_point when);
    void config_reloaded(bool good, std::chrono::system_clock::time_point when);

    // The text of /metrics.
    [[nodiscard]] std::string text(const store::Figures& store, std::span<const UpstreamFigure> upstreams = {},
                                   std::span<const PricerView> pricers = {}) const;

  private:
    struct Rest;  // what is not counted on the path of a request, in a prometheus-cpp registry

    std::size_t thread_count_;
    ResourceMetrics unmatched_;
    std::vector<ThreadShard> threads_;
    std::unique_ptr<Rest> rest_;
};

}  // namespace millrace::metrics
