// The answer to one JSON-RPC request, to be given now or later; the first one given counts.
#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace millrace::sim {

// lightningd's codes (common/jsonrpc_errors.h) that more than one file answers with.
namespace rpc_code {
constexpr int invalid_request = -32600;
constexpr int unknown_method = -32601;
constexpr int bad_params = -32602;
constexpr int general = -1;
constexpr int plugin_error = -3;
constexpr int plugin_terminated = -4;
}  // namespace rpc_code

class Reply {
  public:
    using Send = std::function<void(std::string)>;

    // `raw_id` is the request's id as it was sent.
    Reply(std::string raw_id, Send send);

    void result(const boost::json::value& value) const;
    void error(int code, std::string_view message) const;
    // `data` stands beside code and message.
    void error(int code, std::string_view message, const boost::json::value& data) const;
    // `member` is result or error; `json` its text, copied as it is.
    void raw(std::string_view member, std::string_view json) const;

    [[nodiscard]] bool answered() const { return state_->answered; }
    [[nodiscard]] const std::string& raw_id() const { return state_->raw_id; }

  private:
    struct State {
        std::string raw_id;
        Send send;
        bool answered = false;
    };
    std::shared_ptr<State> state_;
};

}  // namespace millrace::sim
