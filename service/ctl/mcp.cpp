#include "service/ctl/mcp.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "service/ctl/definition.hpp"

namespace millrace::ctl {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 3> versions = {"2025-06-18", "2025-03-26", "2024-11-05"};  // newest first

enum class Code : int { parse = -32700, invalid_request = -32600, unknown_method = -32601, bad_params = -32602 };

struct Refusal {
    Code code;
    std::string message;
};
using Outcome = boost::system::result<json::object, Refusal>;

json::object describe_tool(const Operation& operation) {
    json::object properties;
    json::array required;
    for (const Argument& argument : operation.arguments) {
        json::value type = "string";
        if (argument.place == operations::Place::document) type = json::array{"object", "string"};
        properties[argument.name] =
            json::object{{"type", std::move(type)}, {"description", std::string(argument.help)}};
        if (argument.required) required.emplace_back(argument.name);
    }
    json::object schema{{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
    if (!required.empty()) schema["required"] = std::move(required);
    return {{"name", operation.tool()},
            {"description", std::string(operation.help)},
            {"inputSchema", std::move(schema)},
            {"annotations", json::object{{"readOnlyHint", !operation.changes()}}}};
}

json::object initialize(const json::object& params) {
    const json::value* wanted = params.if_contains("protocolVersion");
    auto known = std::find_if(versions.begin(), versions.end(), [&](std::string_view one) {
        return wanted && wanted->is_string() && wanted->get_string() == one;
    });
    return {{"protocolVersion", known == versions.end() ? versions.front() : *known},
            {"capabilities", json::object{{"tools", json::object()}}},
            {"serverInfo", json::object{{"name", "millrace-ctl"}, {"version", MILLRACE_VERSION}}}};
}

json::object list_tools() {
    json::array tools;
    for (const Operation& operation : operations::all()) tools.push_back(describe_tool(operation));
    return {{"tools", std::move(tools)}};
}

Refusal bad(std::string what) {
    return {Code::bad_params, std::move(what)};
}

// The arguments of a call as an operation takes them: texts, and whole numbers for those.
boost::system::result<Values, Refusal> read_arguments(const Operation& operation, const json::object& given) {
    Values out;
    for (const auto& [key, value] : given) {
        auto known = std::find_if(operation.arguments.begin(), operation.arguments.end(),
                                  [&](const Argument& one) { return one.name == key; });
        if (known == operation.arguments.end()) return bad("unknown argument " + std::string(key));
        if (known->place == operations::Place::document) {
            auto document = value.is_string() ? to_definition(value.get_string()) : json::serialize(value);
            if (!document) return bad("the argument " + std::string(key) + ": " + document.error().message);
            out.emplace(key, std::move(*document));
        } else if (value.is_string())
            out.emplace(key, value.get_string());
        else if (value.is_bool())
            out.emplace(key, value.get_bool() ? "true" : "false");
        else if (value.is_int64())
            out.emplace(key, std::to_string(value.get_int64()));
        else
            return bad("the argument " + std::string(key) + " must be a string");
    }
    for (const Argument& argument : operation.arguments) {
        if (argument.required && !out.contains(argument.name))
            return bad("the argument " + std::string(argument.name) + " is missing");
    }
    return out;
}

json::object content(std::string text, bool failed) {
    json::object part{{"type", "text"}, {"text", std::move(text)}};
    return {{"content", json::array{std::move(part)}}, {"isError", failed}};
}

Outcome call(const json::object& params, const Mcp::Ask& ask) {
    const json::value* name = params.if_contains("name");
    const Operation* operation = nullptr;
    for (const Operation& one : operations::all()) {
        if (name && name->is_string() && name->get_string() == one.tool()) operation = &one;
    }
    if (!operation) return bad("there is no tool of this name");
    const json::value* given = params.if_contains("arguments");
    if (given && !given->is_object()) return bad("arguments must be an object");
    auto values = read_arguments(*operation, given ? given->get_object() : json::object());
    if (!values) return values.error();
    auto reply = ask(*operation, make_request(*operation, *values));
    if (!reply) return content(reply.error().message, true);
    return content(std::move(reply->body), reply->status >= 300);
}

Outcome dispatch(std::string_view method, const json::object& params, const Mcp::Ask& ask) {
    if (method == "initialize") return initialize(params);
    if (method == "ping") return json::object();
    if (method == "tools/list") return list_tools();
    if (method == "tools/call") return call(params, ask);
    return Refusal{Code::unknown_method, "unknown method"};
}

std::string write(const json::value& id, const Outcome& outcome) {
    json::object out{{"jsonrpc", "2.0"}, {"id", id}};
    if (outcome)
        out["result"] = *outcome;
    else
        out["error"] =
            json::object{{"code", static_cast<int>(outcome.error().code)}, {"message", outcome.error().message}};
    return json::serialize(out);
}

}  // namespace

std::optional<std::string> Mcp::answer(std::string_view line) const {
    boost::system::error_code failed;
    json::value message = json::parse(line, failed);
    if (failed) return write(nullptr, Refusal{Code::parse, "not JSON"});
    const json::object* request = message.if_object();
    const json::value* method = request ? request->if_contains("method") : nullptr;
    const json::value* id = request ? request->if_contains("id") : nullptr;
    if (!method || !method->is_string() || (id && !id->is_string() && !id->is_number()))
        return write(nullptr, Refusal{Code::invalid_request, "not a request of JSON-RPC 2.0"});
    if (!id) return std::nullopt;  // a notification
    const json::value* params = request->if_contains("params");
    if (params && !params->is_object()) return write(*id, bad("params must be an object"));
    return write(*id, dispatch(method->get_string(), params ? params->get_object() : json::object(), ask_));
}

}  // namespace millrace::ctl
