// The plugin's options: one table, from which the manifest is made, what lightningd hands over at the start is read, and a
// change by `setconfig` is checked.
//
//   auto settings = read_settings(init.options);       // error: "millrace-challenge-expiry=10: must be from 90 to 604800 seconds"
//   auto changed = with_option(*settings, "millrace-challenge-expiry", "120");
//
// lightningd checks no value of a dynamic option, and writes down what the plugin accepts: a wrong one would keep the node from
// starting the next time (lightningd/plugin.c, plugin_set_dynamic_opt).
#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result/error.hpp"
#include "plugin/host/manifest.hpp"
#include "plugin/refunds/ledger.hpp"

namespace millrace {

enum class SettingErrc {
    out_of_range = 1,  // not a value that the option can have
    unknown,           // no option of the plugin
    fixed,             // takes effect at the start only
};

struct Settings {
    std::string socket;
    std::chrono::seconds challenge_expiry{};
    std::uint32_t challenges_per_second = 0;
    refunds::Limits refunds;
};

[[nodiscard]] std::vector<host::Option> options();

// `given` is init's `options`. The message of an error names option, value and what would be right. Errors: SettingErrc.
[[nodiscard]] Result<Settings> read_settings(const boost::json::value& given);

// With one dynamic option changed; `value` is text, as `setconfig` hands it over. Errors: SettingErrc.
[[nodiscard]] Result<Settings> with_option(Settings settings, std::string_view name, std::string_view value);

template <>
struct ErrcText<SettingErrc> {
    static constexpr const char* domain = "millrace.setting";
    static const char* text(SettingErrc errc);
};

}  // namespace millrace
