// millrace, the Core Lightning plugin. Makes the long-lived objects and is the only place that knows them all.
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <iostream>
#include <iterator>
#include <string>

#include "common/crypto/hash.hpp"
#include "common/json/fields.hpp"
#include "plugin/commands/commands.hpp"
#include "plugin/settings.hpp"

namespace millrace {
namespace {

namespace asio = boost::asio;
namespace bj = boost::json;

host::Manifest manifest() {
    return {options(),
            {"block_added", "channel_state_changed", "connect", "disconnect", "invoice_payment", "shutdown"},
            {"htlc_accepted"}};
}

// `file` as lightningd means it. The plugin runs in the network directory, where the plain name is shorter than a unix
// socket's address allows for.
std::string in_network_dir(const std::string& directory, const std::string& file) {
    if (!file.empty() && file.front() == '/') return file;
    std::array<char, 4096> here{};
    if (::getcwd(here.data(), here.size()) != nullptr && directory == here.data()) return file;
    return directory + "/" + file;
}

class Millrace {
  public:
    Millrace()
        : executor_(io_.get_executor()),
          signals_(io_),
          host_(executor_, STDIN_FILENO, STDOUT_FILENO, manifest(), commands(), callbacks()) {
        context_.world = {
            [] { return std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now()); },
            [] { return std::chrono::steady_clock::now(); },
            [](std::span<std::uint8_t> out) { crypto::fill_random(out); }};
        context_.latency = &host_.latency();
    }

    ~Millrace() {
        if (context_.gateway) context_.gateway->close();
    }

    // The exit code.
    int run() {
        // A Ctrl-C in lightningd's terminal reaches its plugins, too; lightningd says when to go.
        std::signal(SIGINT, SIG_IGN);
        std::signal(SIGPIPE, SIG_IGN);
        signals_.add(SIGTERM);
        signals_.async_wait([this](boost::system::error_code error, int) {
            if (!error) leave();
        });
        host_.start();
        io_.run();
        return failed_ ? 1 : 0;
    }

  private:
    std::vector<host::Command> commands() {
        std::vector<host::Command> all;
        for (auto&& group : {commands::issue_commands(context_), commands::verify_commands(context_),
                             commands::settlement_commands(context_), commands::refund_commands(context_),
                             commands::key_commands(context_), commands::status_commands(context_)}) {
            all.insert(all.end(), group.begin(), group.end());
        }
        return all;
    }

    host::PluginHost::Callbacks callbacks() {
        return {[this](const host::InitMessage& message) { return init(message); },
                [this](std::string_view option, std::string_view value, bool only_check) {
                    return set_option(option, value, only_check);
                },
                [this](host::HookTicket ticket, const bj::value& params) {
                    context_.desk->handle(std::move(ticket), params);
                },
                [this](std::string_view topic, const bj::value& payload) { notified(topic, payload); },
                [this](bool gone) { gone ? leave() : finish_and_leave(); },
                [this](const std::string& reason) {
                    std::cerr << "millrace: " << reason << std::endl;
                    failed_ = true;
                    leave();
                }};
    }

    // Answers at once; what must be asked of lightningd is asked afterwards. HTLCs that come meanwhile wait at the desk.
    std::optional<host::Unfit> init(const host::InitMessage& message) {
        using host::Unfit;
        const auto settings = read_settings(message.options);
        if (!settings) return Unfit{Unfit::Kind::wrong_option, settings.error().message};
        settings_ = *settings;
        style_.currency = bolt11::currency_of_network(message.network);
        style_.features = message.invoice_features;
        if (style_.currency.empty())
            return Unfit{Unfit::Kind::disabled, "the network " + message.network + " is not known to millrace"};

        const host::Log& log = host_.log();
        const std::string rpc_path = in_network_dir(message.lightning_dir, message.rpc_file);
        const auto client = [&] { return std::make_shared<lightning::RpcClient>(executor_, rpc_path, "millrace"); };
        context_.rpc = client();
        htlc_rpc_ = client();
        context_.ready = std::make_unique<host::Readiness>(executor_);
        context_.keys = std::make_unique<invoicing::KeyStore>(executor_, context_.rpc);
        context_.node = std::make_unique<node::NodeWatch>(executor_, client(), log);
        context_.issuer = std::make_unique<invoicing::Issuer>(
            invoicing::Issuer::Parts{client(), *context_.keys, *context_.node, *context_.ready, cache_, style_,
                                     context_.world},
            settings->challenge_expiry, settings->challenges_per_second);
        context_.accepted = std::make_unique<invoicing::AcceptedLog>(executor_, htlc_rpc_, context_.world.now, log);
        context_.desk = std::make_unique<invoicing::HtlcDesk>(invoicing::HtlcDesk::Parts{
            executor_, htlc_rpc_, *context_.keys, *context_.accepted, cache_, style_, context_.world, log});
        context_.settlements =
            std::make_unique<invoicing::Settlements>(executor_, client(), client(), *context_.keys, log);
        context_.refunder = std::make_unique<refunds::Refunder>(
            refunds::Refunder::Parts{executor_, client(), client(), *context_.keys, *context_.node, *context_.ready,
                                     style_, context_.world, log},
            settings->refunds, message.startup);
        context_.gateway = std::make_unique<gateway::Server>(
            executor_, in_network_dir(message.lightning_dir, settings->socket),
            gateway::Services{*context_.issuer, *context_.settlements, *context_.refunder, *context_.keys,
                              *context_.node, *context_.ready, [this] { return commands::status(context_); }, log});

        context_.keys->changed = [this] { context_.gateway->send_keys(); };
        context_.node->changed = [this] { context_.gateway->wake(); };
        context_.settlements->settled = [this] { context_.gateway->wake(); };
        // Whoever started the plugin finds the socket there, or is told why not. A node that starts goes on without it: the
        // folder may be one that the service brings along.
        if (!context_.gateway->open() && !message.startup)
            return Unfit{Unfit::Kind::disabled,
                         "millrace-socket=" + settings->socket + ": " + context_.gateway->trouble().value_or("")};
        asio::co_spawn(executor_, context_.gateway->run(), asio::detached);
        asio::co_spawn(executor_, start(), asio::detached);
        return std::nullopt;
    }

    std::optional<std::string> set_option(std::string_view option, std::string_view value, bool only_check) {
        const auto changed = with_option(settings_, option, value);
        if (!changed) return changed.error().message;
        if (only_check) return std::nullopt;
        settings_ = *changed;
        if (!context_.issuer) return std::nullopt;
        context_.issuer->configure(settings_.challenge_expiry, settings_.challenges_per_second);
        context_.refunder->configure(settings_.refunds);
        host_.log().info(std::string(option) + " is now " + std::string(value));
        return std::nullopt;
    }

    asio::awaitable<void> start() {
        co_await persist("the keys", [this] { return context_.keys->load(); });
        co_await persist("what was accepted", [this] { return context_.accepted->load(); });
        context_.desk->open();
        co_await persist("the node", [this] { return context_.node->load(); });
        style_.min_final_cltv = invoicing::final_cltv_for(context_.node->identity().cltv_final);
        context_.ready->set();
        // Selling does not wait for it.
        asio::co_spawn(executor_, persist("what was refunded", [this] { return context_.refunder->load(); }),
                       asio::detached);
        asio::co_spawn(executor_, context_.node->follow(), asio::detached);
        asio::co_spawn(executor_, context_.settlements->follow(), asio::detached);
        host_.log().info("millrace " MILLRACE_VERSION " sells on " + context_.node->identity().network +
                         ", key epoch " + std::to_string(context_.keys->epochs().current()));
    }

    // Tries until it succeeds.
    asio::awaitable<void> persist(std::string what, std::function<asio::awaitable<Result<void>>()> load) {
        std::chrono::milliseconds wait{100};
        constexpr std::chrono::milliseconds longest{5000};
        std::string complaint;
        while (true) {
            const Result<void> done = co_await load();
            if (done) co_return;
            if (done.error().message != complaint) {
                complaint = done.error().message;
                host_.log().warn(what + " cannot be loaded yet: " + complaint);
            }
            co_await host::pause(executor_, wait);
            wait = std::min(2 * wait, longest);
        }
    }

    void notified(std::string_view topic, const bj::value& payload) {
        if (!context_.node) return;
        if (topic == "block_added") {
            json::Fields in(payload, "block_added");
            const auto height = static_cast<std::uint32_t>(in.u64("height", UINT32_MAX));
            if (!in.fault()) context_.node->on_block(height);
        } else {
            context_.node->on_change();
        }
    }

    // lightningd still listens to answers, but answers our own calls no more where it is going down as a whole.
    void finish_and_leave() {
        constexpr std::chrono::milliseconds step{10};
        constexpr std::chrono::milliseconds patience{1000};
        if (context_.gateway) context_.gateway->close();
        if (host_.outstanding_hooks() == 0 || left_waiting_ >= patience) {
            leave();
            return;
        }
        left_waiting_ += step;
        leaving_.expires_after(step);
        leaving_.async_wait([this](boost::system::error_code error) {
            if (!error) finish_and_leave();
        });
    }

    void leave() { io_.stop(); }

    // The context first: everything else holds on to it, suspended coroutines included.
    asio::io_context io_{1};
    asio::any_io_executor executor_;
    asio::signal_set signals_;
    asio::steady_timer leaving_{io_};
    std::chrono::milliseconds left_waiting_{0};
    bool failed_ = false;
    Settings settings_;
    invoicing::InvoiceStyle style_;
    invoicing::ChallengeCache cache_;
    std::shared_ptr<lightning::RpcClient> htlc_rpc_;
    commands::Context context_;
    host::PluginHost host_;
};

int run(int argc, char** argv) {
    if (argc > 1 && std::string_view(argv[1]) == "--version") {
        std::cout << "millrace " MILLRACE_VERSION "\n";
        return 0;
    }
    if (::isatty(STDIN_FILENO) != 0) {
        std::cerr << "millrace " MILLRACE_VERSION " is a Core Lightning plugin: put `plugin=" << argv[0]
                  << "` into lightningd's configuration, or run `lightning-cli plugin start " << argv[0] << "`.\n";
        return 1;
    }
    return Millrace().run();
}

}  // namespace
}  // namespace millrace

int main(int argc, char** argv) {
    try {
        return millrace::run(argc, argv);
    } catch (const std::exception& error) {
        std::cerr << "millrace: " << error.what() << "\n";
        return 1;
    }
}
