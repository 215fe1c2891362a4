// The service's side of the gateway protocol (common/gateway/messages.hpp) without its socket: fed lines and time, it
// says what to send and what happened.
//
//   connected() -> hello -> keys, subscribe (from the node's stored cursor) -> ready
//   issue(): what waits while a write is under way leaves as one batch
//
// One object for all connections, one after another; not thread-safe.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/gateway/messages.hpp"
#include "service/gateway/client_error.hpp"

namespace millrace::gateway {

class Protocol {
  public:
    using Clock = std::chrono::steady_clock;
    using IssueDone = std::function<void(Result<IssuedChallenge>)>;

    // A refund that the plugin does not pay.
    struct RefundRefused {
        std::optional<RefundRefusal> why;  // empty: a reason that is not known here
        std::string message;
    };
    using RefundAnswer = std::variant<RefundReply, RefundRefused>;
    using RefundDone = std::function<void(Result<RefundAnswer>)>;

    // What the protocol asks of, and tells, its owner.
    struct Events {
        // Why nothing is to do with this node, which then hears no more.
        std::function<std::optional<Error>(const HelloReply&)> objection;
        std::function<std::uint64_t(const std::string& node_id)> next_pay_index;
        std::function<void(const HelloReply&)> ready;
        std::function<void(const Keys&)> keys;
        std::function<void(const std::string& node_id, const Settlement&)> settlement;
        std::function<void(const NodeFigures&)> node;
        std::function<void(std::string_view method, std::chrono::duration<double> took)> answered;
    };

    explicit Protocol(Events events) : events_(std::move(events)) {}

    void connected(Clock::time_point now);
    // Fails what is under way. `why` becomes the message of the waiting callers' errors.
    void disconnected(std::string_view why);
    [[nodiscard]] bool ready() const { return state_ == State::ready; }

    // One line without its LF. An error means that the connection is of no use any more. Errors: bad_answer, refused.
    [[nodiscard]] Result<void> receive(std::string_view line, Clock::time_point now);

    // `done` is called exactly once: at once where there is no connection. Errors: unavailable, rate_limited, refused.
    void issue(IssueRequest request, Clock::time_point now, IssueDone done);

    // As issue(). An error says nothing about whether the refund was or will be paid: ask again.
    void refund(const RefundRequest& request, Clock::time_point now, RefundDone done);

    // What is to be sent now, with line ends; empty: nothing.
    [[nodiscard]] std::string take_output(Clock::time_point now);

    // Fails calls that have waited for longer than call_timeout. An error where the connection itself hangs:
    // unavailable.
    [[nodiscard]] Result<void> expire(Clock::time_point now);

    static constexpr std::chrono::seconds call_timeout{10};
    static constexpr std::size_t max_waiting = 10'000;  // issue calls in all; beyond it they fail as unavailable

  private:
    enum class State { disconnected, greeting, preparing, ready };
    enum class Method { hello, keys, subscribe, issue, refund };

    struct Waiting {
        IssueRequest request;
        IssueDone done;
        Clock::time_point since;
    };
    struct Call {
        Method method;
        bool batch = false;
        std::vector<IssueDone> issues;
        Clock::time_point since;
        RefundDone refund = {};
    };

    static void fail_call(Call& call, const Error& error);
    void send(Method method, boost::json::object params, Clock::time_point now, std::vector<IssueDone> issues = {},
              bool batch = false);
    void send_waiting(Clock::time_point now);
    Result<void> receive_reply(const boost::json::object& message, Clock::time_point now);
    Result<void> receive_notification(std::string_view method, const boost::json::value& params);
    Result<void> receive_result(Call& call, const boost::json::value& result, Clock::time_point now);
    static void receive_refund(Call& call, const boost::json::value& result);
    void receive_issued(Call& call, const boost::json::value& result);

    Events events_;
    State state_ = State::disconnected;
    HelloReply hello_;
    bool have_keys_ = false;
    bool subscribed_ = false;
    std::uint64_t next_id_ = 1;
    std::map<std::uint64_t, Call> calls_;
    std::vector<Waiting> waiting_;
    std::size_t issues_in_calls_ = 0;
    std::string output_;
};

}  // namespace millrace::gateway
