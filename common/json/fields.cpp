#include "common/json/fields.hpp"

#include <algorithm>
#include <boost/json/array.hpp>

namespace millrace {

const char* ErrcText<json::Errc>::text(json::Errc errc) {
    switch (errc) {
        case json::Errc::not_an_object:
            return "must be a JSON object";
        case json::Errc::missing:
            return "missing";
        case json::Errc::wrong_type:
            return "wrong type";
        case json::Errc::out_of_range:
            return "not allowed";
        case json::Errc::unknown_member:
            return "unknown";
    }
    return "unknown JSON error";
}

}  // namespace millrace

namespace millrace::json {
namespace {

const boost::json::array no_elements;
const boost::json::object no_members;

}  // namespace

Fields::Fields(const boost::json::value& value, std::string_view what) : object_(value.if_object()), what_(what) {
    if (object_ == nullptr) {
        object_ = &no_members;
        fault_ = Error{to_error_code(Errc::not_an_object), what_ + ": " + ErrcText<Errc>::text(Errc::not_an_object)};
    }
}

void Fields::note(Errc errc, std::string_view name, std::string_view detail) {
    if (fault_) return;
    std::string message = what_;
    message.append(": ").append(name).append(": ").append(detail.empty() ? ErrcText<Errc>::text(errc) : detail);
    fault_ = Error{to_error_code(errc), std::move(message)};
}

const boost::json::value* Fields::find(std::string_view name) {
    asked_.push_back(name);
    const boost::json::value* value = object_->if_contains(name);
    return value == nullptr || value->is_null() ? nullptr : value;
}

const boost::json::value* Fields::require(std::string_view name) {
    const boost::json::value* value = find(name);
    if (value == nullptr) note(Errc::missing, name, {});
    return value;
}

bool Fields::has(std::string_view name) {
    return find(name) != nullptr;
}

std::optional<std::uint64_t> Fields::optional_u64(std::string_view name, std::uint64_t max) {
    const boost::json::value* value = find(name);
    if (value == nullptr) return std::nullopt;
    std::uint64_t out = 0;
    if (value->is_uint64()) {
        out = value->get_uint64();
    } else if (value->is_int64() && value->get_int64() >= 0) {
        out = static_cast<std::uint64_t>(value->get_int64());
    } else {
        note(Errc::wrong_type, name, "must be a whole number, not negative");
        return std::nullopt;
    }
    if (out > max) {
        note(Errc::out_of_range, name, "must be at most " + std::to_string(max));
        return std::nullopt;
    }
    return out;
}

std::uint64_t Fields::u64(std::string_view name, std::uint64_t max) {
    if (require(name) == nullptr) return 0;
    return optional_u64(name, max).value_or(0);
}

double Fields::number(std::string_view name) {
    const boost::json::value* value = require(name);
    if (value == nullptr) return 0;
    if (value->is_number()) return value->to_number<double>();
    note(Errc::wrong_type, name, "must be a number");
    return 0;
}

std::optional<bool> Fields::optional_boolean(std::string_view name) {
    const boost::json::value* value = find(name);
    if (value == nullptr) return std::nullopt;
    if (value->is_bool()) return value->get_bool();
    note(Errc::wrong_type, name, "must be true or false");
    return std::nullopt;
}

bool Fields::boolean(std::string_view name) {
    if (require(name) == nullptr) return false;
    return optional_boolean(name).value_or(false);
}

std::optional<std::string> Fields::optional_string(std::string_view name) {
    const boost::json::value* value = find(name);
    if (value == nullptr) return std::nullopt;
    if (value->is_string()) return std::string(value->get_string());
    note(Errc::wrong_type, name, "must be a string");
    return std::nullopt;
}

std::string Fields::string(std::string_view name) {
    if (require(name) == nullptr) return {};
    return optional_string(name).value_or(std::string());
}

std::optional<Msat> Fields::optional_msat(std::string_view name) {
    const boost::json::value* value = find(name);
    if (value == nullptr) return std::nullopt;
    if (const boost::json::string* text = value->if_string()) {
        const Result<Msat> amount = Msat::parse(*text);
        if (amount) return *amount;
        note(Errc::out_of_range, name, amount.error().message);
        return std::nullopt;
    }
    const std::optional<std::uint64_t> amount = optional_u64(name, Msat::max_value);
    if (!amount) return std::nullopt;
    return Msat(*amount);
}

Msat Fields::msat(std::string_view name) {
    if (require(name) == nullptr) return {};
    return optional_msat(name).value_or(Msat());
}

std::chrono::sys_seconds Fields::time(std::string_view name) {
    return std::chrono::sys_seconds(std::chrono::seconds(u64(name, UINT32_MAX)));
}

std::optional<std::chrono::seconds> Fields::optional_seconds(std::string_view name) {
    const std::optional<std::uint64_t> seconds = optional_u64(name, UINT32_MAX);
    if (!seconds) return std::nullopt;
    return std::chrono::seconds(*seconds);
}

const boost::json::array& Fields::array(std::string_view name) {
    const boost::json::value* value = require(name);
    if (value == nullptr) return no_elements;
    if (value->is_array()) return value->get_array();
    note(Errc::wrong_type, name, "must be an array");
    return no_elements;
}

const boost::json::object& Fields::object(std::string_view name) {
    const boost::json::value* value = require(name);
    if (value == nullptr) return no_members;
    if (value->is_object()) return value->get_object();
    note(Errc::wrong_type, name, "must be an object");
    return no_members;
}

std::vector<std::string> Fields::strings(std::string_view name) {
    std::vector<std::string> out;
    for (const boost::json::value& element : array(name)) {
        if (!element.is_string()) {
            note(Errc::wrong_type, name, "must be an array of strings");
            break;
        }
        out.emplace_back(element.get_string());
    }
    return out;
}

ServiceName Fields::service(std::string_view name) {
    Result<ServiceName> service = ServiceName::parse(string(name));
    if (service) return *std::move(service);
    note(Errc::out_of_range, name, "must be 1 to 21 of a-z 0-9 . _ -");
    return *ServiceName::parse("-");
}

void Fields::no_others() {
    for (const auto& member : *object_) {
        if (std::find(asked_.begin(), asked_.end(), std::string_view(member.key())) == asked_.end()) {
            note(Errc::unknown_member, member.key(), "unknown member");
        }
    }
}

}  // namespace millrace::json
