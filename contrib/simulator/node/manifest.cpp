#include "contrib/simulator/node/manifest.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

namespace millrace::sim {

namespace json = boost::json;

namespace {

const json::value* member(const json::object& object, std::string_view name) {
    const auto found = object.find(name);
    return found == object.end() ? nullptr : &found->value();
}

std::optional<std::string> text(const json::object& object, std::string_view name) {
    const json::value* value = member(object, name);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return std::string(value->get_string());
}

bool truth(const json::object& object, std::string_view name) {
    const json::value* value = member(object, name);
    return value != nullptr && value->is_bool() && value->get_bool();
}

std::optional<OptionType> type_of(std::string_view word) {
    if (word == "string") return OptionType::string;
    if (word == "string-conceal") return OptionType::string_conceal;
    if (word == "int") return OptionType::integer;
    if (word == "bool") return OptionType::boolean;
    if (word == "flag") return OptionType::flag;
    return std::nullopt;
}

bool good_option_name(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    });
}

std::optional<std::string> read_options(const json::array& array, Manifest& out) {
    for (const json::value& entry : array) {
        if (!entry.is_object()) return "\"options\" holds something that is not an object";
        const json::object& object = entry.get_object();
        PluginOption option;
        const auto name = text(object, "name");
        const auto type = text(object, "type");
        const auto description = text(object, "description");
        if (!name || !type || !description) {
            return "An option is missing either \"name\", \"description\" or \"type\"";
        }
        if (!good_option_name(*name))
            return "Option \"name\" " + *name + " cannot contain characters outside 0-9 a-z _ -";
        const auto known = type_of(*type);
        if (!known) return "Only \"string\", \"int\", \"bool\", and \"flag\" options are supported, not " + *type;
        option.name = *name;
        option.type = *known;
        option.description = *description;
        option.multi = truth(object, "multi");
        option.dynamic = truth(object, "dynamic");
        if (option.multi && option.type != OptionType::string && option.type != OptionType::integer) {
            return *name + " type \"" + *type + "\" cannot have multi";
        }
        if (const json::value* value = member(object, "default"); value != nullptr && !value->is_null()) {
            if (option.type == OptionType::flag && !(value->is_bool() && !value->get_bool())) {
                return *name + " type flag default must be 'false' not " + json::serialize(*value);
            }
            if (option.type != OptionType::flag) option.default_value = *value;
        }
        out.options.push_back(std::move(option));
    }
    return std::nullopt;
}

std::optional<std::string> read_methods(const json::array& array, Manifest& out) {
    for (const json::value& entry : array) {
        if (!entry.is_object()) return "\"rpcmethods\" holds something that is not an object";
        const auto name = text(entry.get_object(), "name");
        const auto usage = text(entry.get_object(), "usage");
        if (!name) return "rpcmethod does not have a string \"name\" field";
        if (!usage) return "\"usage\" not provided by plugin for " + *name;
        out.methods.push_back({*name, *usage});
    }
    return std::nullopt;
}

std::optional<std::string> read_hooks(const json::array& array, Manifest& out) {
    static constexpr std::array known{"htlc_accepted",
                                      "invoice_payment",
                                      "rpc_command",
                                      "custommsg",
                                      "db_write",
                                      "peer_connected",
                                      "openchannel",
                                      "onion_message_recv",
                                      "commitment_revocation",
                                      "openchannel2",
                                      "rbf_channel",
                                      "recover",
                                      "onion_message_recv_secret"};
    for (const json::value& entry : array) {
        PluginHook hook;
        if (entry.is_string()) {
            hook.name = entry.get_string();
        } else if (entry.is_object()) {
            const auto name = text(entry.get_object(), "name");
            if (!name) return "hook does not have a \"name\" field";
            hook.name = *name;
            for (auto [field, list] : {std::pair{"before", &hook.before}, std::pair{"after", &hook.after}}) {
                const json::value* names = member(entry.get_object(), field);
                if (names == nullptr) continue;
                if (!names->is_array()) return std::string("hook \"") + field + "\" is not an array";
                for (const json::value& other : names->get_array()) {
                    if (other.is_string()) list->emplace_back(other.get_string());
                }
            }
            if (member(entry.get_object(), "filters") != nullptr && hook.name == "htlc_accepted") {
                return "Hook htlc_accepted does not allow filters";
            }
        } else {
            return "hook is neither a string nor an object";
        }
        if (std::find(known.begin(), known.end(), hook.name) == known.end()) {
            return "could not register hook '" + hook.name +
                   "', either the name doesn't exist or another plugin already registered it.";
        }
        out.hooks.push_back(std::move(hook));
    }
    return std::nullopt;
}

}  // namespace

std::variant<Manifest, std::string> read_manifest(const json::value& result) {
    if (!result.is_object()) return "invalid getmanifest response: not an object";
    const json::object& object = result.get_object();
    Manifest out;
    out.disable = text(object, "disable");
    const json::value* options = member(object, "options");
    if (options == nullptr || !options->is_array()) return "\"options\" missing or not an array";
    const json::value* methods = member(object, "rpcmethods");
    if (methods == nullptr || !methods->is_array()) return "\"rpcmethods\" missing or not an array";
    if (auto wrong = read_options(options->get_array(), out)) return *wrong;
    if (auto wrong = read_methods(methods->get_array(), out)) return *wrong;
    if (const json::value* hooks = member(object, "hooks")) {
        if (!hooks->is_array()) return "\"hooks\" is not an array";
        if (auto wrong = read_hooks(hooks->get_array(), out)) return *wrong;
    }
    if (const json::value* topics = member(object, "subscriptions")) {
        if (!topics->is_array()) return "\"result.subscriptions\" is not an array";
        for (const json::value& topic : topics->get_array()) {
            if (!topic.is_string()) return "result.subscriptions[] is not a string";
            out.subscriptions.emplace_back(topic.get_string());
        }
    }
    if (const json::value* topics = member(object, "notifications"); topics != nullptr && topics->is_array()) {
        for (const json::value& topic : topics->get_array()) {
            if (!topic.is_object()) return "\"notifications\" holds something that is not an object";
            if (const auto method = text(topic.get_object(), "method")) out.topics.push_back(*method);
        }
    }
    if (const json::value* ids = member(object, "nonnumericids"); ids != nullptr && !truth(object, "nonnumericids")) {
        return "\"nonnumericids\" must be true";
    }
    out.dynamic = truth(object, "dynamic");
    out.can_check = truth(object, "cancheck");
    return out;
}

std::variant<json::value, std::string> option_value(const PluginOption& option) {
    const auto one = [&option](const std::string& given) -> std::variant<json::value, std::string> {
        switch (option.type) {
            case OptionType::string:
            case OptionType::string_conceal:
                return json::value(given);
            case OptionType::integer: {
                std::int64_t number = 0;
                const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), number);
                if (error != std::errc() || end != given.data() + given.size()) {
                    return option.name + ": '" + given + "' is not a number";
                }
                return json::value(number);
            }
            case OptionType::boolean:
                if (given == "true" || given == "True" || given == "1") return json::value(true);
                if (given == "false" || given == "False" || given == "0") return json::value(false);
                return option.name + ": '" + given + "' is not a boolean";
            case OptionType::flag:
                return json::value(true);
        }
        return json::value();
    };
    if (option.given.empty()) {
        if (option.default_value.is_null()) return json::value();
        if (option.multi && !option.default_value.is_array()) return json::value(json::array{option.default_value});
        return option.default_value;
    }
    if (!option.multi) return one(option.given.back());
    json::array values;
    for (const std::string& given : option.given) {
        auto value = one(given);
        if (std::holds_alternative<std::string>(value)) return value;
        values.push_back(std::get<json::value>(std::move(value)));
    }
    return json::value(std::move(values));
}

}  // namespace millrace::sim
