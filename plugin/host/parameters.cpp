#include "plugin/host/parameters.hpp"

#include <boost/json/serialize.hpp>
#include <charconv>

namespace millrace::host {
namespace {

std::string_view view(boost::json::string_view text) {
    return {text.data(), text.size()};
}

// A whole number, whether it came as one or as text.
std::optional<std::uint64_t> whole_number(const boost::json::value& value) {
    if (value.is_uint64()) return value.get_uint64();
    if (value.is_int64()) {
        if (value.get_int64() < 0) return std::nullopt;
        return static_cast<std::uint64_t>(value.get_int64());
    }
    if (!value.is_string()) return std::nullopt;
    const std::string_view text = view(value.get_string());
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

}  // namespace

std::string usage_of(const std::vector<Parameter>& parameters) {
    std::string usage;
    for (const Parameter& parameter : parameters) {
        if (!usage.empty()) usage += ' ';
        usage += parameter.required ? std::string(parameter.name) : "[" + std::string(parameter.name) + "]";
    }
    return usage;
}

Arguments::Arguments(const std::vector<Parameter>& parameters, const boost::json::value& params)
    : parameters_(parameters), values_(parameters.size(), nullptr) {
    if (const auto* positional = params.if_array()) {
        if (positional->size() > parameters.size()) {
            note("too many parameters: got " + std::to_string(positional->size()) + ", expected " +
                 std::to_string(parameters.size()));
            return;
        }
        for (std::size_t i = 0; i < positional->size(); ++i) values_[i] = &(*positional)[i];
    } else if (const auto* named = params.if_object()) {
        for (const auto& [key, value] : *named) {
            std::size_t at = 0;
            while (at < parameters.size() && parameters[at].name != view(key)) ++at;
            if (at == parameters.size()) {
                note("unknown parameter: " + std::string(view(key)));
                return;
            }
            values_[at] = &value;
        }
    } else {
        note("params must be an array or an object");
        return;
    }
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        if (values_[i] != nullptr && values_[i]->is_null()) values_[i] = nullptr;
        if (values_[i] == nullptr && parameters[i].required) {
            note("missing required parameter: " + std::string(parameters[i].name));
        }
    }
}

const boost::json::value* Arguments::find(std::string_view name) const {
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        if (parameters_[i].name == name) return values_[i];
    }
    return nullptr;
}

void Arguments::note(std::string message) {
    if (!fault_) fault_ = gateway::RpcError{static_cast<int>(gateway::RpcCode::bad_params), std::move(message)};
}

void Arguments::refuse(std::string_view name, std::string_view expectation, bool show) {
    std::string message = std::string(name) + ": " + std::string(expectation);
    const boost::json::value* value = find(name);
    if (show && value != nullptr) message += ": invalid token '" + boost::json::serialize(*value) + "'";
    note(std::move(message));
}

Msat Arguments::msat(std::string_view name) {
    const boost::json::value* value = find(name);
    if (fault_ || value == nullptr) return Msat{};
    if (const auto number = whole_number(*value); number && *number <= Msat::max_value) return Msat(*number);
    if (value->is_string()) {
        if (const auto amount = Msat::parse(view(value->get_string()))) return *amount;
    }
    refuse(name, "should be a millisatoshi amount");
    return Msat{};
}

std::uint64_t Arguments::u64(std::string_view name, std::uint64_t least, std::uint64_t most) {
    const boost::json::value* value = find(name);
    if (fault_ || value == nullptr) return 0;
    const auto number = whole_number(*value);
    if (number && *number >= least && *number <= most) return *number;
    refuse(name, "should be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return 0;
}

std::string Arguments::text(std::string_view name) {
    const boost::json::value* value = find(name);
    if (fault_ || value == nullptr) return {};
    if (value->is_string()) return std::string(view(value->get_string()));
    if (value->is_number() || value->is_bool()) return boost::json::serialize(*value);
    refuse(name, "should be a string");
    return {};
}

}  // namespace millrace::host
