#include "plugin/gateway/protocol.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "common/json/fields.hpp"
#include "common/json/raw.hpp"
#include "common/json/text.hpp"

namespace millrace::gateway {

namespace bj = boost::json;

namespace {

constexpr int parse_error = -32700;  // JSON-RPC 2.0

std::string_view view(bj::string_view text) {
    return {text.data(), text.size()};
}

RpcError error(RpcCode code, std::string message) {
    return {static_cast<int>(code), std::move(message)};
}

RpcError bad_params(const Error& fault) {
    return error(RpcCode::bad_params, fault.message);
}

std::variant<Call, RpcError> read_issue(const bj::value& params) {
    const bj::object* members = params.if_object();
    const bj::value* batch = members == nullptr ? nullptr : members->if_contains("batch");
    if (batch == nullptr) {
        auto request = parse_issue_request(params);
        if (!request) return bad_params(request.error());
        return Call(IssueCall{std::move(*request)});
    }
    const bj::array* items = batch->if_array();
    if (items == nullptr || members->size() != 1) {
        return error(RpcCode::bad_params, "issue: batch: must be an array, and stand alone");
    }
    if (items->empty() || items->size() > max_batch) {
        return error(RpcCode::bad_params, "issue: batch: must hold 1 to " + std::to_string(max_batch) + " requests");
    }
    BatchCall call;
    for (const bj::value& item : *items) {
        auto request = parse_issue_request(item);
        if (request) {
            call.items.emplace_back(std::move(*request));
        } else {
            call.items.emplace_back(bad_params(request.error()));
        }
    }
    return Call(std::move(call));
}

}  // namespace

std::variant<Call, RpcError> Protocol::read_call(std::string_view method, const bj::value& params) {
    if (method == "hello") {
        const auto hello = parse_hello(params);
        if (!hello) return bad_params(hello.error());
        if (hello->protocol != protocol_version) {
            return error(RpcCode::wrong_protocol, "protocol " + std::to_string(hello->protocol) +
                                                      " is not spoken here, only " + std::to_string(protocol_version));
        }
        greeted_ = true;
        return Call(HelloCall{hello->client});
    }
    if (!greeted_) return error(RpcCode::invalid_request, "say hello first");
    if (method == "issue") return read_issue(params);
    if (method == "refund") {
        auto request = parse_refund_request(params);
        if (!request) return bad_params(request.error());
        return Call(RefundCall{std::move(*request)});
    }
    if (method == "keys") return Call(KeysCall{});
    if (method == "status") return Call(StatusCall{});
    if (method == "subscribe") {
        const auto next = parse_subscribe(params);
        if (!next) return bad_params(next.error());
        if (subscribed_) return error(RpcCode::invalid_request, "this connection has subscribed already");
        subscribed_ = true;
        return Call(SubscribeCall{*next});
    }
    return error(RpcCode::unknown_method, "unknown method '" + std::string(method) + "'");
}

std::variant<Request, Refusal> Protocol::on_line(std::string_view line) {
    boost::system::error_code broken;
    const bj::value message = bj::parse(bj::string_view(line.data(), line.size()), broken);
    if (broken) return Refusal{"null", RpcError{parse_error, "not JSON: " + broken.message()}};
    const bj::object* members = message.if_object();
    if (members == nullptr) return Refusal{"null", error(RpcCode::invalid_request, "not an object")};

    const bj::value* given = members->if_contains("id");
    const auto raw_id = json::raw_member(line, "id");
    if (given == nullptr || !raw_id || !(given->is_string() || given->is_number())) {
        return Refusal{"null", error(RpcCode::invalid_request, "id: must be a number or a string")};
    }
    std::string id(*raw_id);
    const bj::value* method = members->if_contains("method");
    if (method == nullptr || !method->is_string()) {
        return Refusal{std::move(id), error(RpcCode::invalid_request, "method: must be a string")};
    }
    static const bj::value none = bj::object{};
    const bj::value* params = members->if_contains("params");
    auto call = read_call(view(method->get_string()), params == nullptr ? none : *params);
    if (auto* refused = std::get_if<RpcError>(&call)) return Refusal{std::move(id), std::move(*refused)};
    return Request{std::move(id), std::move(std::get<Call>(call))};
}

bj::object to_json(const RpcError& error) {
    return {{"code", error.code}, {"message", error.message}};
}

std::string result_line(std::string_view raw_id, const bj::object& result) {
    return R"({"jsonrpc":"2.0","id":)" + std::string(raw_id) + R"(,"result":)" + json::to_text(result) + "}\n";
}

std::string error_line(std::string_view raw_id, const RpcError& error) {
    return R"({"jsonrpc":"2.0","id":)" + std::string(raw_id) + R"(,"error":)" + json::to_text(to_json(error)) + "}\n";
}

std::string notice_line(std::string_view method, bj::object params) {
    const bj::object message{{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}};
    return json::to_text(message) + "\n";
}

}  // namespace millrace::gateway
