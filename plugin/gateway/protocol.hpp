// The plugin's side of the gateway protocol (common/gateway/messages.hpp), without I/O: fed lines, it says what was asked.
//
//   line    := {"jsonrpc":"2.0", "id":number|string, "method":text, "params":object} LF
//   reply   := {"jsonrpc":"2.0", "id":the same, "result":object} LF  |  {..., "error":{"code", "message"}} LF
//   notice  := {"jsonrpc":"2.0", "method":text, "params":object} LF
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/gateway/messages.hpp"

namespace millrace::gateway {

struct HelloCall {
    std::string client;
};
struct IssueCall {
    IssueRequest request;
};
struct BatchCall {
    std::vector<std::variant<IssueRequest, RpcError>> items;  // in order; those that cannot be read are errors
};
struct KeysCall {};
struct SubscribeCall {
    std::uint64_t next_pay_index = 0;
};
struct StatusCall {};
struct RefundCall {
    RefundRequest request;
};
using Call = std::variant<HelloCall, IssueCall, BatchCall, KeysCall, SubscribeCall, StatusCall, RefundCall>;

// `id` is the id as it came, byte for byte: a number may be beyond what a double holds.
struct Request {
    std::string id;
    Call call;
};

// What a client is told at once. `id` is "null" where the line has none that can be echoed.
struct Refusal {
    std::string id;
    RpcError error;
};

class Protocol {
  public:
    // One line without its LF.
    [[nodiscard]] std::variant<Request, Refusal> on_line(std::string_view line);

    [[nodiscard]] bool greeted() const { return greeted_; }

  private:
    std::variant<Call, RpcError> read_call(std::string_view method, const boost::json::value& params);

    bool greeted_ = false;
    bool subscribed_ = false;
};

// With LF. `raw_id` is echoed as it is.
[[nodiscard]] std::string result_line(std::string_view raw_id, const boost::json::object& result);
[[nodiscard]] std::string error_line(std::string_view raw_id, const RpcError& error);
[[nodiscard]] std::string notice_line(std::string_view method, boost::json::object params);

[[nodiscard]] boost::json::object to_json(const RpcError& error);

}  // namespace millrace::gateway
