// The running service: builds its parts, reloads, drains. main.cpp reads the command line and calls run().
//
//   threads: one control thread (gateway, accepting, metrics, signals), one worker a core, the store's writer
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "service/admin/server.hpp"
#include "service/async/published.hpp"
#include "service/async/task.hpp"
#include "service/async/turns.hpp"
#include "service/front/worker.hpp"
#include "service/gateway/client.hpp"
#include "service/metrics/endpoint.hpp"
#include "service/metrics/metrics.hpp"
#include "service/paywall/steady_wall.hpp"
#include "service/runtime/listeners.hpp"
#include "service/sessions/closer.hpp"
#include "service/site/site.hpp"
#include "service/store/store.hpp"
#include "service/upstream/health_checker.hpp"
#include "service/upstream/pricer.hpp"

namespace millrace::runtime {

class App {
  public:
    // `file` is where `config` was read from, and will be read from again, with `environment`.
    App(std::filesystem::path file, config::Config config, config::Environment environment);
    ~App();
    App(const App&) = delete;
    App& operator=(const App&) = delete;

    // Opens the store and the listeners, of which systemd may have opened some before. Errors: of the store, of TLS
    // files, of the listeners.
    [[nodiscard]] Result<void> start(std::vector<listen::ActivatedSocket> passed);

    // Serves until SIGTERM or SIGINT, drains, returns.
    void run();

  private:
    Result<std::shared_ptr<const site::Site>> make_site(config::Config config);
    void publish(std::shared_ptr<const site::Site> site);
    http::Awaitable<> handle_signals();
    http::Awaitable<> drain();
    http::Awaitable<> watch_clock();
    void give_memory_back();
    void look_at_usages(const config::Config& config);
    http::Awaitable<> prune_usages();
    // What differs from before; where the file has a fault, the old configuration stays.
    http::Awaitable<Result<boost::json::object>> reload();
    [[nodiscard]] Result<boost::json::object> load_again();
    // Of a service that is stored: on disk with its row in the audit table, then in force.
    http::Awaitable<admin::ServiceOutcome> change_services(admin::ServiceChange change);
    [[nodiscard]] Result<void> open_admin();
    [[nodiscard]] boost::json::object status() const;
    [[nodiscard]] std::string why_not_ready() const;
    void share_out_descriptors();
    [[nodiscard]] std::string metrics_text() const;

    std::filesystem::path file_;
    config::Config started_with_;
    config::Config from_file_;                   // as it was last read, without the services that are stored
    std::vector<config::StoredService> stored_;  // services, in their order
    async::Turns turns_;                         // of whoever changes from_file_ or stored_, and what is in force
    config::Environment environment_;
    std::size_t worker_count_;
    metrics::Metrics metrics_;
    async::Published<site::Site> site_;
    async::Published<l402::KeyRing> keys_;
    http::Descriptors descriptors_;
    front::SettlementWaiters waiters_;
    paywall::SteadyWall wall_{std::chrono::system_clock::now(), std::chrono::steady_clock::now()};
    paywall::SessionBook sessions_{std::chrono::steady_clock::now};  // outlives control_: what waits there watches it
    std::unique_ptr<boost::asio::io_context> control_;
    std::unique_ptr<store::Store> store_;
    std::unique_ptr<gateway::Client> gateway_;
    std::unique_ptr<gateway::ChallengeDesk> desk_;
    limits::UseLimits use_limits_;
    limits::Connections connections_;  // outlives the workers
    paywall::Ledger ledger_;
    std::unique_ptr<paywall::FreeLedger> free_ledger_;
    paywall::WorkDesk work_;
    std::unique_ptr<sessions::Closer> closer_;
    std::vector<std::unique_ptr<front::Worker>> workers_;
    Listeners listeners_;
    std::unique_ptr<metrics::Endpoint> endpoint_;
    std::unique_ptr<admin::Api> admin_api_;
    std::size_t most_connections_ = 0;             // since memory was given back
    std::optional<config::Admin> admin_settings_;  // in force on the listener that was opened at the start
    std::unique_ptr<admin::Server> admin_;
    upstream::HealthChecker health_checker_;
    upstream::Pricers pricers_;
    boost::asio::signal_set signals_;
    std::vector<std::thread> threads_;
    std::size_t descriptors_at_start_ = 0;
    bool draining_ = false;
    std::chrono::system_clock::time_point started_at_;
};

// The first reading of a configuration file, files it names included: what --check-config checks.
[[nodiscard]] Result<config::Config> load_checked(const std::filesystem::path& file,
                                                  const config::Environment& environment);

}  // namespace millrace::runtime
