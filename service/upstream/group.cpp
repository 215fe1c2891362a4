#include "service/upstream/group.hpp"

#include <algorithm>

#include "service/upstream/tls.hpp"

namespace millrace::upstream {
namespace {

std::shared_ptr<AddressHealth> known_health(const Group* before, const config::UpstreamAddress& address) {
    if (!before) return nullptr;
    const auto& targets = before->targets();
    auto same = std::find_if(targets.begin(), targets.end(), [&](const Target& one) { return one.address == address; });
    return same == targets.end() ? nullptr : same->health;
}

}  // namespace

Group::Group(const config::Service& service, TlsContext tls, const Group* before)
    : service_(service.name.text()), config_(service.upstream) {
    // Without the same checks nobody would take back what they found.
    if (before && before->config().health != config_.health) before = nullptr;
    for (const config::UpstreamAddress& address : config_.addresses) {
        Target target{address,
                      address.url(),
                      address.authority(),
                      address.tls ? tls : nullptr,
                      config_.tls.server_name,
                      known_health(before, address)};
        if (target.server_name.empty()) target.server_name = address.host;
        if (!target.health) target.health = std::make_shared<AddressHealth>();
        targets_.push_back(std::move(target));
    }
    for (const config::UpstreamHeader& header : config_.headers) {
        header_names_.push_back(header.name);
        header_lines_.append(header.name).append(": ").append(header.value.reveal()).append("\r\n");
    }
}

Attempts Group::attempts() const {
    bool choice = targets_.size() > 1;
    return {targets_.size(), choice ? turn_.fetch_add(1, std::memory_order_relaxed) : 0};
}

const Target* Group::next(Attempts& attempts, AddressHealth::Time now) const {
    std::uint32_t well = 0;
    for (std::size_t i = 0; i < targets_.size(); ++i) {
        if (targets_[i].health->well(now)) well |= 1U << i;
    }
    auto index = attempts.next(well);
    return index ? &targets_[*index] : nullptr;
}

Result<Groups> make_groups(const std::vector<config::Service>& services, const Groups& before) {
    TlsContext usual;  // of the services that say nothing about TLS
    Groups out;
    for (const config::Service& service : services) {
        const config::Upstream& upstream = service.upstream;
        TlsContext tls;
        if (std::any_of(upstream.addresses.begin(), upstream.addresses.end(),
                        [](const auto& one) { return one.tls; })) {
            config::UpstreamTls settings = upstream.tls;
            settings.server_name.clear();
            bool plain = settings == config::UpstreamTls{};
            if (!plain || !usual) {
                Result<TlsContext> made = client_tls(upstream.tls);
                if (!made)
                    return Error{made.error().code, "service \"" + service.name.text() + "\": " + made.error().message};
                tls = *made;
            }
            if (plain && !usual) usual = tls;
            if (plain) tls = usual;
        }
        auto same = std::find_if(before.begin(), before.end(),
                                 [&](const auto& group) { return group->service() == service.name.text(); });
        out.push_back(
            std::make_shared<const Group>(service, std::move(tls), same == before.end() ? nullptr : same->get()));
    }
    return out;
}

}  // namespace millrace::upstream
