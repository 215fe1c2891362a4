#include "plugin/host/plugin_host.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <deque>
#include <exception>
#include <unordered_map>

#include "common/codec/log_text.hpp"
#include "common/json/text.hpp"
#include "plugin/host/envelope.hpp"
#include "plugin/host/filter.hpp"
#include "plugin/host/frame_reader.hpp"
#include "plugin/host/outbox.hpp"
#include "plugin/host/signal.hpp"
#include "plugin/host/utf8.hpp"

namespace millrace::host {

namespace asio = boost::asio;
namespace bj = boost::json;

namespace {

constexpr std::size_t log_backlog_limit = 1024 * 1024;  // bytes: beyond it log lines are dropped rather than kept
constexpr std::chrono::milliseconds expiry_interval{500};
constexpr int internal_error = -1;  // lightningd's general error code

bj::object error_object(const gateway::RpcError& error) {
    return {{"code", error.code}, {"message", error.message}};
}

std::string_view view(bj::string_view text) {
    return {text.data(), text.size()};
}

}  // namespace

struct PluginHost::Impl {
    Impl(asio::any_io_executor io, int in_fd, int out_fd, Manifest described, std::vector<Command> with,
         Callbacks calls)
        : executor(std::move(io)),
          in(executor, in_fd),
          out(executor, out_fd, [this] { close(true); }),
          guard([this](std::string reply, HookClock::time_point received, bool claimed) {
              send_hook_reply(std::move(reply), received, claimed);
          }),
          log([this](std::string_view level, std::string_view text) { send_log(level, text); }),
          manifest(std::move(described)),
          commands(std::move(with)),
          callbacks(std::move(calls)),
          expiry(executor) {
        in.non_blocking(true);
        for (const Command& command : commands) by_name.emplace(command.name, &command);
    }

    // --- out

    void send(std::string message) {
        message += "\n\n";
        out.send(is_utf8(message) ? std::move(message) : to_utf8(message));
    }

    void send_result(std::string_view raw_id, const bj::object& result) {
        send(R"({"jsonrpc":"2.0","id":)" + std::string(raw_id) + R"(,"result":)" + json::to_text(result) + "}");
    }

    void send_error(std::string_view raw_id, const gateway::RpcError& error) {
        send(R"({"jsonrpc":"2.0","id":)" + std::string(raw_id) + R"(,"error":)" + json::to_text(error_object(error)) +
             "}");
    }

    void send_reply(std::string_view raw_id, const CommandReply& reply, const Filter* filter) {
        if (const auto* error = std::get_if<gateway::RpcError>(&reply)) return send_error(raw_id, *error);
        const auto& result = std::get<bj::object>(reply);
        send_result(raw_id, filter == nullptr ? result : filter->apply(result));
    }

    // Some of what is logged came from outside: aliases, descriptions, the reasons of others.
    void send_log(std::string_view level, std::string_view text) {
        if (out.backlog() > log_backlog_limit) return;
        const bj::object message{{"jsonrpc", "2.0"},
                                 {"method", "log"},
                                 {"params", bj::object{{"level", level}, {"message", codec::log_text(text)}}}};
        send(bj::serialize(message));
    }

    void send_hook_reply(std::string reply, HookClock::time_point received, bool claimed) {
        out.send(std::move(reply), [this, received, claimed](HookClock::time_point sent) {
            const auto took = sent - received;
            latency.all.record(took);
            (claimed ? latency.claimed : latency.passed).record(took);
        });
    }

    // --- in

    void read() {
        const std::span<char> space = frames.prepare();
        in.async_read_some(asio::buffer(space.data(), space.size()),
                           [this](boost::system::error_code error, std::size_t size) {
                               if (error) {
                                   close(true);
                                   return;
                               }
                               const HookClock::time_point received = HookClock::now();
                               frames.commit(size);
                               while (const auto message = frames.next()) sort(*message, received);
                               if (frames.overflowed()) {
                                   close(true);
                                   return;
                               }
                               read();
                           });
    }

    // Forwards are answered here and now; everything else waits until what was read with it is through, and then goes one
    // message a turn of the loop, so that a forward never waits for more than one of them.
    void sort(std::string_view message, HookClock::time_point received) {
        const auto envelope = scan_envelope(message);
        if (!envelope) {
            log.warn("lightningd sent a message that is not JSON-RPC; it is ignored");
            return;
        }
        if (envelope->method == "htlc_accepted" && !envelope->id.empty() && lacks_payment_secret(message)) {
            guard.pass(envelope->id, received);
            return;
        }
        later.push_back({std::string(message), received});
        if (later.size() == 1) schedule();
    }

    void schedule() {
        asio::post(executor, [this] {
            handle(later.front().message, later.front().received);
            later.pop_front();
            if (!later.empty()) schedule();
        });
    }

    void handle(std::string_view message, HookClock::time_point received) {
        const auto envelope = scan_envelope(message);
        if (envelope->method == "htlc_accepted" && !envelope->id.empty()) {
            handle_htlc(message, envelope->id, received);
            return;
        }
        boost::system::error_code error;
        const bj::value parsed = bj::parse(bj::string_view(message.data(), message.size()), error);
        const bj::object* object = error ? nullptr : parsed.if_object();
        const bj::value* params = object == nullptr ? nullptr : object->if_contains("params");
        if (params == nullptr) {
            if (!envelope->id.empty()) {
                send_error(envelope->id,
                           {static_cast<int>(gateway::RpcCode::invalid_request), "no params, or not JSON"});
            }
            return;
        }
        if (envelope->id.empty()) {
            handle_notification(envelope->method, *params);
        } else {
            handle_request(envelope->id, envelope->method, *params, object->if_contains("filter"));
        }
    }

    void handle_htlc(std::string_view message, std::string_view raw_id, HookClock::time_point received) {
        try {
            HookTicket ticket = guard.open(raw_id, received);
            const bj::value parsed = bj::parse(bj::string_view(message.data(), message.size()));
            callbacks.htlc_accepted(std::move(ticket), parsed.at("params"));
        } catch (const std::exception& error) {
            // The ticket is gone by now, which answered the call.
            log.error(std::string("while looking at an HTLC: ") + error.what());
        }
    }

    void handle_notification(std::string_view topic, const bj::value& params) {
        if (topic == "shutdown") {
            close(false);
            return;
        }
        const bj::object* members = params.if_object();
        const bj::value* payload =
            members == nullptr ? nullptr : members->if_contains(bj::string_view(topic.data(), topic.size()));
        try {
            if (payload != nullptr) callbacks.notified(topic, *payload);
        } catch (const std::exception& error) {
            log.error("while handling the notification " + std::string(topic) + ": " + error.what());
        }
    }

    void handle_request(std::string_view raw_id, std::string_view method, const bj::value& params,
                        const bj::value* filter) {
        if (method == "getmanifest") {
            send_result(raw_id, to_json(manifest, commands));
        } else if (method == "init") {
            handle_init(raw_id, params);
        } else if (method == "check") {
            handle_check(raw_id, params);
        } else if (method == "setconfig") {
            set_option(raw_id, params, false);
        } else {
            run(raw_id, method, params, filter);
        }
    }

    void handle_init(std::string_view raw_id, const bj::value& params) {
        std::optional<Unfit> unfit;
        const auto message = parse_init(params);
        try {
            unfit = message ? callbacks.init(*message)
                            : std::optional(Unfit{Unfit::Kind::disabled, message.error().message});
        } catch (const std::exception& error) {
            unfit = Unfit{Unfit::Kind::disabled, error.what()};
        }
        if (!unfit) return send_result(raw_id, {});
        if (unfit->kind == Unfit::Kind::wrong_option) {
            log.error("millrace does not run: " + unfit->reason);
            return callbacks.misconfigured(unfit->reason);
        }
        // lightningd itself mentions it only at debug level.
        log.warn("millrace does not run: " + unfit->reason);
        send_result(raw_id, {{"disable", unfit->reason}});
    }

    // params: {"config": name, "val": text}
    void set_option(std::string_view raw_id, const bj::value& params, bool only_check) {
        const bj::object* members = params.if_object();
        const bj::value* option = members == nullptr ? nullptr : members->if_contains("config");
        const bj::value* value = members == nullptr ? nullptr : members->if_contains("val");
        std::optional<std::string> fault;
        if (option == nullptr || !option->is_string() || value == nullptr || !value->is_string()) {
            fault = "setconfig: config and val must be strings";
        } else {
            fault = callbacks.setconfig(view(option->get_string()), view(value->get_string()), only_check);
        }
        if (fault) return send_error(raw_id, {static_cast<int>(gateway::RpcCode::bad_params), *fault});
        send_result(raw_id, only_check ? bj::object{{"command_to_check", "setconfig"}} : bj::object{});
    }

    Prepared prepare(std::string_view method, const bj::value& params) {
        const auto found = by_name.find(std::string(method));
        if (found == by_name.end()) {
            return gateway::RpcError{static_cast<int>(gateway::RpcCode::unknown_method),
                                     "Unknown command '" + std::string(method) + "'"};
        }
        const Command& command = *found->second;
        Arguments arguments(command.parameters, params);
        if (arguments.fault()) return *arguments.fault();
        Prepared prepared = command.prepare(arguments);
        if (arguments.fault()) return *arguments.fault();
        return prepared;
    }

    // params: [command, parameter, ...] or {"command_to_check": command, name: value, ...}
    void handle_check(std::string_view raw_id, const bj::value& params) {
        bj::value rest;
        const bj::value* command = nullptr;
        if (const bj::array* positional = params.if_array(); positional != nullptr && !positional->empty()) {
            command = &positional->front();
            rest = bj::array(positional->begin() + 1, positional->end());
        } else if (const bj::object* named = params.if_object()) {
            command = named->if_contains("command_to_check");
            bj::object members = *named;
            members.erase("command_to_check");
            rest = std::move(members);
        }
        if (command == nullptr || !command->is_string()) {
            send_error(raw_id, {static_cast<int>(gateway::RpcCode::bad_params),
                                "missing required parameter: command_to_check"});
            return;
        }
        const std::string_view method = view(command->get_string());
        if (method == "setconfig") return set_option(raw_id, params, true);
        const Prepared prepared = prepare(method, rest);
        if (const auto* error = std::get_if<gateway::RpcError>(&prepared)) {
            send_error(raw_id, *error);
        } else {
            send_result(raw_id, bj::object{{"command_to_check", method}});
        }
    }

    void run(std::string_view raw_id, std::string_view method, const bj::value& params, const bj::value* wanted) {
        std::shared_ptr<const Filter> filter;
        if (wanted != nullptr) {
            auto parsed = Filter::parse(*wanted);
            if (const auto* error = std::get_if<gateway::RpcError>(&parsed)) return send_error(raw_id, *error);
            filter = std::make_shared<const Filter>(std::move(std::get<Filter>(parsed)));
        }
        Prepared prepared = prepare(method, params);
        if (const auto* error = std::get_if<gateway::RpcError>(&prepared)) {
            send_error(raw_id, *error);
            return;
        }
        asio::co_spawn(executor, std::get<Job>(prepared)(),
                       [this, id = std::string(raw_id), job = std::get<Job>(prepared), filter](
                           const std::exception_ptr& thrown, const CommandReply& reply) {
                           if (!thrown) {
                               send_reply(id, reply, filter.get());
                               return;
                           }
                           try {
                               std::rethrow_exception(thrown);
                           } catch (const std::exception& error) {
                               log.error(std::string("a command failed: ") + error.what());
                           }
                           send_error(id, {internal_error, "internal error of millrace: see lightningd's log"});
                       });
    }

    void watch_time_limits() {
        expiry.expires_after(expiry_interval);
        expiry.async_wait([this](boost::system::error_code error) {
            if (error) return;
            if (const std::size_t overdue = guard.expire(HookClock::now()); overdue > 0) {
                log.warn(std::to_string(overdue) + " HTLCs were let go: lightningd did not answer us in time");
            }
            watch_time_limits();
        });
    }

    void close(bool gone) {
        if (gone) guard.silence();
        if (closed && !gone) return;
        closed = true;
        callbacks.closing(gone);
    }

    asio::any_io_executor executor;
    asio::posix::stream_descriptor in;
    Outbox out;
    HookGuard guard;
    Log log;
    HookLatency latency;
    Manifest manifest;
    std::vector<Command> commands;
    std::unordered_map<std::string, const Command*> by_name;
    Callbacks callbacks;
    struct Message {
        std::string message;
        HookClock::time_point received;
    };

    FrameReader frames;
    std::deque<Message> later;
    asio::steady_timer expiry;
    bool closed = false;
};

PluginHost::PluginHost(asio::any_io_executor executor, int in, int out, Manifest manifest,
                       std::vector<Command> commands, Callbacks callbacks)
    : impl_(std::make_unique<Impl>(std::move(executor), in, out, std::move(manifest), std::move(commands),
                                   std::move(callbacks))) {}

PluginHost::~PluginHost() {
    impl_->guard.silence();
}

void PluginHost::start() {
    impl_->read();
    impl_->watch_time_limits();
}

const Log& PluginHost::log() const {
    return impl_->log;
}
const HookLatency& PluginHost::latency() const {
    return impl_->latency;
}
std::size_t PluginHost::outstanding_hooks() const {
    return impl_->guard.outstanding();
}

}  // namespace millrace::host
