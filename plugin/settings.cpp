#include "plugin/settings.hpp"

#include <array>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <optional>

#include "plugin/invoicing/invoice.hpp"

namespace millrace {

const char* ErrcText<SettingErrc>::text(SettingErrc errc) {
    switch (errc) {
        case SettingErrc::out_of_range:
            return "an option has a value that it cannot have";
        case SettingErrc::unknown:
            return "millrace has no such option";
        case SettingErrc::fixed:
            return "the option takes effect at the start only";
    }
    return "unknown error of an option";
}

namespace {

namespace bj = boost::json;

constexpr std::string_view socket_option = "millrace-socket";

// An option that is a whole number.
struct Number {
    std::string_view name;
    std::uint64_t standard;
    std::uint64_t least;
    std::uint64_t most;
    std::string_view unit;
    std::string_view description;
    void (*set)(Settings& settings, std::uint64_t value);
};

const std::array<Number, 5> numbers{{
    {"millrace-challenge-expiry", 600, invoicing::min_expiry.count(), invoicing::max_expiry.count(), "seconds",
     "Seconds in which the invoice of a challenge can be paid, at least 90 (default: 600)",
     [](Settings& settings, std::uint64_t value) { settings.challenge_expiry = std::chrono::seconds(value); }},
    {"millrace-challenges-per-second", 200, 1, 1'000'000, "challenges",
     "Challenges issued per second at most; more are refused (default: 200)",
     [](Settings& settings, std::uint64_t value) {
         settings.challenges_per_second = static_cast<std::uint32_t>(value);
     }},
    {"millrace-refund-daily-msat", 0, 0, Msat::max_value, "millisatoshi",
     "Millisatoshi, fees included, that refunds of deposits may cost in any 24 hours; 0: no refunds (default: 0)",
     [](Settings& settings, std::uint64_t value) { settings.refunds.daily = Msat(value); }},
    {"millrace-refund-max-fee-msat", 5000, 0, Msat::max_value, "millisatoshi",
     "Millisatoshi that a refund's payment may cost in fees (default: 5000)",
     [](Settings& settings, std::uint64_t value) { settings.refunds.max_fee = Msat(value); }},
    {"millrace-refund-max-fee-ppm", 10'000, 0, 1'000'000, "millionths",
     "The same as millionths of the refund; the greater of the two counts (default: 10000)",
     [](Settings& settings, std::uint64_t value) { settings.refunds.max_fee_ppm = static_cast<std::uint32_t>(value); }},
}};

Error wrong(std::string_view name, std::string_view value, std::string_view expectation) {
    return {to_error_code(SettingErrc::out_of_range),
            std::string(name) + "=" + std::string(value) + ": must be " + std::string(expectation)};
}

Error wrong(const Number& option, std::string_view value) {
    return wrong(
        option.name, value,
        "from " + std::to_string(option.least) + " to " + std::to_string(option.most) + " " + std::string(option.unit));
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::string text_of(const bj::value& value) {
    return value.is_string() ? std::string(value.get_string()) : bj::serialize(value);
}

Result<void> set(Settings& settings, const Number& option, std::string_view text) {
    const auto number = whole_number(text);
    if (!number || *number < option.least || *number > option.most) return wrong(option, text);
    option.set(settings, *number);
    return {};
}

}  // namespace

std::vector<host::Option> options() {
    std::vector<host::Option> all{
        {std::string(socket_option), "string", "millrace.sock",
         "The unix socket for millraced, relative to the network directory (default: millrace.sock)", false}};
    for (const Number& option : numbers)
        all.push_back({std::string(option.name), "int", option.standard, std::string(option.description), true});
    return all;
}

Result<Settings> read_settings(const bj::value& given) {
    const bj::object* members = given.if_object();
    Settings settings;
    for (const Number& option : numbers) {
        const bj::value* value = members == nullptr
                                     ? nullptr
                                     : members->if_contains(bj::string_view(option.name.data(), option.name.size()));
        const auto done = set(settings, option, value == nullptr ? std::to_string(option.standard) : text_of(*value));
        if (!done) return done.error();
    }
    const bj::value* socket = members == nullptr
                                  ? nullptr
                                  : members->if_contains(bj::string_view(socket_option.data(), socket_option.size()));
    settings.socket = socket == nullptr ? std::string("millrace.sock") : text_of(*socket);
    if (settings.socket.empty() || settings.socket.back() == '/' || settings.socket.find('\0') != std::string::npos)
        return wrong(socket_option, settings.socket, "the path of a socket");
    return settings;
}

Result<Settings> with_option(Settings settings, std::string_view name, std::string_view value) {
    for (const Number& option : numbers) {
        if (option.name != name) continue;
        const auto done = set(settings, option, value);
        if (!done) return done.error();
        return settings;
    }
    if (name == socket_option) return fail(SettingErrc::fixed, name);
    return fail(SettingErrc::unknown, name);
}

}  // namespace millrace
