// The order of things: what is built at the start and in which order, what runs, how it drains, and in which order all
// of it goes. Beside this file: app_reload (the configuration in force), app_services (the services of the admin API),
// app_operator (what operators are told), app_upkeep (what goes on beside the requests).
#include "service/runtime/app.hpp"

#include <boost/json/serialize.hpp>
#include <csignal>

#include "common/crypto/hash.hpp"
#include "service/async/spawn.hpp"
#include "service/async/wakeup.hpp"
#include "service/log/log.hpp"
#include "service/runtime/stored_services.hpp"
#include "service/store/sqlite_store.hpp"

namespace millrace::runtime {

namespace asio = boost::asio;

namespace {

std::size_t count_workers(const config::Config& config) {
    if (config.threads > 0) return config.threads;
    return std::max(1U, std::thread::hardware_concurrency());
}

// What connections that are cut off at the end have for giving back what they did not need.
constexpr std::chrono::seconds time_to_settle{2};

// A reload by signal, for the audit table.
void note_reload(store::Store& store, const Result<boost::json::object>& done) {
    store::AuditEntry entry{std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()), "signal",
                            done ? "reloaded" : "reload refused", "configuration",
                            done ? boost::json::serialize(*done) : done.error().message};
    store.record_audit(std::move(entry), [](const Result<void>& written) {
        if (!written) log::error("an action could not be written to the audit table: {}", written.error().message);
    });
}

}  // namespace

App::App(std::filesystem::path file, config::Config config, config::Environment environment)
    : file_(std::move(file)),
      started_with_(std::move(config)),
      from_file_(started_with_),
      environment_(std::move(environment)),
      worker_count_(count_workers(started_with_)),
      metrics_(worker_count_ + 1),  // the last for the control thread
      control_(std::make_unique<asio::io_context>(1)),
      work_(SecretKey(crypto::random_bytes<SecretKey::length>())),
      listeners_(control_->get_executor(), workers_, descriptors_),
      health_checker_(control_->get_executor()),
      pricers_(control_->get_executor(), metrics_, worker_count_),
      signals_(*control_) {}

// The order matters: callbacks that still wait in the store or the gateway hold coroutines of the workers, so that
// these go last; and the store's last commits tell the gateway.
App::~App() {
    for (auto& worker : workers_) worker->stop();
    for (std::thread& thread : threads_) thread.join();
    // An accept under way holds a socket of a worker's io_context: let it end while there still is one.
    listeners_.stop();
    health_checker_.stop();
    control_->restart();
    control_->poll();
    pricers_.stop();
    admin_.reset();
    admin_api_.reset();
    store_.reset();
    gateway_.reset();
    closer_.reset();
    desk_.reset();
    endpoint_.reset();
    boost::system::error_code ignored;
    signals_.clear(ignored);
    workers_.clear();
}

Result<void> App::start(std::vector<listen::ActivatedSocket> passed) {
    for (int signal : {SIGHUP, SIGINT, SIGTERM}) signals_.add(signal);  // kept until run() looks at them
    started_at_ = std::chrono::system_clock::now();
    metrics_.started(started_at_);
    auto store = store::open_sqlite(started_with_.store);
    if (!store) return store.error();
    store_ = std::move(*store);
    stored_ = store_->services();
    auto config = with_stored(from_file_, file_, stored_, environment_);
    if (!config) return config.error();
    auto site = make_site(std::move(*config));
    if (!site) return site.error();
    publish(*site);

    for (const store::TokenUsage& one : store_->take_usages()) ledger_.use(one.hash, one.used);
    store_->on_recorded([this](const PaymentHash& hash, std::uint64_t uses) { ledger_.recorded(hash, uses); });
    free_ledger_ = std::make_unique<paywall::FreeLedger>(store_->free_use_key());
    for (const paywall::FreeUses& one : store_->take_free_uses()) free_ledger_->load(one);
    gateway_ = std::make_unique<gateway::Client>(*control_, started_with_.gateway, *store_, metrics_, keys_, wall_);
    gateway_->sell_for(started_with_.node_id);
    desk_ = std::make_unique<gateway::ChallengeDesk>(*gateway_);
    desk_->configure(started_with_.challenges);
    gateway_->on_settled([this](const PaymentHash& hash) {
        desk_->paid(hash);
        waiters_.settled(hash);
    });
    gateway_->on_keys([this] { desk_->forget(); });
    closer_ = std::make_unique<sessions::Closer>(*control_, *store_, *gateway_, sessions_, ledger_, metrics_);

    for (std::size_t i = 0; i < worker_count_; ++i) {
        front::Shared shared{site_,   keys_, *desk_,        *store_, metrics_,  waiters_, use_limits_,  *gateway_,
                             ledger_, wall_, *free_ledger_, work_,   sessions_, *closer_, descriptors_, connections_};
        workers_.push_back(std::make_unique<front::Worker>(i, std::move(shared)));
    }
    if (auto opened = listeners_.open(started_with_, std::move(passed)); !opened) return opened.error();
    if (auto opened = open_admin(); !opened) return opened.error();
    descriptors_at_start_ = http::open_in_process();
    share_out_descriptors();
    if (started_with_.metrics) {
        auto metrics_acceptor = listen::listen_on(control_->get_executor(), *started_with_.metrics);
        if (!metrics_acceptor) return metrics_acceptor.error();
        metrics::EndpointSources sources{[this] { return metrics_text(); }, [this] { return why_not_ready(); }};
        endpoint_ = std::make_unique<metrics::Endpoint>(std::move(*metrics_acceptor), std::move(sources));
        log::info("metrics on http://{}", endpoint_->address().text());
    }
    return {};
}

void App::run() {
    for (auto& worker : workers_) threads_.emplace_back([&worker] { worker->run(); });
    gateway_->start();
    closer_->start(store_->sessions().take_all());
    listeners_.start();
    if (endpoint_) endpoint_->start();
    if (admin_) admin_->start();
    async::spawn(control_->get_executor(), handle_signals(), "the handling of signals");
    async::spawn(control_->get_executor(), watch_clock(), "the watch over the clock");
    async::spawn(control_->get_executor(), prune_usages(), "the removal of old usages");
    async::run_event_loop(*control_, "a handler of the control thread");
}

http::Awaitable<> App::handle_signals() {
    for (;;) {
        auto [failed, signal] = co_await signals_.async_wait(http::use_result);
        if (failed) co_return;
        if (signal == SIGHUP) {
            Result<boost::json::object> done = co_await reload();
            note_reload(*store_, done);
        } else if (draining_) {
            log::warn("second signal: stopping at once");
            control_->stop();
            co_return;
        } else {
            draining_ = true;
            async::spawn(control_->get_executor(), drain(), "the draining");
        }
    }
}

http::Awaitable<> App::drain() {
    std::chrono::milliseconds limit = site_.load()->config.timeouts.drain;
    log::info("draining: no new connections, up to {} s for those under way",
              std::chrono::ceil<std::chrono::seconds>(limit).count());
    listeners_.stop();
    async::Wakeup wakeup(control_->get_executor());
    for (auto& worker : workers_) worker->drain(wakeup.teller());
    auto deadline = std::chrono::steady_clock::now() + limit;
    bool cut = false;
    for (;;) {
        std::size_t left = 0;
        for (const auto& worker : workers_) left += worker->connections();
        if (left == 0) break;
        if (std::chrono::steady_clock::now() >= deadline) {
            if (cut) break;
            cut = true;
            log::warn("{} connections cut off: timeouts.drain is over", left);
            for (auto& worker : workers_) worker->cut_off();
            deadline = std::chrono::steady_clock::now() + time_to_settle;
        }
        co_await wakeup.wait_until(deadline);
    }
    gateway_->stop();
    closer_->stop();
    if (endpoint_) endpoint_->stop();
    if (admin_) admin_->stop();
    log::info("stopped");
    control_->stop();
}

}  // namespace millrace::runtime
