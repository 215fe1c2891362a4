// What goes on beside the requests, on the control thread: the watch over the clock, old usages, memory, and how many
// file descriptors there are for whom.
#include <malloc.h>

#include "service/log/log.hpp"
#include "service/paywall/usage_retention.hpp"
#include "service/runtime/app.hpp"

namespace millrace::runtime {
namespace {

constexpr std::size_t worth_trimming = 1000;  // connections

}  // namespace

// What must go on whatever clients do, in descriptors beyond those that the start took.
void App::share_out_descriptors() {
    constexpr std::size_t files = 16;  // the store's, certificates, the configuration, name servers
    constexpr std::size_t monitors = 32;
    constexpr std::size_t administrators = 64;
    std::size_t own = descriptors_at_start_ + files + monitors + (started_with_.admin ? administrators : 0);
    for (const config::Service& service : site_.load()->config.services) {
        if (service.upstream.health) own += service.upstream.addresses.size();
        if (service.pricer) own += service.pricer->calls;
    }
    const http::DescriptorPlan plan = http::plan_descriptors(http::limit_of_process(), own);
    if (plan.own < own)
        log::warn("the limit of {} file descriptors is low: the service itself needs {}; raise LimitNOFILE", plan.limit,
                  own);
    log::debug("{} file descriptors: {} for the service, {} connections of clients", plan.limit, plan.own,
               plan.clients);
    descriptors_.share_out(plan);
}

// For how long tokens are sold is on disk before one of them is used, lest a later configuration forget it.
void App::look_at_usages(const config::Config& config) {
    auto forget = [this](const Result<std::vector<PaymentHash>>& pruned) {
        if (!pruned) return log::warn("old usage could not be removed: {}", pruned.error().message);
        for (const PaymentHash& hash : *pruned) ledger_.forget(hash);
    };
    auto now = std::chrono::floor<std::chrono::seconds>(wall_.now(std::chrono::steady_clock::now()));
    store_->prune_usages(paywall::longest_times(config.services), now, forget);
}

// What tokens have used goes when it cannot matter any more, a little at a time.
http::Awaitable<> App::prune_usages() {
    http::Timer timer(control_->get_executor());
    while (!draining_) {
        look_at_usages(site_.load()->config);
        timer.expires_after(std::chrono::minutes(1));
        auto [failed] = co_await timer.async_wait(http::use_result);
        if (failed) co_return;
    }
}

http::Awaitable<> App::watch_clock() {
    using Change = paywall::SteadyWall::Change;
    http::Timer timer(control_->get_executor());
    for (;;) {
        timer.expires_after(std::chrono::seconds(1));
        auto [failed] = co_await timer.async_wait(http::use_result);
        if (failed) co_return;
        const auto off = wall_.ahead();
        const Change change = wall_.look(std::chrono::system_clock::now(), std::chrono::steady_clock::now());
        metrics_.clock_ahead(wall_.ahead());
        give_memory_back();
        if (change == Change::none) continue;
        // They expire by the clock that jumped, and would be handed out too long, or not at all.
        desk_->forget();
        if (change == Change::jumped)
            log::error(
                "the system's clock jumped by {} s: set it right. What was bought is judged by the time before; the "
                "new one is believed once it has held for {} min",
                wall_.ahead().count(), paywall::SteadyWall::hold.count());
        else if (change == Change::came_back)
            log::warn("the system's clock is back, after it was off by {} s", off.count());
        else
            log::warn("the system's clock has held: {} s later than before is the time now", off.count());
    }
}

// What many connections needed goes back to the system once most of them have left.
void App::give_memory_back() {
    std::size_t connections = 0;
    for (const auto& worker : workers_) connections += worker->connections();
    most_connections_ = std::max(most_connections_, connections);
    if (most_connections_ < worth_trimming || connections > most_connections_ / 2) return;
    most_connections_ = connections;
#ifdef __GLIBC__
    ::malloc_trim(0);
#endif
}

}  // namespace millrace::runtime
