#include "plugin/settings.hpp"

#include <boost/json/object.hpp>

#include "tests/unit/catch.hpp"

namespace millrace {
namespace {

namespace bj = boost::json;

struct Edge {
    const char* option;
    std::int64_t least, most;
    const char* expectation;
};
const Edge edges[] = {
    {"millrace-challenge-expiry", 90, 604'800, "must be from 90 to 604800 seconds"},
    {"millrace-challenges-per-second", 1, 1'000'000, "must be from 1 to 1000000 challenges"},
    {"millrace-refund-daily-msat", 0, 2'100'000'000'000'000'000, "must be from 0 to 2100000000000000000 millisatoshi"},
    {"millrace-refund-max-fee-msat", 0, 2'100'000'000'000'000'000,
     "must be from 0 to 2100000000000000000 millisatoshi"},
    {"millrace-refund-max-fee-ppm", 0, 1'000'000, "must be from 0 to 1000000 millionths"},
};

TEST_CASE("N2: a wrong option is named with its value and its range, whichever it is") {
    CHECK(options().size() == std::size(edges) + 1);
    for (const Edge& edge : edges) {
        for (const std::int64_t good : {edge.least, edge.most}) {
            INFO(edge.option << "=" << good);
            CHECK(read_settings(bj::object{{edge.option, good}}));
            CHECK(with_option(Settings{}, edge.option, std::to_string(good)));
        }
        for (const std::int64_t bad : {edge.least - 1, edge.most + 1, std::int64_t{-5}, INT64_MIN, INT64_MAX}) {
            const std::string expected = std::string(edge.option) + "=" + std::to_string(bad) + ": " + edge.expectation;
            const auto read = read_settings(bj::object{{edge.option, bad}});
            REQUIRE_FALSE(read);
            CHECK(read.error().message == expected);
            CHECK(is(read.error(), SettingErrc::out_of_range));
            const auto changed = with_option(Settings{}, edge.option, std::to_string(bad));
            REQUIRE_FALSE(changed);
            CHECK(changed.error().message == expected);
        }
        for (const char* text : {"", " 90", "90 ", "0x5a", "1e3", "90.0", "+90", "ninety", "99999999999999999999"}) {
            INFO(edge.option << "=" << text);
            CHECK_FALSE(with_option(Settings{}, edge.option, text));
        }
    }
    for (const char* socket : {"", "here/", "/"}) {
        const auto read = read_settings(bj::object{{"millrace-socket", socket}});
        REQUIRE_FALSE(read);
        CHECK(read.error().message == "millrace-socket=" + std::string(socket) + ": must be the path of a socket");
    }
}

TEST_CASE("what is not given has its default, which the description says") {
    const auto settings = read_settings(bj::object{});
    REQUIRE(settings);
    CHECK(settings->socket == "millrace.sock");
    CHECK(settings->challenge_expiry == std::chrono::seconds(600));
    CHECK(settings->challenges_per_second == 200);
    CHECK(settings->refunds.daily == Msat(0));
    CHECK(settings->refunds.max_fee == Msat(5000));
    CHECK(settings->refunds.max_fee_ppm == 10'000);
    for (const host::Option& option : options()) {
        INFO(option.name);
        const std::string value = option.default_value.is_string()
                                      ? std::string(option.default_value.get_string())
                                      : std::to_string(option.default_value.to_number<std::uint64_t>());
        CHECK(option.description.find("(default: " + value + ")") != std::string::npos);
    }
}

TEST_CASE("N10: an option changes alone, and the socket only with a restart") {
    Settings settings = read_settings(bj::object{{"millrace-challenge-expiry", 120}}).value();
    settings = with_option(settings, "millrace-challenges-per-second", "7").value();
    CHECK(settings.challenge_expiry == std::chrono::seconds(120));
    CHECK(settings.challenges_per_second == 7);
    CHECK(is(with_option(settings, "millrace-socket", "x").error(), SettingErrc::fixed));
    CHECK(is(with_option(settings, "millrace-colour", "x").error(), SettingErrc::unknown));
    for (const host::Option& option : options()) CHECK(option.dynamic == (option.name != "millrace-socket"));
}

}  // namespace
}  // namespace millrace
