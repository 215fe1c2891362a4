#include "plugin/host/filter.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

namespace millrace::host {
namespace {

namespace bj = boost::json;

std::string_view view(bj::string_view text) {
    return {text.data(), text.size()};
}

gateway::RpcError bad(std::string_view expectation, const bj::value& value) {
    return {static_cast<int>(gateway::RpcCode::bad_params),
            "filter: " + std::string(expectation) + ": invalid token '" + bj::serialize(value) + "'"};
}

bool structured(const bj::value& value) {
    return value.is_object() || value.is_array();
}

}  // namespace

std::variant<Filter, gateway::RpcError> Filter::parse(const bj::value& value) {
    if (!value.is_object()) return bad("Expected object", value);
    Filter filter;
    if (auto fault = filter.build(value)) return *std::move(fault);
    return filter;
}

std::optional<gateway::RpcError> Filter::build(const bj::value& value) {
    if (const bj::array* array = value.if_array()) {
        if (array->size() != 1) return bad("Arrays can only have one element", value);
        element_ = std::make_unique<Filter>();
        return element_->build(array->front());
    }
    const bj::object* object = value.if_object();
    if (object == nullptr) return std::nullopt;
    for (const auto& [key, wanted] : *object) {
        Filter& child = members_.emplace_back(std::string(view(key)), Filter()).second;
        if (structured(wanted)) {
            if (auto fault = child.build(wanted)) return fault;
        } else if (!wanted.is_bool() || !wanted.get_bool()) {
            return bad("value must be true", wanted);
        }
    }
    return std::nullopt;
}

const Filter* Filter::member(std::string_view name) const {
    for (const auto& [key, child] : members_) {
        if (key == name) return &child;
    }
    return nullptr;
}

bj::value Filter::pick(const bj::value& value, const std::string& where, std::optional<std::string>& misuse) const {
    if (leaf() || !structured(value)) return value;
    const auto misused = [&](std::string_view what) {
        if (!misuse) misuse = where + std::string(what);
    };
    if (const bj::array* array = value.if_array()) {
        bj::array out;
        for (const bj::value& each : *array) {
            if (!structured(each)) {
                out.push_back(each);
            } else if (element_) {
                out.push_back(element_->pick(each, where + "[]", misuse));
            } else {
                misused(" is an array");
            }
        }
        return out;
    }
    bj::object out;
    for (const auto& [key, each] : value.get_object()) {
        if (element_) {
            if (structured(each)) misused(" is an object");
        } else if (const Filter* child = member(view(key))) {
            out[key] = child->pick(each, where + "." + std::string(view(key)), misuse);
        }
    }
    return out;
}

bj::object Filter::apply(const bj::object& result) const {
    std::optional<std::string> misuse;
    bj::value out = pick(bj::value(result), {}, misuse);
    bj::object& members = out.as_object();
    if (misuse) members["warning_parameter_filter"] = *misuse;
    return std::move(members);
}

}  // namespace millrace::host
