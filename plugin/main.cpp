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

namespace millrace {
namespace {

namespace asio = boost::asio;
namespace bj = boost::json;

struct Settings {
    std::string socket;
    std::chrono::seconds challenge_expiry{};
    std::uint32_t challenges_per_second = 0;
    refunds::Limits refunds;
};

host::Manifest manifest() {
    return {{{"millrace-socket", "string", "millrace.sock",
              "The unix socket for millraced, relative to the network directory (default: millrace.sock)"},
             {"millrace-challenge-expiry", "int", 600,
              "Seconds in which the invoice of a challenge can be paid, at least 90 (default: 600)"},
             {"millrace-challenges-per-second", "int", 200,
              "Challenges issued per second at most; more are refused (default: 200)"},
             {"millrace-refund-daily-msat", "int", 0,
              "Millisatoshi, fees included, that refunds of deposits may cost in any 24 hours; 0: no refunds (default: 0)"},
             {"millrace-refund-max-fee-msat", "int", 5000,
              "Millisatoshi that a refund's payment may cost in fees (default: 5000)"},
             {"millrace-refund-max-fee-ppm", "int", 10000,
              "The same as millionths of the refund; the greater of the two counts (default: 10000)"}},
            {"block_added", "channel_state_changed", "connect", "disconnect", "invoice_payment", "shutdown"},
            {"htlc_accepted"}};
}

Result<Settings> read_settings(const bj::value& options) {
    json::Fields in(options, "options");
    Settings settings;
    settings.socket = in.string("millrace-socket");
    settings.challenge_expiry = std::chrono::seconds(in.u64("millrace-challenge-expiry", UINT32_MAX));
    settings.challenges_per_second = static_cast<std::uint32_t>(in.u64("millrace-challenges-per-second", 1'000'000));
    settings.refunds.daily = Msat(in.u64("millrace-refund-daily-msat", Msat::max_value));
    settings.refunds.max_fee = Msat(in.u64("millrace-refund-max-fee-msat", Msat::max_value));
    settings.refunds.max_fee_ppm = static_cast<std::uint32_t>(in.u64("millrace-refund-max-fee-ppm", 1'000'000));
    if (!in.fault() && settings.socket.empty()) {
        in.note(json::Errc::out_of_range, "millrace-socket", "must not be empty");
    }
    if (!in.fault() &&
        (settings.challenge_expiry < invoicing::min_expiry || settings.challenge_expiry > invoicing::max_expiry)) {
        in.note(json::Errc::out_of_range, "millrace-challenge-expiry",
                "must be from " + std::to_string(invoicing::min_expiry.count()) + " to " +
                    std::to_string(invoicing::max_expiry.count()) + " seconds");
    }
    if (!in.fault() && settings.challenges_per_second == 0) {
        in.note(json::Errc::out_of_range, "millrace-challenges-per-second", "must be at least 1");
    }
    if (in.fault()) return *in.fault();
    return settings;
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
    Millrace() : executor_(io_.get_executor()), signals_(io_), host_(executor_, STDIN_FILENO, STDOUT_FILENO, manifest(), commands(), callbacks()) {
        context_.world = {[] { return std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now()); },
                          [] { return std::chrono::steady_clock::now(); },
                          [](std::span<std::uint8_t> out) { crypto::fill_random(out); }};
        context_.latency = &host_.latency();
    }

    ~Millrace() {
        if (context_.gateway) context_.gateway->close();
    }

    void run() {
        // A Ctrl-C in lightningd's terminal reaches its plugins, too; lightningd says when to go.
        std::signal(SIGINT, SIG_IGN);
        std::signal(SIGPIPE, SIG_IGN);
        signals_.add(SIGTERM);
        signals_.async_wait([this](boost::system::error_code error, int) {
            if (!error) leave();
        });
        host_.start();
        io_.run();
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
                [this](host::HookTicket ticket, const bj::value& params) { context_.desk->handle(std::move(ticket), params); },
                [this](std::string_view topic, const bj::value& payload) { notified(topic, payload); },
                [this](bool gone) { gone ? leave() : finish_and_leave(); }};
    }

    // Answers at once; what must be asked of lightningd is asked afterwards. HTLCs that come meanwhile wait at the desk.
    std::optional<std::string> init(const host::InitMessage& message) {
        const auto settings = read_settings(message.options);
        if (!settings) return settings.error().message;
        style_.currency = bolt11::currency_of_network(message.network);
        style_.features = message.invoice_features;
        if (style_.currency.empty()) return "the network " + message.network + " is not known to millrace";

        const host::Log& log = host_.log();
        const std::string rpc_path = in_network_dir(message.lightning_dir, message.rpc_file);
        const auto client = [&] { return std::make_shared<lightning::RpcClient>(executor_, rpc_path, "millrace"); };
        context_.rpc = client();
        htlc_rpc_ = client();
        context_.ready = std::make_unique<host::Readiness>(executor_);
        context_.keys = std::make_unique<invoicing::KeyStore>(executor_, context_.rpc);
        context_.node = std::make_unique<node::NodeWatch>(executor_, client(), log);
        context_.issuer = std::make_unique<invoicing::Issuer>(
            invoicing::Issuer::Parts{client(), *context_.keys, *context_.node, *context_.ready, cache_, style_, context_.world},
            settings->challenge_expiry, settings->challenges_per_second);
        context_.desk = std::make_unique<invoicing::HtlcDesk>(invoicing::HtlcDesk::Parts{
            executor_, htlc_rpc_, *context_.keys, cache_, style_, context_.world, log});
        context_.settlements = std::make_unique<invoicing::Settlements>(executor_, client(), client(), *context_.keys, log);
        context_.refunder = std::make_unique<refunds::Refunder>(
            refunds::Refunder::Parts{executor_, client(), client(), *context_.keys, *context_.node, *context_.ready, style_, context_.world, log},
            settings->refunds, message.startup);
        context_.gateway = std::make_unique<gateway::Server>(
            executor_, in_network_dir(message.lightning_dir, settings->socket),
            gateway::Services{*context_.issuer, *context_.settlements, *context_.refunder, *context_.keys, *context_.node, *context_.ready,
                              [this] { return commands::status(context_); }, log});

        context_.keys->changed = [this] { context_.gateway->send_keys(); };
        context_.node->changed = [this] { context_.gateway->wake(); };
        context_.settlements->settled = [this] { context_.gateway->wake(); };
        // Whoever started the plugin finds the socket there.
        context_.gateway->open();
        asio::co_spawn(executor_, context_.gateway->run(), asio::detached);
        asio::co_spawn(executor_, start(), asio::detached);
        return std::nullopt;
    }

    asio::awaitable<void> start() {
        co_await persist("the keys", [this] { return context_.keys->load(); });
        context_.desk->open();
        co_await persist("the node", [this] { return context_.node->load(); });
        style_.min_final_cltv = invoicing::final_cltv_for(context_.node->identity().cltv_final);
        context_.ready->set();
        // Selling does not wait for it.
        asio::co_spawn(executor_, persist("what was refunded", [this] { return context_.refunder->load(); }), asio::detached);
        asio::co_spawn(executor_, context_.node->follow(), asio::detached);
        asio::co_spawn(executor_, context_.settlements->follow(), asio::detached);
        host_.log().info("millrace " MILLRACE_VERSION " sells on " + context_.node->identity().network + ", key epoch " +
                         std::to_string(context_.keys->epochs().current()));
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
    Millrace().run();
    return 0;
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
