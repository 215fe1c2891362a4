#include "service/runtime/app.hpp"

#include <malloc.h>
#include <spdlog/spdlog.h>

#include <boost/json/serialize.hpp>
#include <csignal>

#include "common/crypto/hash.hpp"
#include "service/admin/describe.hpp"
#include "service/async/spawn.hpp"
#include "service/config/load.hpp"
#include "service/config/warnings.hpp"
#include "service/paywall/usage_retention.hpp"
#include "service/pricing/price.hpp"
#include "service/runtime/stored_services.hpp"
#include "service/store/reader.hpp"
#include "service/store/sqlite_store.hpp"

namespace millrace::runtime {

namespace asio = boost::asio;

namespace {

std::size_t count_workers(const config::Config& config) {
    if (config.threads > 0) return config.threads;
    return std::max(1U, std::thread::hardware_concurrency());
}

// One thing of every listener.
template <class Get>
auto of_listeners(const config::Config& config, Get get) {
    std::vector<decltype(get(config.listen.front()))> out;
    for (const config::Listen& one : config.listen) out.push_back(get(one));
    return out;
}

constexpr std::size_t worth_trimming = 1000;  // connections

// What connections that are cut off at the end have for giving back what they did not need.
constexpr std::chrono::seconds time_to_settle{2};

// Where the admin listener is, and who may open it.
std::pair<std::string, unsigned> admin_place(const config::Config& config) {
    if (!config.admin) return {};
    return {config.admin->listen.text(), config.admin->listen.mode};
}

// Settings that are read once. Says which of them differ.
std::vector<std::string_view> need_restart(const config::Config& running, const config::Config& loaded) {
    std::vector<std::string_view> out;
    auto differ = [&](auto get) { return of_listeners(running, get) != of_listeners(loaded, get); };
    if (differ([](const config::Listen& one) { return one.text(); })) out.push_back("listen.address");
    if (differ([](const config::Listen& one) { return one.mode; })) out.push_back("listen.mode");
    if (differ([](const config::Listen& one) { return one.tls.has_value(); })) out.push_back("listen.tls_cert");
    if (differ([](const config::Listen& one) { return one.forward_auth; })) out.push_back("listen.forward_auth");
    if (running.threads != loaded.threads) out.push_back("listen.threads");
    if (running.metrics != loaded.metrics) out.push_back("metrics.address");
    if (admin_place(running) != admin_place(loaded)) out.push_back("admin.address");
    if (running.gateway != loaded.gateway) out.push_back("node.gateway");
    if (running.node_id != loaded.node_id) out.push_back("node.id");
    if (running.store != loaded.store) out.push_back("store.path");
    return out;
}

// A reload by signal, for the audit table.
void note_reload(store::Store& store, const Result<boost::json::object>& done) {
    store::AuditEntry entry{std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()), "signal",
                            done ? "reloaded" : "reload refused", "configuration",
                            done ? boost::json::serialize(*done) : done.error().message};
    store.record_audit(std::move(entry), [](const Result<void>& written) {
        if (!written) spdlog::error("an action could not be written to the audit table: {}", written.error().message);
    });
}

}  // namespace

void set_log_level(const std::string& level) {
    spdlog::set_level(spdlog::level::from_str(level));
}

Result<config::Config> load_checked(const std::filesystem::path& file, const config::Environment& environment) {
    Result<config::Config> config = config::load(file, environment);
    if (!config) return config;
    if (auto groups = upstream::make_groups(config->services, {}); !groups)
        return Error{groups.error().code, file.string() + ": " + groups.error().message};
    if (auto pricers = upstream::Pricers::check(config->services); !pricers)
        return Error{pricers.error().code, file.string() + ": " + pricers.error().message};
    if (auto tls = load_tls(*config); !tls) return Error{tls.error().code, file.string() + ": " + tls.error().message};
    return config;
}

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

Result<std::shared_ptr<const site::Site>> App::make_site(config::Config config) {
    std::shared_ptr<const site::Site> before = site_.load();
    auto upstreams = upstream::make_groups(config.services, before ? before->upstreams : upstream::Groups{});
    if (!upstreams) return upstreams.error();
    auto site = std::make_shared<site::Site>(std::move(config), metrics_);
    site->upstreams = std::move(*upstreams);
    auto prices = pricers_.make(site->config.services);
    if (!prices) return prices.error();
    site->prices = std::move(*prices);
    return std::shared_ptr<const site::Site>(std::move(site));
}

void App::publish(std::shared_ptr<const site::Site> site) {
    look_at_usages(site->config);
    std::vector<std::pair<std::string, Msat>> prices;
    for (const config::Service& service : site->config.services) {
        // Of a service with a pricer, until that says another.
        unsigned tier = service.tiers.empty() ? 0 : service.tiers.front().number;
        prices.emplace_back(service.name.text(), service.amount_due(pricing::base_price(service, nullptr, tier), tier));
    }
    metrics_.set_prices(prices);
    metrics_.config_reloaded(true, std::chrono::system_clock::now());
    for (const std::string& warning : config::warnings(site->config)) spdlog::warn("{}", warning);
    for (const config::Service& service : site->config.services) {
        if (!service.upstream.tls.verify)
            spdlog::warn(
                "service {}: upstream_tls.verify is false: the service believes whoever answers at that address",
                service.name.text());
    }
    bool asked = config::takes_questions(site->config);
    for (const config::Service& service : site->config.services) {
        if (asked && service.counts_by_response())
            spdlog::warn("service {}: bytes and cost_header count by the response: by forward auth it is not sold",
                         service.name.text());
    }
    health_checker_.watch(site->upstreams);
    site_.publish(std::move(site));
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
        spdlog::info("metrics on http://{}", endpoint_->address().text());
    }
    return {};
}

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
        spdlog::warn("the limit of {} file descriptors is low: the service itself needs {}; raise LimitNOFILE",
                     plan.limit, own);
    spdlog::debug("{} file descriptors: {} for the service, {} connections of clients", plan.limit, plan.own,
                  plan.clients);
    descriptors_.share_out(plan);
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
            spdlog::warn("second signal: stopping at once");
            control_->stop();
            co_return;
        } else {
            draining_ = true;
            async::spawn(control_->get_executor(), drain(), "the draining");
        }
    }
}

// For how long tokens are sold is on disk before one of them is used, lest a later configuration forget it.
void App::look_at_usages(const config::Config& config) {
    auto forget = [this](const Result<std::vector<PaymentHash>>& pruned) {
        if (!pruned) return spdlog::warn("old usage could not be removed: {}", pruned.error().message);
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

Result<void> App::open_admin() {
    if (!started_with_.admin) return {};
    std::vector<listen::ActivatedSocket> none;
    auto sockets = listen::open_sockets(control_->get_executor(), started_with_.admin->listen, none);
    if (!sockets) return sockets.error();
    auto reader = store::Reader::open(started_with_.store);
    if (!reader) return reader.error();
    admin::Sources sources;
    sources.config = [this] {
        std::shared_ptr<const site::Site> site = site_.load();
        return std::shared_ptr<const config::Config>(site, &site->config);
    };
    sources.not_ready = [this] { return why_not_ready(); };
    sources.status = [this] { return status(); };
    sources.reload = [this] { return reload(); };
    sources.change_services = [this](admin::ServiceChange change) { return change_services(std::move(change)); };
    sources.challenges = [this]() -> const gateway::OpenInvoices& { return gateway_->open_invoices(); };
    sources.file = file_.string();
    sources.keys = [this] { return keys_.load(); };
    sources.revoked = [this](const PaymentHash& hash) { desk_->paid(hash); };
    admin_api_ =
        std::make_unique<admin::Api>(control_->get_executor(), *store_, std::move(*reader), std::move(sources));
    admin_settings_ = started_with_.admin;
    admin_ =
        std::make_unique<admin::Server>(std::move(sockets->front()), *admin_api_, [this] { return *admin_settings_; });
    spdlog::info("admin API on {}", admin_->url());
    return {};
}

boost::json::object App::status() const {
    auto now = std::chrono::system_clock::now();
    auto seconds = [](auto time) { return std::chrono::duration_cast<std::chrono::seconds>(time).count(); };
    std::string why = why_not_ready();
    std::size_t connections = 0;
    for (const auto& worker : workers_) connections += worker->connections();
    boost::json::object out{{"version", MILLRACE_VERSION},
                            {"started_at", seconds(started_at_.time_since_epoch())},
                            {"uptime_seconds", seconds(now - started_at_)},
                            {"ready", why.empty()},
                            {"why_not_ready", nullptr},
                            {"gateway_ready", gateway_->ready()},
                            {"config_file", std::filesystem::absolute(file_).string()},
                            {"store_file", std::filesystem::absolute(started_with_.store).string()},
                            {"services", site_.load()->config.services.size()},
                            {"connections", connections},
                            {"open_challenges", gateway_->open_invoices().size()},
                            {"node", nullptr}};
    if (!why.empty()) out["why_not_ready"] = why;
    if (gateway_->node()) {
        boost::json::object node = to_json(*gateway_->node());
        if (gateway_->figures()) {
            for (const auto& [key, value] : to_json(*gateway_->figures())) node[key] = value;
        }
        node["payable"] = !gateway_->unpayable();
        node["priced_above_receivable"] = gateway_->priced_above_receivable();
        out["node"] = std::move(node);
    }
    return out;
}

// Reads the file and puts what it says in force.
Result<boost::json::object> App::load_again() {
    Result<config::Config> config = load_checked(file_, environment_);
    config::Config from_file;
    if (config) {
        from_file = *config;
        config = with_stored(std::move(*config), file_, stored_, environment_);
    }
    if (!config) {
        spdlog::error("configuration not reloaded, the old one stays:\n{}", config.error().message);
        metrics_.config_reloaded(false, std::chrono::system_clock::now());
        return config.error();
    }
    boost::json::array restart;
    for (std::string_view setting : need_restart(started_with_, *config)) {
        spdlog::warn("{} has changed, which takes a restart: the old value stays until then", setting);
        restart.emplace_back(setting);
    }
    boost::json::object changes = admin::compare(site_.load()->config.services, config->services);
    changes["needs_restart"] = std::move(restart);
    // TLS cannot come or go on a listener that is open; certificate and key of one that has it are read anew.
    auto tls = load_tls(*config);
    std::string level = config->log_level;
    auto site = tls ? make_site(std::move(*config)) : tls.error();
    if (!site) {
        spdlog::error("configuration not reloaded, the old one stays: {}", site.error().message);
        metrics_.config_reloaded(false, std::chrono::system_clock::now());
        return site.error();
    }
    from_file_ = std::move(from_file);
    // Tokens that were written for another listener, or for none, are not those of the one that stays.
    if (admin_settings_ && admin_place(started_with_) == admin_place((*site)->config))
        admin_settings_ = (*site)->config.admin;
    listeners_.use(*tls);
    set_log_level(level);
    desk_->configure((*site)->config.challenges);
    publish(*site);
    share_out_descriptors();
    spdlog::info("configuration reloaded: {} services", site_.load()->config.services.size());
    changes["services"] = site_.load()->config.services.size();
    return changes;
}

http::Awaitable<> App::drain() {
    std::chrono::milliseconds limit = site_.load()->config.timeouts.drain;
    spdlog::info("draining: no new connections, up to {} s for those under way",
                 std::chrono::ceil<std::chrono::seconds>(limit).count());
    listeners_.stop();
    for (auto& worker : workers_) worker->drain();
    auto deadline = std::chrono::steady_clock::now() + limit;
    bool cut = false;
    http::Timer timer(control_->get_executor());
    for (;;) {
        std::size_t left = 0;
        for (const auto& worker : workers_) left += worker->connections();
        if (left == 0) break;
        if (std::chrono::steady_clock::now() >= deadline) {
            if (cut) break;
            cut = true;
            spdlog::warn("{} connections cut off: timeouts.drain is over", left);
            for (auto& worker : workers_) worker->cut_off();
            deadline = std::chrono::steady_clock::now() + time_to_settle;
        }
        timer.expires_after(std::chrono::milliseconds(20));
        co_await timer.async_wait(http::use_result);
    }
    gateway_->stop();
    closer_->stop();
    if (endpoint_) endpoint_->stop();
    if (admin_) admin_->stop();
    spdlog::info("stopped");
    control_->stop();
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
            spdlog::error(
                "the system's clock jumped by {} s: set it right. What was bought is judged by the time before; the "
                "new one is believed once it has held for {} min",
                wall_.ahead().count(), paywall::SteadyWall::hold.count());
        else if (change == Change::came_back)
            spdlog::warn("the system's clock is back, after it was off by {} s", off.count());
        else
            spdlog::warn("the system's clock has held: {} s later than before is the time now", off.count());
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

std::string App::metrics_text() const {
    std::vector<metrics::UpstreamFigure> upstreams;
    auto now = std::chrono::steady_clock::now();
    for (const auto& group : site_.load()->upstreams) {
        for (const upstream::Target& target : group->targets())
            upstreams.push_back({group->service(), target.url, target.health->well(now)});
    }
    return metrics_.text(store_->figures(), upstreams, pricers_.figures());
}

std::string App::why_not_ready() const {
    if (draining_) return "draining";
    if (descriptors_.short_of_them())
        return "the service is short of file descriptors: connections are refused, and requests are answered 503";
    if (!store_->writable()) return "the store cannot be written: nothing is sold, and what must be recorded is 503";
    if (!gateway_->foreign_node().empty()) return gateway_->foreign_node();
    if (!keys_.load()) return "the token keys are not known: the plugin has not answered yet";
    if (!gateway_->ready()) return "no connection to the plugin: paid tokens work, nothing can be bought";
    return {};
}

}  // namespace millrace::runtime
