// Which configuration is in force: reading the file, at the start and again, and putting what it says in force. What can
// only be read at a start is told, and stays. Certificates are listeners' (runtime/listeners.hpp): a reload hands them
// what it has loaded.

#include "service/admin/describe.hpp"
#include "service/config/load.hpp"
#include "service/config/warnings.hpp"
#include "service/log/log.hpp"
#include "service/pricing/price.hpp"
#include "service/runtime/app.hpp"
#include "service/runtime/stored_services.hpp"

namespace millrace::runtime {
namespace {

// One thing of every listener.
template <class Get>
auto of_listeners(const config::Config& config, Get get) {
    std::vector<decltype(get(config.listen.front()))> out;
    for (const config::Listen& one : config.listen) out.push_back(get(one));
    return out;
}

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

}  // namespace

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
    for (const std::string& warning : config::warnings(site->config)) log::warn("{}", warning);
    for (const config::Service& service : site->config.services) {
        if (!service.upstream.tls.verify)
            log::warn("service {}: upstream_tls.verify is false: the service believes whoever answers at that address",
                      service.name.text());
    }
    bool asked = config::takes_questions(site->config);
    for (const config::Service& service : site->config.services) {
        if (asked && service.counts_by_response())
            log::warn("service {}: bytes and cost_header count by the response: by forward auth it is not sold",
                      service.name.text());
    }
    health_checker_.watch(site->upstreams);
    site_.publish(std::move(site));
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
        log::error("configuration not reloaded, the old one stays:\n{}", config.error().message);
        metrics_.config_reloaded(false, std::chrono::system_clock::now());
        return config.error();
    }
    boost::json::array restart;
    for (std::string_view setting : need_restart(started_with_, *config)) {
        log::warn("{} has changed, which takes a restart: the old value stays until then", setting);
        restart.emplace_back(setting);
    }
    boost::json::object changes = admin::compare(site_.load()->config.services, config->services);
    changes["needs_restart"] = std::move(restart);
    // TLS cannot come or go on a listener that is open; certificate and key of one that has it are read anew.
    auto tls = load_tls(*config);
    std::string level = config->log_level;
    auto site = tls ? make_site(std::move(*config)) : tls.error();
    if (!site) {
        log::error("configuration not reloaded, the old one stays: {}", site.error().message);
        metrics_.config_reloaded(false, std::chrono::system_clock::now());
        return site.error();
    }
    from_file_ = std::move(from_file);
    // Tokens that were written for another listener, or for none, are not those of the one that stays.
    if (admin_settings_ && admin_place(started_with_) == admin_place((*site)->config))
        admin_settings_ = (*site)->config.admin;
    listeners_.use(*tls);
    log::set_level(level);
    desk_->configure((*site)->config.challenges);
    publish(*site);
    share_out_descriptors();
    log::info("configuration reloaded: {} services", site_.load()->config.services.size());
    changes["services"] = site_.load()->config.services.size();
    return changes;
}

}  // namespace millrace::runtime
