#include "service/front/own_endpoints.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::front;
using namespace millrace::http;

namespace {

config::Service service(const char* name, config::HostPattern host, bool pay_page) {
    return {.name = ServiceName::parse(name).value(),
            .host = std::move(host),
            .path = config::PathPattern("/"),
            .price = Msat(1000),
            .pay_page = pay_page};
}

}  // namespace

TEST_CASE("the path of events is reserved at hosts that have a service with pages, and nowhere else") {
    using Kind = config::HostPattern::Kind;
    config::Config config;
    config.services = {service("shop", {Kind::exact, "shop.example"}, true),
                       service("all", {Kind::suffix, ".example.com"}, true),
                       service("api", {Kind::exact, "api.example"}, false)};
    metrics::Metrics metrics(1);
    site::Site site(config, metrics);
    struct {
        const char* host;
        const char* target;
        Verb method;
        const char* expected;
    } const cases[] = {
        {"shop.example", "/.well-known/millrace/settled", Verb::get, "served"},
        {"shop.example", "/.well-known/millrace/settled?service=shop", Verb::head, "served"},
        {"shop.example", "/%2ewell-known/millrace/settled", Verb::get, "served"},
        {"shop.example", "/.well-known/millrace/settled", Verb::post, "GET, HEAD, OPTIONS"},
        {"shop.example", "/.well-known/millrace/settled", Verb::options, "served"},
        {"shop.example", "/weather/.well-known/millrace/settled?offer=x", Verb::get, "served"},
        {"shop.example", "/a/b/.well-known/millrace/settled", Verb::get, "served"},
        {"shop.example", "//weather/.well-known/millrace/settled", Verb::get, "served"},
        {"shop.example", "/x.well-known/millrace/settled", Verb::get, "not reserved"},
        {"api.example", "/weather/.well-known/millrace/settled", Verb::get, "not reserved"},
        {"shop.example", "/.well-known/millrace/settled/", Verb::get, "not reserved"},
        {"shop.example", "/.well-known/millrace/", Verb::get, "not reserved"},
        {"a.example.com", "/.well-known/millrace/settled", Verb::get, "served"},
        {"example.com", "/.well-known/millrace/settled", Verb::get, "not reserved"},
        {"api.example", "/.well-known/millrace/settled", Verb::get, "not reserved"},
        {"other.example", "/.well-known/millrace/settled", Verb::get, "not reserved"},
        {"", "/.well-known/millrace/settled", Verb::get, "not reserved"},
    };
    for (const auto& c : cases) {
        INFO(c.host << " " << c.target);
        paywall::RequestTarget target;
        REQUIRE_FALSE(paywall::parse_target(c.target, target));
        auto match = find_own_endpoint(site, c.host, target, c.method);
        CHECK((!match ? "not reserved" : match->endpoint ? "served" : match->allow) == c.expected);
    }
}

TEST_CASE("documents and quotes are reserved where something is offered openly and discovery is on") {
    config::Config config;
    config.services = {service("shop", {config::HostPattern::Kind::exact, "shop.example"}, false),
                       service("secret", {config::HostPattern::Kind::exact, "secret.example"}, true)};
    config.services[1].hidden = true;
    metrics::Metrics metrics(1);
    site::Site site(config, metrics);
    config.discovery.enabled = false;
    site::Site without(config, metrics);
    struct {
        const char* target;
        Verb method;
        const char* expected;
    } const cases[] = {
        {"/.well-known/l402.json", Verb::get, "served"},
        {"/.well-known/l402.json", Verb::head, "served"},
        {"/.well-known/l402.json", Verb::options, "served"},
        {"/openapi.json?x=1", Verb::get, "served"},
        {"/openapi.json", Verb::post, "GET, HEAD, OPTIONS"},
        {"/l402/quote", Verb::post, "served"},
        {"/l402/quote", Verb::get, "POST, OPTIONS"},
        {"/l402/quote/", Verb::post, "not reserved"},
        {"/.well-known/l402.json.bak", Verb::get, "not reserved"},
    };
    for (const auto& c : cases) {
        INFO(c.target);
        paywall::RequestTarget target;
        REQUIRE_FALSE(paywall::parse_target(c.target, target));
        auto match = find_own_endpoint(site, "shop.example", target, c.method);
        CHECK((!match ? "not reserved" : match->endpoint ? "served" : match->allow) == c.expected);
        CHECK_FALSE(find_own_endpoint(site, "secret.example", target, c.method));
        CHECK_FALSE(find_own_endpoint(without, "shop.example", target, c.method));
    }
}

TEST_CASE("a query's parameter is found by its whole name") {
    struct {
        const char* target;
        const char* expected;
    } const cases[] = {
        {"/p?service=a", "a"},
        {"/p?x=1&service=a&service=b", "a"},
        {"/p?service=", ""},
        {"/p", ""},
        {"/p?service", ""},
        {"/p?services=a", ""},
        {"/p?", ""},
        {"/service=a", ""},
        {"/p?&&service=a=b&c", "a=b"},
    };
    for (const auto& c : cases) {
        INFO(c.target);
        CHECK(query_parameter(c.target, "service") == c.expected);
    }
}
