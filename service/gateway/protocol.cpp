#include "service/gateway/protocol.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace millrace {

const char* ErrcText<gateway::ClientErrc>::text(gateway::ClientErrc errc) {
    switch (errc) {
        case gateway::ClientErrc::unavailable:
            return "the node cannot be reached";
        case gateway::ClientErrc::rate_limited:
            return "the node issues no more challenges at the moment";
        case gateway::ClientErrc::refused:
            return "the node refused";
        case gateway::ClientErrc::limited:
            return "too many invoices asked for";
        case gateway::ClientErrc::unrecordable:
            return "the store cannot be written";
        case gateway::ClientErrc::bad_answer:
            return "the plugin's answer is not understood";
        case gateway::ClientErrc::unpayable:
            return "nobody can pay the node";
        case gateway::ClientErrc::foreign_node:
            return "the gateway belongs to another node";
    }
    return "unknown gateway error";
}

namespace gateway {
namespace {

constexpr const char* method_names[] = {"hello", "keys", "subscribe", "issue", "refund"};

RpcError rpc_error_of(const boost::json::value& value) {
    const boost::json::object* object = value.if_object();
    const boost::json::value* code = object ? object->if_contains("code") : nullptr;
    const boost::json::value* message = object ? object->if_contains("message") : nullptr;
    std::int64_t number = code && code->is_int64()    ? code->get_int64()
                          : code && code->is_uint64() ? static_cast<std::int64_t>(code->get_uint64())
                                                      : 0;
    std::string text = message && message->is_string() ? std::string(message->get_string()) : "no reason given";
    return {static_cast<int>(number), std::move(text)};
}

Error error_of(const boost::json::value& value) {
    const auto [number, text] = rpc_error_of(value);
    if (number == static_cast<int>(RpcCode::rate_limited)) return fail(ClientErrc::rate_limited, text);
    if (number == static_cast<int>(RpcCode::not_ready)) return fail(ClientErrc::unavailable, text);
    return fail(ClientErrc::refused, text + " (" + std::to_string(number) + ')');
}

Result<IssuedChallenge> challenge_of(const boost::json::value& result) {
    Result<IssuedChallenge> challenge = parse_issued_challenge(result);
    if (!challenge) return fail(ClientErrc::bad_answer, challenge.error().message);
    return challenge;
}

}  // namespace

void Protocol::connected(Clock::time_point now) {
    state_ = State::greeting;
    have_keys_ = subscribed_ = false;
    output_.clear();
    Hello hello{protocol_version, "millraced " MILLRACE_VERSION};
    send(Method::hello, to_json(hello), now);
}

void Protocol::disconnected(std::string_view why) {
    state_ = State::disconnected;
    output_.clear();
    issues_in_calls_ = 0;
    std::map<std::uint64_t, Call> calls = std::move(calls_);
    std::vector<Waiting> waiting = std::move(waiting_);
    calls_.clear();
    waiting_.clear();
    for (auto& [id, call] : calls) {
        fail_call(call, fail(ClientErrc::unavailable, why));
    }
    for (Waiting& one : waiting) one.done(fail(ClientErrc::unavailable, why));
}

void Protocol::send(Method method, boost::json::object params, Clock::time_point now, std::vector<IssueDone> issues,
                    bool batch) {
    std::uint64_t id = next_id_++;
    issues_in_calls_ += issues.size();
    calls_.emplace(id, Call{method, batch, std::move(issues), now});
    boost::json::object message{{"jsonrpc", "2.0"},
                                {"id", id},
                                {"method", method_names[static_cast<int>(method)]},
                                {"params", std::move(params)}};
    output_ += boost::json::serialize(message);
    output_ += '\n';
}

void Protocol::issue(IssueRequest request, Clock::time_point now, IssueDone done) {
    if (state_ != State::ready) return done(fail(ClientErrc::unavailable, "no connection to the plugin"));
    if (waiting_.size() + issues_in_calls_ >= max_waiting)
        return done(fail(ClientErrc::unavailable, "too many challenges wait for the plugin"));
    waiting_.push_back({std::move(request), std::move(done), now});
}

void Protocol::refund(const RefundRequest& request, Clock::time_point now, RefundDone done) {
    if (state_ != State::ready) return done(fail(ClientErrc::unavailable, "no connection to the plugin"));
    const std::uint64_t id = next_id_;
    send(Method::refund, to_json(request), now);
    calls_.at(id).refund = std::move(done);
}

void Protocol::fail_call(Call& call, const Error& error) {
    for (IssueDone& done : call.issues) done(error);
    if (call.refund) call.refund(error);
}

void Protocol::send_waiting(Clock::time_point now) {
    std::size_t at = 0;
    while (at < waiting_.size()) {
        std::size_t count = std::min(waiting_.size() - at, max_batch);
        std::vector<IssueDone> dones;
        boost::json::array batch;
        for (std::size_t i = at; i < at + count; ++i) {
            dones.push_back(std::move(waiting_[i].done));
            batch.push_back(to_json(waiting_[i].request));
        }
        at += count;
        if (count == 1)
            send(Method::issue, std::move(batch[0].as_object()), now, std::move(dones));
        else
            send(Method::issue, boost::json::object{{"batch", std::move(batch)}}, now, std::move(dones), true);
    }
    waiting_.clear();
}

std::string Protocol::take_output(Clock::time_point now) {
    if (state_ == State::ready) send_waiting(now);
    return std::exchange(output_, {});
}

Result<void> Protocol::expire(Clock::time_point now) {
    bool hangs = false;
    for (auto call = calls_.begin(); call != calls_.end();) {
        if (now - call->second.since < call_timeout) {
            ++call;
            continue;
        }
        hangs = true;
        Call late = std::move(call->second);
        issues_in_calls_ -= late.issues.size();
        call = calls_.erase(call);
        fail_call(late, fail(ClientErrc::unavailable, "the plugin did not answer in time"));
    }
    if (hangs) return fail(ClientErrc::unavailable, "the plugin did not answer in time");
    return {};
}

Result<void> Protocol::receive(std::string_view line, Clock::time_point now) {
    if (line.empty()) return {};
    boost::system::error_code bad_json;
    boost::json::value value = boost::json::parse(line, bad_json);
    const boost::json::object* message = bad_json ? nullptr : value.if_object();
    if (!message) return fail(ClientErrc::bad_answer, "not a JSON object");
    const boost::json::value* method = message->if_contains("method");
    if (!method) return receive_reply(*message, now);
    const boost::json::value* params = message->if_contains("params");
    if (!method->is_string() || !params) return fail(ClientErrc::bad_answer, "a notification without method or params");
    return receive_notification(method->get_string(), *params);
}

Result<void> Protocol::receive_reply(const boost::json::object& message, Clock::time_point now) {
    const boost::json::value* id = message.if_contains("id");
    std::uint64_t number = id && id->is_int64()    ? static_cast<std::uint64_t>(id->get_int64())
                           : id && id->is_uint64() ? id->get_uint64()
                                                   : 0;
    auto entry = calls_.find(number);
    if (entry == calls_.end()) return {};  // given up meanwhile
    Call call = std::move(entry->second);
    calls_.erase(entry);
    issues_in_calls_ -= call.issues.size();
    events_.answered(method_names[static_cast<int>(call.method)], now - call.since);
    if (const boost::json::value* error = message.if_contains("error"); error && !error->is_null()) {
        if (call.method == Method::refund) {
            const RpcError told = rpc_error_of(*error);
            if (told.code == static_cast<int>(RpcCode::refund_refused))
                call.refund(RefundAnswer(RefundRefused{refusal_of(told), told.message}));
            else
                call.refund(error_of(*error));
            return {};
        }
        Error refusal = error_of(*error);
        if (call.method != Method::issue) return refusal;
        for (IssueDone& done : call.issues) done(refusal);
        return {};
    }
    const boost::json::value* result = message.if_contains("result");
    if (!result) {
        Error fault = fail(ClientErrc::bad_answer, "neither result nor error");
        fail_call(call, fault);
        return fault;
    }
    return receive_result(call, *result, now);
}

Result<void> Protocol::receive_result(Call& call, const boost::json::value& result, Clock::time_point now) {
    switch (call.method) {
        case Method::issue:
            receive_issued(call, result);
            return {};
        case Method::refund:
            receive_refund(call, result);
            return {};
        case Method::hello: {
            Result<HelloReply> reply = parse_hello_reply(result);
            if (!reply) return fail(ClientErrc::bad_answer, reply.error().message);
            if (reply->protocol != protocol_version) {
                return fail(ClientErrc::refused, "the plugin speaks protocol " + std::to_string(reply->protocol) +
                                                     ", this millraced speaks " + std::to_string(protocol_version) +
                                                     ": install the same version of both");
            }
            if (std::optional<Error> foreign = events_.objection(*reply)) return *std::move(foreign);
            hello_ = *reply;
            state_ = State::preparing;
            send(Method::keys, {}, now);
            boost::json::object from{{"next_pay_index", events_.next_pay_index(hello_.node_id)}};
            send(Method::subscribe, std::move(from), now);
            return {};
        }
        case Method::keys: {
            Result<Keys> keys = parse_keys(result);
            if (!keys) return fail(ClientErrc::bad_answer, keys.error().message);
            events_.keys(*keys);
            have_keys_ = true;
            break;
        }
        case Method::subscribe:
            subscribed_ = true;
            break;
    }
    if (state_ == State::preparing && have_keys_ && subscribed_) {
        state_ = State::ready;
        events_.ready(hello_);
    }
    return {};
}

void Protocol::receive_refund(Call& call, const boost::json::value& result) {
    const Result<RefundReply> reply = parse_refund_reply(result);
    if (!reply) return call.refund(fail(ClientErrc::bad_answer, reply.error().message));
    call.refund(RefundAnswer(*reply));
}

void Protocol::receive_issued(Call& call, const boost::json::value& result) {
    if (!call.batch) return call.issues.front()(challenge_of(result));
    const boost::json::object* object = result.if_object();
    const boost::json::value* member = object ? object->if_contains("batch") : nullptr;
    const boost::json::array* answers = member ? member->if_array() : nullptr;
    for (std::size_t i = 0; i < call.issues.size(); ++i) {
        const boost::json::object* answer = answers && i < answers->size() ? (*answers)[i].if_object() : nullptr;
        const boost::json::value* good = answer ? answer->if_contains("result") : nullptr;
        const boost::json::value* bad = answer ? answer->if_contains("error") : nullptr;
        if (good)
            call.issues[i](challenge_of(*good));
        else if (bad)
            call.issues[i](error_of(*bad));
        else
            call.issues[i](fail(ClientErrc::bad_answer, "a batch with fewer answers than questions"));
    }
}

Result<void> Protocol::receive_notification(std::string_view method, const boost::json::value& params) {
    const boost::json::object* object = params.if_object();
    if (!object) return fail(ClientErrc::bad_answer, "a notification's params are not an object");
    auto member = [object](std::string_view name) -> const boost::json::value& {
        static const boost::json::value null;
        const boost::json::value* found = object->if_contains(name);
        return found ? *found : null;
    };
    if (method == "settlement") {
        Result<Settlement> settlement = parse_settlement(member("settlement"));
        if (!settlement) return fail(ClientErrc::bad_answer, settlement.error().message);
        events_.settlement(hello_.node_id, *settlement);
    } else if (method == "node") {
        Result<NodeFigures> figures = parse_node_figures(member("node"));
        if (!figures) return fail(ClientErrc::bad_answer, figures.error().message);
        events_.node(*figures);
    } else if (method == "keys") {
        Result<Keys> keys = parse_keys(params);
        if (!keys) return fail(ClientErrc::bad_answer, keys.error().message);
        events_.keys(*keys);
        have_keys_ = true;
    }
    return {};  // newer plugins may tell more than we know
}

}  // namespace gateway
}  // namespace millrace
