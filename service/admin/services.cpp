// The admin API's endpoints about services.
#include <array>

#include "service/admin/describe.hpp"
#include "service/admin/handlers.hpp"
#include "service/admin/parameters.hpp"

namespace millrace::admin {

namespace json = boost::json;

namespace {

const config::Service* find(const config::Config& config, std::string_view name) {
    for (const config::Service& service : config.services) {
        if (service.name.text() == name) return &service;
    }
    return nullptr;
}

Answer no_service() {
    return problem(404, "There is no service of this name.");
}

Place read_place(Parameters& in) {
    Place out;
    int given = 0;
    auto take = [&](std::string_view key, Place::Kind kind) {
        auto neighbour = in.text(key);
        if (!neighbour) return;
        ++given;
        out = {kind, *neighbour};
    };
    take("before", Place::Kind::before);
    take("after", Place::Kind::after);
    if (auto position = in.text("position")) {
        ++given;
        out = {*position == "first" ? Place::Kind::first : Place::Kind::last, {}};
    }
    if (given > 1) in.note("position", "and before and after: one of them says where the service stands");
    return out;
}

Answer refused(const Refusal& refusal) {
    if (refusal.faults.empty()) return problem(refusal.status, refusal.detail);
    json::array faults;
    for (const config::Fault& fault : refusal.faults) {
        json::object one{{"source", fault.source}};
        if (fault.line > 0) one["line"] = fault.line;
        one["path"] = fault.pointer;
        one["key"] = fault.key;
        one["detail"] = fault.what;
        faults.push_back(std::move(one));
    }
    return problem(refusal.status, refusal.detail, {{"faults", std::move(faults)}});
}

http::Awaitable<Answer> services(Api& api, Request) {
    std::shared_ptr<const config::Config> config = api.sources().config();
    json::array out;
    for (const config::Service& service : config->services) out.push_back(describe_whole(service, api.sources().file));
    json::object document{{"services", std::move(out)}};
    co_return json_answer(document);
}

http::Awaitable<Answer> service(Api& api, Request request) {
    std::shared_ptr<const config::Config> config = api.sources().config();
    const config::Service* service = find(*config, request.names.at("name"));
    co_return service ? json_answer(describe_whole(*service, api.sources().file)) : no_service();
}

http::Awaitable<Answer> definition(Api& api, Request request) {
    std::shared_ptr<const config::Config> config = api.sources().config();
    const config::Service* service = find(*config, request.names.at("name"));
    co_return service && service->origin ? json_answer(service->origin->definition) : no_service();
}

// Has a change made, and shows the service: as it is now, or as it was before it was removed.
http::Awaitable<Answer> change(Api& api, ServiceChange wanted, Request request) {
    Parameters in(request);
    wanted.role = request.role;
    wanted.dry_run = in.flag("dry_run");
    wanted.version = in.text("if_version");
    if (wanted.kind != ServiceChange::Kind::remove) wanted.place = read_place(in);
    if (in.fault()) co_return *in.fault();
    bool added = wanted.kind == ServiceChange::Kind::add;
    bool dry_run = wanted.dry_run;
    ServiceOutcome outcome = co_await api.sources().change_services(std::move(wanted));
    if (auto* refusal = std::get_if<Refusal>(&outcome)) co_return refused(*refusal);
    auto& changed = std::get<Changed>(outcome);
    const config::Service* service = find(*changed.config, changed.name);
    if (!service) co_return no_service();
    json::object document = describe_whole(*service, api.sources().file);
    document["changed"] = !dry_run;
    co_return json_answer(document, added && !dry_run ? 201 : 200);
}

http::Awaitable<Answer> add_service(Api& api, Request request) {
    ServiceChange wanted;
    wanted.kind = ServiceChange::Kind::add;
    wanted.definition = std::move(request.body);
    Answer out = co_await change(api, std::move(wanted), std::move(request));
    co_return out;
}

http::Awaitable<Answer> set_service(Api& api, Request request) {
    ServiceChange wanted;
    wanted.kind = ServiceChange::Kind::set;
    wanted.name = request.names.at("name");
    wanted.definition = std::move(request.body);
    Answer out = co_await change(api, std::move(wanted), std::move(request));
    co_return out;
}

http::Awaitable<Answer> remove_service(Api& api, Request request) {
    ServiceChange wanted;
    wanted.kind = ServiceChange::Kind::remove;
    wanted.name = request.names.at("name");
    Answer out = co_await change(api, std::move(wanted), std::move(request));
    co_return out;
}

constexpr auto handlers = std::to_array<Handler>({
    {"services", services},
    {"service show", service},
    {"service definition", definition},
    {"service add", add_service},
    {"service set", set_service},
    {"service remove", remove_service},
});

}  // namespace

std::span<const Handler> service_handlers() {
    return handlers;
}

}  // namespace millrace::admin
