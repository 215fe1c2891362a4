// What operators are told, and by what: the admin API's listener, status and readiness, metrics.

#include "service/log/log.hpp"
#include "service/runtime/app.hpp"
#include "service/store/reader.hpp"

namespace millrace::runtime {

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
    log::info("admin API on {}", admin_->url());
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
