#include "service/paywall/deciding_fields.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "common/codec/ascii.hpp"
#include "common/codec/field_name.hpp"
#include "common/codec/field_value.hpp"

namespace millrace::paywall {
namespace {

using codec::iequals;
using codec::same_variable;

constexpr std::array<std::string_view, 3> override_names = {"X-HTTP-Method-Override", "X-HTTP-Method",
                                                            "X-Method-Override"};

}  // namespace

DecidingFields::DecidingFields(const config::Service& service) {
    auto add = [this](std::string_view name) {
        bool known = name.empty() || std::any_of(names_.begin(), names_.end(),
                                                 [name](const std::string& one) { return iequals(one, name); });
        if (!known) names_.emplace_back(name);
    };
    for (const config::Route& route : service.routes) add(route.unit_header);
    if (service.pricer) {
        for (const std::string& name : service.pricer->headers) add(name);
    }
    if (!service.tiers.empty()) add("X-L402-Tier");
}

std::optional<std::string> DecidingFields::fault_of(const http::RequestHead& head, bool carried_by_front) const {
    for (const std::string& name : names_) {
        bool there = false;
        for (const http::HeaderLine& line : head.fields) {
            if (iequals(line.name, name)) {
                if (there) return name + " decides the price and is there twice: send it once.";
                there = true;
            } else if (carried_by_front && same_variable(line.name, name)) {
                return std::string(line.name) + " may be read as " + name + ", which decides the price: leave it out.";
            }
        }
        for (std::string_view option : head.connection_options) {
            if (same_variable(option, name))
                return "Connection names " + name +
                       ", which decides the price and has to reach the server behind "
                       "this service: take it out of Connection.";
        }
    }
    return std::nullopt;
}

std::string DecidingFields::told_in(const http::RequestHead& head) const {
    std::string out;
    for (const std::string& name : names_) {
        for (const http::HeaderLine& line : head.fields) {
            if (!iequals(line.name, name)) continue;
            std::transform(name.begin(), name.end(), std::back_inserter(out), codec::to_lower);
            out.append(":").append(line.value).append("\n");
        }
    }
    return out;
}

bool DecidingFields::is_twin(std::string_view name) const {
    return std::any_of(names_.begin(), names_.end(),
                       [name](const std::string& one) { return same_variable(one, name) && !iequals(one, name); });
}

namespace {

std::string upper_case(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; });
    return out;
}

}  // namespace

std::vector<std::string> overriding_methods(const http::RequestHead& head) {
    std::vector<std::string> out;
    for (const http::HeaderLine& line : head.fields) {
        if (line.id != http::Field::unknown && line.name.front() != 'X' && line.name.front() != 'x') continue;
        bool overrides = std::any_of(override_names.begin(), override_names.end(),
                                     [&](std::string_view name) { return same_variable(line.name, name); });
        if (!overrides || line.value.empty()) continue;
        // Frameworks take the first of a list, or the whole.
        codec::for_each_element(line.value, [&](std::string_view one) { out.push_back(upper_case(one)); });
    }
    // Methods are told apart by case (RFC 9110 §9.1), and servers that do not are many.
    const bool mixed = std::any_of(head.method.begin(), head.method.end(), [](char c) { return c >= 'a' && c <= 'z'; });
    if (mixed) out.push_back(upper_case(head.method));
    return out;
}

}  // namespace millrace::paywall
