// Changes of the services while they are in force: one at a time, reloads among them.

#include <boost/json/serialize.hpp>

#include "service/admin/authorization.hpp"
#include "service/http/await_callback.hpp"
#include "service/log/log.hpp"
#include "service/runtime/app.hpp"
#include "service/runtime/stored_services.hpp"

namespace millrace::runtime {
namespace {

std::string_view done(admin::ServiceChange::Kind kind) {
    switch (kind) {
        case admin::ServiceChange::Kind::add:
            return "service added";
        case admin::ServiceChange::Kind::set:
            return "service changed";
        case admin::ServiceChange::Kind::remove:
            break;
    }
    return "service removed";
}

const config::StoredService* find(const std::vector<config::StoredService>& services, const std::string& name) {
    for (const config::StoredService& one : services) {
        if (one.name == name) return &one;
    }
    return nullptr;
}

}  // namespace

http::Awaitable<Result<boost::json::object>> App::reload() {
    const async::Turns::Turn turn = co_await turns_.take(control_->get_executor());
    co_return load_again();
}

http::Awaitable<admin::ServiceOutcome> App::change_services(admin::ServiceChange change) {
    const async::Turns::Turn turn = co_await turns_.take(control_->get_executor());
    auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    auto planned = admin::plan(change, from_file_.services, file_, stored_, now);
    if (auto* refusal = std::get_if<admin::Refusal>(&planned)) co_return std::move(*refusal);
    auto& plan = std::get<admin::Plan>(planned);
    config::Faults faults(file_.string());
    std::optional<config::Config> config = config::with_stored(from_file_, file_, plan.stored, environment_, faults);
    if (!config) co_return admin::Refusal{422, "Nothing was changed:\n" + faults.text(), faults.list()};
    auto groups = upstream::make_groups(config->services, {});
    if (!groups) co_return admin::Refusal{422, "Nothing was changed: " + groups.error().message};
    bool removes = change.kind == admin::ServiceChange::Kind::remove;
    std::shared_ptr<const site::Site> before = site_.load();
    admin::Changed changed{plan.name, std::shared_ptr<const config::Config>(before, &before->config)};
    if (change.dry_run) {
        if (!removes) changed.config = std::make_shared<const config::Config>(std::move(*config));
        co_return changed;
    }
    auto site = make_site(std::move(*config));
    if (!site) co_return admin::Refusal{422, "Nothing was changed: " + site.error().message};

    const config::StoredService* subject = find(removes ? stored_ : plan.stored, plan.name);
    store::AuditEntry entry{now, std::string(admin::name(change.role)), std::string(done(change.kind)), plan.name,
                            subject ? boost::json::serialize(subject->definition) : std::string()};
    auto start = [this, &plan, &entry](auto told) {
        store_->replace_services(plan.stored, std::move(entry), std::move(told));
    };
    Result<void> written = co_await http::await_callback<Result<void>>(control_->get_executor(), start);
    if (!written) co_return admin::Refusal{503, written.error().message};
    stored_ = std::move(plan.stored);
    publish(*site);
    log::info("{}: {}", done(change.kind), plan.name);
    if (!removes) changed.config = std::shared_ptr<const config::Config>(*site, &(*site)->config);
    co_return changed;
}

}  // namespace millrace::runtime
