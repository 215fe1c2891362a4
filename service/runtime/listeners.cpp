#include "service/runtime/listeners.hpp"

#include <algorithm>

#include "common/codec/log_text.hpp"
#include "service/log/log.hpp"
#include "service/runtime/server_tls.hpp"

namespace millrace::runtime {
namespace {

// What tells a listener from the others: its address as configured, and a count where several leave the port to the
// system.
std::string place_of(const config::Config& config, std::size_t index) {
    std::string text = config.listen[index].text();
    auto same = [&](const config::Listen& one) { return one.text() == text; };
    auto before =
        std::count_if(config.listen.begin(), config.listen.begin() + static_cast<std::ptrdiff_t>(index), same);
    return before == 0 ? text : text + '#' + std::to_string(before + 1);
}

}  // namespace

Result<std::vector<LoadedTls>> load_tls(const config::Config& config) {
    std::vector<LoadedTls> out;
    for (std::size_t i = 0; i < config.listen.size(); ++i) {
        const config::Listen& listen = config.listen[i];
        if (!listen.tls) continue;
        PairStamp stamp = stamp_of(*listen.tls);
        auto context = server_tls(*listen.tls);
        if (!context) return context.error();
        out.push_back({place_of(config, i), *listen.tls, stamp, std::move(*context)});
    }
    return out;
}

Result<void> Listeners::open(const config::Config& config, std::vector<listen::ActivatedSocket> passed) {
    auto loaded = load_tls(config);
    if (!loaded) return loaded.error();
    auto next_tls = loaded->begin();
    for (std::size_t i = 0; i < config.listen.size(); ++i) {
        const config::Listen& listen = config.listen[i];
        auto sockets = listen::open_sockets(executor_, listen, passed);
        if (!sockets) return sockets.error();
        std::shared_ptr<boost::asio::ssl::context> tls = listen.tls ? next_tls++->context : nullptr;
        auto role = listen.forward_auth ? front::ListenerRole::forward_auth : front::ListenerRole::requests;
        for (listen::ListeningSocket& socket : *sockets) {
            listeners_.push_back(std::make_unique<front::Listener>(std::move(socket), place_of(config, i), tls, role,
                                                                   workers_, descriptors_));
            log::info("listening on {}{}", listeners_.back()->url(), listen.forward_auth ? " (forward auth)" : "");
        }
    }
    for (const listen::ActivatedSocket& one : passed)
        log::warn("systemd passed a socket \"{}\" that no listen.address asks for", codec::log_text(one.name));
    use(*loaded);
    return {};
}

void Listeners::start() {
    for (auto& listener : listeners_) listener->start();
    certificates_.start();
}

void Listeners::stop() {
    for (auto& listener : listeners_) listener->stop();
    certificates_.stop();
}

void Listeners::use(const std::vector<LoadedTls>& loaded) {
    for (const auto& owned : listeners_) {
        front::Listener* listener = owned.get();
        auto tls = std::find_if(loaded.begin(), loaded.end(),
                                [&](const LoadedTls& one) { return one.place == listener->place(); });
        if (!listener->has_tls() || tls == loaded.end()) continue;
        listener->set_tls(tls->context);
        certificates_.watch(listener, tls->files, tls->stamp, listener->url(),
                            [listener](auto context) { listener->set_tls(std::move(context)); });
    }
}

}  // namespace millrace::runtime
