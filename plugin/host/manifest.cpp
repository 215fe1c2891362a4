#include "plugin/host/manifest.hpp"

#include <boost/json/array.hpp>

#include "common/json/fields.hpp"

namespace millrace::host {

boost::json::object to_json(const Manifest& manifest, const std::vector<Command>& commands) {
    boost::json::array options;
    for (const Option& option : manifest.options) {
        boost::json::object entry{{"name", option.name},
                                  {"type", option.type},
                                  {"default", option.default_value},
                                  {"description", option.description}};
        if (option.dynamic) entry["dynamic"] = true;
        options.push_back(std::move(entry));
    }
    boost::json::array methods;
    for (const Command& command : commands) {
        methods.push_back(boost::json::object{{"name", command.name}, {"usage", usage_of(command.parameters)}});
    }
    boost::json::array hooks;
    for (const std::string& hook : manifest.hooks) hooks.push_back(boost::json::object{{"name", hook}});
    boost::json::array subscriptions;
    for (const std::string& topic : manifest.subscriptions) subscriptions.emplace_back(topic);

    return {{"options", std::move(options)},
            {"rpcmethods", std::move(methods)},
            {"subscriptions", std::move(subscriptions)},
            {"hooks", std::move(hooks)},
            {"dynamic", true},
            {"nonnumericids", true},
            {"cancheck", true}};
}

Result<InitMessage> parse_init(const boost::json::value& params) {
    json::Fields in(params, "init");
    InitMessage out;
    out.options = in.object("options");
    const boost::json::value configuration_value(in.object("configuration"));
    if (in.fault()) return *in.fault();

    json::Fields configuration(configuration_value, "init: configuration");
    out.lightning_dir = configuration.string("lightning-dir");
    out.rpc_file = configuration.string("rpc-file");
    out.network = configuration.string("network");
    out.startup = configuration.optional_boolean("startup").value_or(false);
    const boost::json::value features_value(configuration.has("feature_set") ? configuration.object("feature_set")
                                                                             : boost::json::object{});
    if (configuration.fault()) return *configuration.fault();

    json::Fields features(features_value, "init: configuration: feature_set");
    const std::string invoice = features.optional_string("invoice").value_or("");
    if (features.fault()) return *features.fault();
    auto bytes = codec::from_hex(invoice);
    if (!bytes) return bytes.error();
    out.invoice_features = std::move(*bytes);
    return out;
}

}  // namespace millrace::host
