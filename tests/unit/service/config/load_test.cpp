#include "service/config/load.hpp"

#include <algorithm>

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;

namespace {

// Lines are counted in the messages: keep the layout.
const std::string head = R"([listen]
address = "127.0.0.1:8402"
[node]
gateway = "g.sock"
[store]
path = "m.db"
)";
const std::string weather = R"([[service]]
name = "weather"
path = "/weather/"
upstream = "http://127.0.0.1:9000"
price_msat = 1000
)";

std::string message(const std::string& text) {
    auto config = config::parse(text, "m.toml");
    return config ? "good" : config.error().message;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    text.replace(text.find(from), from.size(), to);
    return text;
}

}  // namespace

TEST_CASE("the smallest configuration has defaults for the rest") {
    auto config = config::parse(head + weather, "/etc/millrace/m.toml");
    REQUIRE(config);
    REQUIRE(config->listen.size() == 1);
    CHECK(config->listen[0].address == config::ListenAddress{"127.0.0.1", 8402});
    CHECK(config->gateway == "/etc/millrace/g.sock");
    CHECK(config->store == "/etc/millrace/m.db");
    CHECK_FALSE(config->metrics);
    CHECK_FALSE(config->listen[0].tls);
    CHECK(config->log_level == "info");
    CHECK(config->limits.header == 65536);
    CHECK(config->timeouts.drain == 30s);
    REQUIRE(config->services.size() == 1);
    const config::Service& service = config->services[0];
    CHECK(service.name.text() == "weather");
    CHECK(service.host == config::HostPattern{});
    CHECK(service.upstream.addresses == std::vector{config::UpstreamAddress{false, "127.0.0.1", 9000}});
    CHECK(service.price == Msat(1000));
    CHECK_FALSE(service.timeout);
    CHECK(service.free.empty());
    CHECK(service.schemes == config::Schemes{true, false});
}

TEST_CASE("every key is read") {
    auto config = config::parse(R"(
[listen]
address = "[::1]:0"
tls_cert = "/tls/cert.pem"
tls_key = "key.pem"
threads = 3
[metrics]
address = "127.0.0.1:9402"
[node]
gateway = "/run/g.sock"
[store]
path = "/var/m.db"
[log]
level = "debug"
[limits]
header = "32KiB"
target = 2048
body = "10MiB"
connections_per_prefix = 7
[timeouts]
idle = "1s"
header = "2s"
body = "3s"
upstream_connect = "4s"
upstream_response = "5s"
half_closed = "8s"
tunnel = "6s"
drain = "7s"
[pay_page]
max_waiting = 5
max_waiting_per_prefix = 3
[clients]
trusted_headers = ["x-forwarded-host", "X-Forwarded-Prefix"]
[discovery]
enabled = false
name = "Shop"
uri = "https://shop.example/about"
[[service]]
name = "a.b_c-1"
host = "API.Example.com"
path = "/"
upstream = "https://[::1]/"
price_msat = 1099511627775
timeout = "7d"
free = ["/health", "/public/"]
description = "all of it"
pay_page = false
hidden = true
options = "forward"
schemes = ["payment", "l402"]
lsat = false
[[service]]
name = "sub"
host = "*.example.com"
path = "/x"
upstream = "http://upstream.local:81"
price_msat = 1
schemes = ["payment"]
)",
                                "c.toml");
    REQUIRE(config);
    CHECK(config->listen.at(0).text() == "[::1]:0");
    CHECK(config->listen[0].tls->certificate == "/tls/cert.pem");
    CHECK(config->listen[0].tls->key == "key.pem");
    CHECK(config->threads == 3);
    CHECK(config->metrics->port == 9402);
    CHECK(config->log_level == "debug");
    CHECK(config->limits.header == 32768);
    CHECK(config->limits.target == 2048);
    CHECK(config->limits.body == 10485760);
    const config::Timeouts& timeouts = config->timeouts;
    CHECK((timeouts.idle == 1s && timeouts.header == 2s && timeouts.body == 3s && timeouts.upstream_connect == 4s));
    CHECK((timeouts.upstream_response == 5s && timeouts.half_closed == 8s && timeouts.tunnel == 6s &&
           timeouts.drain == 7s));
    CHECK(config->limits.connections_per_prefix == 7);
    CHECK((config->pay_page.max_waiting == 5 && config->pay_page.max_waiting_per_prefix == 3));
    CHECK(config->clients.trusted_headers == config::TrustedHeaders{false, true, true});
    CHECK_FALSE(config->discovery.enabled);
    CHECK((config->discovery.name == "Shop" && config->discovery.uri == "https://shop.example/about"));
    REQUIRE(config->services.size() == 2);
    const config::Service& first = config->services[0];
    CHECK(first.host.written() == "api.example.com");
    CHECK(first.upstream.addresses == std::vector{config::UpstreamAddress{true, "::1", 443}});
    CHECK(first.upstream.addresses[0].url() == "https://[::1]:443");
    CHECK(first.price.value() == 1099511627775);
    CHECK(first.timeout == 168h);
    CHECK(first.free == std::vector{config::PathPattern("/health"), config::PathPattern("/public/")});
    CHECK(first.description == "all of it");
    CHECK_FALSE(first.pay_page);
    CHECK((first.hidden && first.forward_options));
    CHECK(config->services[1].pay_page);
    CHECK_FALSE((config->services[1].hidden || config->services[1].forward_options));
    CHECK(first.schemes == config::Schemes{true, true, false});
    CHECK(config->services[1].schemes == config::Schemes{false, true});
    CHECK(config->services[1].host.written() == "*.example.com");
    CHECK(config->services[1].upstream.addresses[0] == config::UpstreamAddress{false, "upstream.local", 81});
}

TEST_CASE("a bad configuration is refused with file, line, key and what would be right") {
    struct {
        std::string text;
        const char* fault;
    } const cases[] = {
        {"[listen", "m.toml:1: not TOML: "},
        {weather, "m.toml:1: listen.address: missing: where requests come in, such as \"127.0.0.1:8402\""},
        {weather, "m.toml:1: node.gateway: missing: the plugin's socket"},
        {weather, "m.toml:1: store.path: missing: the database file, such as \"millrace.db\""},
        {head, "m.toml:1: service: missing: at least one [[service]] to sell"},
        {"service = 1\n" + head, "m.toml:1: service: missing: at least one [[service]]"},
        {"colour = 1\n" + head + weather,
         "m.toml:1: colour: unknown key; known here: listen, metrics, admin, node, store, log, limits, timeouts, "
         "pay_page, "
         "clients, challenges, discovery, service"},
        {head + "adress = 1\n" + weather, "m.toml:7: store.adress: unknown key; known here: path"},
        {head + weather + "pricemsat = 1\n",
         "m.toml:12: service.pricemsat: unknown key; known here: name, host, path, methods, upstream"},
        {replaced(head, "127.0.0.1:8402", "localhost:8402") + weather,
         "m.toml:2: listen.address: must be a numeric address and a port, such as \"127.0.0.1:8402\" or "
         "\"[::1]:8402\", \"unix:\" and the path of a socket, or \"systemd\" or \"systemd:NAME\", not "
         "\"localhost:8402\""},
        {replaced(head, "127.0.0.1:8402", "127.0.0.1") + weather,
         "m.toml:2: listen.address: must be a numeric address"},
        {replaced(head, "127.0.0.1:8402", "127.0.0.1:65536") + weather,
         "m.toml:2: listen.address: must be a numeric address"},
        {replaced(head, "\"127.0.0.1:8402\"", "8402") + weather,
         "m.toml:2: listen.address: must be text in quotes, not 8402"},
        {replaced(head, "\"g.sock\"", "\"\"") + weather, "m.toml:4: node.gateway: must not be empty"},
        {replaced(head, "[node]", "tls_cert = \"c\"\n[node]") + weather,
         "listen.tls_key: missing: tls_cert needs the key"},
        {replaced(head, "[node]", "tls_key = \"c\"\n[node]") + weather,
         "listen.tls_cert: missing: tls_key needs the certificate"},
        {replaced(head, "[node]", "threads = 0\n[node]") + weather,
         "m.toml:3: listen.threads: must be a whole number from 1 to 256, not 0"},
        {"log = 1\n" + head + weather, "m.toml:1: log: must be a table: [log]"},
        {head + "[log]\nlevel = \"loud\"\n" + weather,
         "m.toml:8: log.level: must be one of trace, debug, info, warning, error, critical, off, not \"loud\""},
        {head + "[limits]\nheader = 10\n" + weather, "m.toml:8: limits.header: must be at least 1024 bytes"},
        {head + "[limits]\nheader = \"2MiB\"\n" + weather, "m.toml:8: limits.header: must be at most \"1MiB\""},
        {head + "[limits]\nheader = \"64kb\"\n" + weather,
         "m.toml:8: limits.header: must be a size such as \"64KiB\" or \"10MiB\", not \"64kb\""},
        {head + "[limits]\nheader = true\n" + weather,
         "m.toml:8: limits.header: must be a size such as \"64KiB\", not true"},
        {head + "[limits]\nheader = \"2KiB\"\ntarget = \"3KiB\"\n" + weather,
         "m.toml:9: limits.target: must not be more than limits.header"},
        {head + "[limits]\nconnections_per_prefix = 0\n" + weather,
         "m.toml:8: limits.connections_per_prefix: must be a whole number from 1 to 1000000, not 0"},
        {head + "[clients]\ntrusted_headers = [\"X-Forwarded-For\"]\n" + weather,
         "m.toml:8: clients.trusted_headers: \"X-Forwarded-For\" must be X-Forwarded-Proto, X-Forwarded-Host or "
         "X-Forwarded-Prefix; X-Forwarded-For is always believed"},
        {head + "[pay_page]\nmax_waiting = -1\n" + weather,
         "m.toml:8: pay_page.max_waiting: must be a whole number from 0 to 1000000, not -1"},
        {head + "[pay_page]\nmaximum = 1\n" + weather, "m.toml:8: pay_page.maximum: unknown key; known here: max_wai"},
        {head + "[discovery]\nenabled = 1\n" + weather, "m.toml:8: discovery.enabled: must be true or false, not 1"},
        {head + "[discovery]\nuri = \"example.com\"\n" + weather,
         "m.toml:8: discovery.uri: must be an address such as \"https://example.com\", not \"example.com\""},
        {head + weather + "options = \"pass\"\n",
         "m.toml:12: service.options: must be \"answer\" or \"forward\", not \"pass\""},
        {head + weather + "hidden = 0\n", "m.toml:12: service.hidden: must be true or false, not 0"},
        {head + "[timeouts]\nidle = 10\n" + weather,
         "m.toml:8: timeouts.idle: must be a duration in quotes, such as \"90s\" or \"1h\", not 10"},
        {head + "[timeouts]\nidle = \"0s\"\n" + weather, "m.toml:8: timeouts.idle: must be greater than zero"},
        {head + "[timeouts]\nidle = \"soon\"\n" + weather,
         "m.toml:8: timeouts.idle: must be a duration such as \"90s\""},
        {head + replaced(weather, "\"weather\"", "\"We ather\""),
         "m.toml:8: service.name: must be 1 to 21 of a-z 0-9 . _ -, not \"We ather\""},
        {head + replaced(weather, "\"weather\"", "\"" + std::string(22, 'a') + '"'),
         "m.toml:8: service.name: must be 1 to 21 of"},
        {head + "[[service]]\n", "m.toml:7: service.name: missing: what the service is called"},
        {head + "[[service]]\n", "m.toml:7: service.path: missing: the prefix of what is sold, such as \"/weather/\""},
        {head + "[[service]]\n",
         "m.toml:7: service.upstream: missing: the server behind this service, such as \"http://127.0.0.1:9000\""},
        {head + "[[service]]\n",
         "m.toml:7: service.price_msat: missing: the price of one token in millisatoshi, such as 1000"},
        {head + replaced(weather, "/weather/", "weather"),
         "m.toml:9: service.path: must begin with \"/\", not \"weather\""},
        {head + replaced(weather, "/weather/", "/a//b"), "m.toml:9: service.path: must not contain \"//\""},
        {head + replaced(weather, "/weather/", "/a/../b"),
         "m.toml:9: service.path: must not contain \".\" or \"..\" segments"},
        {head + replaced(weather, "/weather/", "/a/.."),
         "m.toml:9: service.path: must not contain \".\" or \"..\" segments"},
        {head + replaced(weather, "/weather/", "/a%20b"), "m.toml:9: service.path: must be written decoded"},
        {head + replaced(weather, "/weather/", "/a?b"), "m.toml:9: service.path: must be a path without \"?\""},
        {head + replaced(weather, "http:", "ftp:"),
         "m.toml:10: service.upstream: must be http:// or https:// with a host and no path"},
        {head + replaced(weather, "9000", "9000/base"),
         "m.toml:10: service.upstream: must be http:// or https:// with a host and no path"},
        {head + replaced(weather, "//127", "//user@127"), "m.toml:10: service.upstream: must be http://"},
        {head + replaced(weather, "http://127.0.0.1:9000", "127.0.0.1:9000"),
         "m.toml:10: service.upstream: must be http://"},
        {head + replaced(weather, ":9000", ":99999"), "m.toml:10: service.upstream: must be http://"},
        {head + replaced(weather, "= 1000", "= 0"),
         "m.toml:11: service.price_msat: must be a whole number from 1 to 1099511627775, not 0"},
        {head + replaced(weather, "= 1000", "= -5"),
         "m.toml:11: service.price_msat: must be a whole number from 1 to 1099511627775, not -5"},
        {head + replaced(weather, "= 1000", "= 1.5"), "m.toml:11: service.price_msat: must be a whole number"},
        {head + replaced(weather, "= 1000", "= \"1sat\""),
         "m.toml:11: service.price_msat: must be a whole number from 1 to 1099511627775, not \"1sat\""},
        {head + replaced(weather, "= 1000", "= 1099511627776"),
         "m.toml:11: service.price_msat: must be a whole number"},
        {head + weather + "timeout = 3600\n", "m.toml:12: service.timeout: must be a duration in quotes"},
        {head + weather + "timeout = \"500ms\"\n", "m.toml:12: service.timeout: must be at least \"1s\""},
        {head + weather + "free = \"/weather/x\"\n", "m.toml:12: service.free: must be an array of texts"},
        {head + weather + "pay_page = \"no\"\n", "m.toml:12: service.pay_page: must be true or false, not \"no\""},
        {head + weather + "free = [1]\n", "m.toml:12: service.free: must be an array of texts"},
        {head + weather + "free = [\"/other\"]\n",
         "m.toml:12: service.free: \"/other\" must lie below the service's own path \"/weather/\""},
        {head + weather + "free = [\"x\"]\n", "m.toml:12: service.free: \"x\" must begin with \"/\""},
        {head + weather + "schemes = \"payment\"\n", "m.toml:12: service.schemes: must be an array of texts"},
        {head + weather + "schemes = [\"payment\"]\nauth_only = [\"/weather/x\"]\n",
         "m.toml:13: service.auth_only: only tokens open it, and this service sells none"},
        {head + weather + "schemes = [\"payment\"]\nlsat = false\n",
         "m.toml:13: service.lsat: is about L402's challenge: add \"l402\" to schemes"},
        {head + weather + "lsat = \"no\"\n", "m.toml:12: service.lsat: must be true or false, not "},
        {head + weather + "schemes = []\n", "m.toml:12: service.schemes: must name \"l402\", \"payment\" or both"},
        {head + weather + "schemes = [\"l402\", \"x402\"]\n",
         "m.toml:12: service.schemes: must name \"l402\", \"payment\" or both, not \"x402\""},
        {head + weather + "schemes = [\"L402\"]\n",
         "m.toml:12: service.schemes: must name \"l402\", \"payment\" or both, not \"L402\""},
        {head + weather + "schemes = [\"payment\", \"payment\"]\n",
         "m.toml:12: service.schemes: names \"payment\" twice"},
        {head + weather + "host = \"a.example:80\"\n",
         "m.toml:12: service.host: must be \"*\", a host name without a port"},
        {head + weather + "host = \"*.\"\n", "m.toml:12: service.host: must be \"*\""},
        {head + weather + "host = \"a b\"\n", "m.toml:12: service.host: must be \"*\""},
        {head + weather + "description = \"" + std::string(640, 'x') + "\"\n",
         "m.toml:12: service.description: must be at most 639 bytes"},
        {head + weather + "description = \"rain\\nshine\"\n",
         "m.toml:12: service.description: must not hold control characters, line ends and tabs included"},
        {head + weather + "description = \"\\u001b[2J\"\n",
         "m.toml:12: service.description: must not hold control characters, line ends and tabs included"},
        {head + weather + "description = \"{colour}\"\n",
         "m.toml:12: service.description: does not know {colour}; known here: {service}"},
        {head + weather + "limits = { per_token = \"fast\" }\n",
         "m.toml:12: service.limits.per_token: must be a count in a time such as \"5/s\", \"20/10s\" or \"600/h\", not "
         "\"fast\""},
        {head + weather + "limits = { per_tokens = \"1/s\" }\n", "m.toml:12: service.limits.per_tokens: unknown key"},
        {head + weather + "[challenges]\nin_all = \"0/s\"\n",
         "m.toml:13: challenges.in_all: must be a count in a time"},
        {head + weather + "[clients]\nblock = [\"10.0.0.1/8\"]\n",
         "m.toml:13: clients.block: \"10.0.0.1/8\" must be an address or a network such as"},
        {head + weather + "methods = [\"get\"]\n", "m.toml:12: service.methods: \"get\" must be a method in capitals"},
        {head + weather + "auth_only = [\"/other\"]\n", "m.toml:12: service.auth_only: \"/other\" must lie below"},
        {head + weather + "cors = [\"app.example\"]\n",
         "m.toml:12: service.cors: \"app.example\" must be \"*\" or an origin"},
        {head + weather + "realm = \"No Name\"\n", "m.toml:12: service.realm: must be 1 to 21"},
        {head + weather + "dry_run = 1\n", "m.toml:12: service.dry_run: must be true or false"},
        {head + weather + "route = 1\n", "m.toml:12: service.route: must be tables: [[service.route]]"},
        {head + weather + "[[service.route]]\npath = \"/weather/x\"\n", "m.toml:12: service.route.name: missing"},
        {head + weather + "[[service.route]]\nname = \"x\"\npath = \"/x\"\n",
         "m.toml:14: service.route.path: must lie below the service's own path"},
        {head + weather + "[[service.route]]\nname = \"x\"\nper_unit_msat = 1\n",
         "m.toml:14: service.route.per_unit_msat: needs unit_header"},
        {head + weather + "[[service.route]]\nname = \"x\"\nper_unit_msat = 1\nunit_header = \"X-Forwarded-For\"\n",
         "m.toml:15: service.route.unit_header: \"X-Forwarded-For\" does not reach the upstream as clients send it"},
        {head + weather +
             "upstream_headers = { \"x_units\" = \"1\" }\n"
             "[[service.route]]\nname = \"x\"\nper_unit_msat = 1\nunit_header = \"X-Units\"\n",
         "m.toml:12: service.upstream_headers: sets \"X-Units\", which unit_header prices as the client sent it"},
        {head + weather + "paths = { parameters = \"drop\" }\n",
         "m.toml:12: service.paths.parameters: must be \"refuse\", \"cut\" or \"keep\", not \"drop\""},
        {head + weather + "paths = { case = \"lower\" }\n",
         "m.toml:12: service.paths.case: must be \"keep\" or \"fold\", not \"lower\""},
        {head + weather + "paths = { slash = \"no\" }\n",
         "m.toml:12: service.paths.slash: must be \"keep\" or \"ignore\", not \"no\""},
        {head + weather + "paths = { case = \"fold\" }\nfree = [\"/weather/caf\xc3\xa9\"]\n",
         "m.toml:12: service.paths: case = \"fold\" compares ASCII letters alone"},
        {head + weather + "unmatched = \"refuse\"\n",
         "m.toml:12: service.unmatched: \"refuse\" closes all that no route names, and this service has no route"},
        {head + weather + "unmatched = \"close\"\n",
         "m.toml:12: service.unmatched: must be \"sell\" or \"refuse\", not \"close\""},
        {head + weather + "[[service.route]]\nname = \"x\"\nscope = \"path\"\n",
         "m.toml:14: service.route.scope: must be \"service\" or \"route\", not \"path\""},
        {head + weather + "[[service.route]]\nname = \"x\"\n[[service.route]]\nname = \"x\"\n",
         "m.toml:14: service.route.name: \"x\" is already a route of this service"},
        {head + weather + "[[service.route]]\nname = \"x\"\n[[service.route]]\nname = \"y\"\npath = \"/weather/y\"\n",
         "m.toml:14: service.route.path: route \"x\" answers all of it first"},
        {head + replaced(weather, "\"weather\"", "\"shop\"") +
             replaced(replaced(weather, "\"weather\"", "\"w\""), "/weather/", "/w/") + "realm = \"shop\"\n",
         "m.toml:12: service.realm: \"shop\" is the name of the service of line 7, which is not in this realm"},
        {head + weather + weather, "m.toml:12: service.name: \"weather\" is already the service of line 7"},
        {head + weather + replaced(weather, "weather", "other"),
         "m.toml:12: service.path: overlaps service \"weather\" of line 7, which answers every request to host "
         "\"*\" and path \"/weather/\" first; put the narrower service in front"},
    };
    for (const auto& c : cases) {
        INFO(c.text);
        INFO(message(c.text));
        CHECK(message(c.text).find(c.fault) != std::string::npos);
    }
}

TEST_CASE("all faults of a file are told at once") {
    std::string said = message(head + replaced(replaced(weather, "= 1000", "= 0"), "http:", "ftp:"));
    CHECK(std::count(said.begin(), said.end(), '\n') == 1);
}

TEST_CASE("services on other hosts or below one another do not overlap") {
    std::string other_host =
        replaced(replaced(weather, "weather", "b"), "[[service]]\n", "[[service]]\nhost = \"b.example\"\n");
    std::string below = replaced(replaced(weather, "\"weather\"", "\"c\""), "/weather/", "/weather/c/");
    CHECK(message(head + below + other_host + weather) == "good");
    CHECK(message(head + weather + below).find("service.path: overlaps service \"weather\"") != std::string::npos);
    std::string writes =
        replaced(replaced(weather, "\"weather\"", "\"w\""), "[[service]]\n", "[[service]]\nmethods = [\"POST\"]\n");
    CHECK(message(head + writes + weather) == "good");
    CHECK(message(head + weather + writes).find("overlaps") != std::string::npos);
}

TEST_CASE("a file that is not there is unreadable") {
    auto config = config::load("/nonexistent/m.toml");
    REQUIRE_FALSE(config);
    CHECK(is(config.error(), config::Errc::unreadable));
    CHECK(config.error().message.find("/nonexistent/m.toml") != std::string::npos);
}
