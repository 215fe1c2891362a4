#include "service/config/load.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;

namespace {

// The upstream's keys begin in line 11.
const std::string rest = R"([listen]
address = "127.0.0.1:8402"
[node]
gateway = "g.sock"
[store]
path = "m.db"
[[service]]
name = "weather"
path = "/weather/"
price_msat = 1000
)";

config::Upstream upstream(const std::string& keys) {
    auto config = config::parse(rest + keys, "/etc/m.toml");
    REQUIRE(config);
    return config->services.at(0).upstream;
}

}  // namespace

TEST_CASE("an upstream is one address or several, TCP or unix") {
    using Addresses = std::vector<config::UpstreamAddress>;
    struct {
        const char* written;
        Addresses addresses;
    } const cases[] = {
        {"\"http://127.0.0.1:9000\"", {{false, "127.0.0.1", 9000}}},
        {"[\"http://a:1\", \"https://b\", \"http://[::1]/\"]", {{false, "a", 1}, {true, "b", 443}, {false, "::1", 80}}},
        {"\"unix:/run/a.sock\"", {{false, "", 0, "/run/a.sock"}}},
        {"[\"unix:a.sock\", \"http://a\"]", {{false, "", 0, "/etc/a.sock"}, {false, "a", 80}}},
    };
    for (const auto& c : cases) {
        INFO(c.written);
        CHECK(upstream(std::string("upstream = ") + c.written + '\n').addresses == c.addresses);
    }
    CHECK(config::UpstreamAddress{false, "", 0, "/run/a.sock"}.url() == "unix:/run/a.sock");
    CHECK(config::UpstreamAddress{false, "", 0, "/run/a.sock"}.authority() == "localhost");
}

TEST_CASE("health checks and TLS have defaults") {
    auto plain = upstream("upstream = \"https://a\"\n");
    CHECK_FALSE(plain.health);
    CHECK(plain.tls == config::UpstreamTls{});
    CHECK(plain.tls.verify);
    auto checked = upstream("upstream = \"http://a\"\nhealth = { path = \"/healthz\" }\n");
    CHECK(checked.health == config::HealthCheck{"/healthz", 5s, 2s});
    auto full = upstream(R"(upstream = "https://a"
health = { path = "/h", interval = "1m", timeout = "300ms" }
upstream_tls = { ca = "ca.pem", cert = "/c.pem", key = "k.pem", sni = "b.example", verify = false }
)");
    CHECK(full.health == config::HealthCheck{"/h", 60s, 300ms});
    CHECK(full.tls == config::UpstreamTls{"/etc/ca.pem", "/c.pem", "/etc/k.pem", "b.example", false});
}

TEST_CASE("fields to set and a rewrite are read") {
    auto out = upstream(R"(upstream = "http://a"
rewrite = { strip = "/weather/", prefix = "/v 2/" }
[service.upstream_headers]
X-Plain = "value"
"X-Other" = "$${x}"
)");
    REQUIRE(out.headers.size() == 2);
    CHECK(out.headers[0].name == "X-Other");
    CHECK(out.headers[0].value.reveal() == "${x}");
    CHECK(out.headers[1].value.reveal() == "value");
    CHECK(out.rewrite == config::Rewrite{"/weather", "/v%202"});
    CHECK(upstream("upstream = \"http://a\"\nrewrite = { prefix = \"/b\" }\n").rewrite == config::Rewrite{"", "/b"});
    auto environment = [](const std::string& name) { return std::optional("<" + name + ">"); };
    auto config =
        config::parse(rest + "upstream = \"http://a\"\nupstream_headers = { K = \"${A}\" }\n", "m", environment);
    REQUIRE(config);
    CHECK(config->services[0].upstream.headers[0].value.reveal() == "<A>");
}

TEST_CASE("a bad upstream is refused with line, key and what would be right") {
    const std::string good = "upstream = \"https://a\"\n";
    struct {
        std::string keys;
        const char* fault;
    } const cases[] = {
        {"upstream = []\n", "m.toml:11: service.upstream: must not be empty"},
        {"upstream = \"\"\n", "m.toml:11: service.upstream: must not be empty"},
        {"upstream = [\"http://a\", \"\"]\n", "m.toml:11: service.upstream: must not be empty"},
        {"upstream = [1]\n", "m.toml:11: service.upstream: must be an array of texts"},
        {"upstream = 1\n", "m.toml:11: service.upstream: must be text in quotes, not 1"},
        {"upstream = [\"http://a\", \"b:1\"]\n",
         "m.toml:11: service.upstream: must be http:// or https:// with a host and no path, such as "
         "\"http://127.0.0.1:9000\", or unix: and the path of a socket of at most 107 bytes, not \"b:1\""},
        {"upstream = [\"http://a\", \"http://a:80/\"]\n",
         "m.toml:11: service.upstream: must not name \"http://a:80/\" twice"},
        {"upstream = \"http://a:0\"\n", "m.toml:11: service.upstream: must be http://"},
        {"upstream = \"unix:\"\n", "m.toml:11: service.upstream: must be http://"},
        {"upstream = \"unix:/" + std::string(107, 'x') + "\"\n", "m.toml:11: service.upstream: must be http://"},
        {good + "health = \"/h\"\n",
         "m.toml:12: service.health: must be a table such as { path = \"/healthz\" }, not \"/h\""},
        {good + "health = {}\n", "m.toml:12: service.health.path: missing: what is asked for, such as \"/healthz\""},
        {good + "health = { path = \"h\" }\n", "m.toml:12: service.health.path: must begin with \"/\", not \"h\""},
        {good + "health = { path = \"/a b\" }\n",
         "m.toml:12: service.health.path: must be plain ASCII without spaces, not \"/a b\""},
        {good + "health = { path = \"/h\", interval = \"1ms\" }\n",
         "m.toml:12: service.health.interval: must be at least \"100ms\""},
        {good + "health = { path = \"/h\", every = \"1s\" }\n",
         "m.toml:12: service.health.every: unknown key; known here: path, interval, timeout"},
        {good + "upstream_tls = { cert = \"c\" }\n",
         "m.toml:12: service.upstream_tls.key: missing: cert needs the key that belongs to it"},
        {good + "upstream_tls = { key = \"k\" }\n",
         "m.toml:12: service.upstream_tls.cert: missing: key needs the certificate it belongs to"},
        {good + "upstream_tls = { sni = \"a:1\" }\n", "m.toml:12: service.upstream_tls.sni: must be a host name"},
        {good + "upstream_tls = { verify = \"no\" }\n",
         "m.toml:12: service.upstream_tls.verify: must be true or false, not \"no\""},
        {good + "upstream_headers = \"X: 1\"\n",
         "m.toml:12: service.upstream_headers: must be a table such as { \"X-Api-Key\" = \"${API_KEY}\" }"},
        {good + "upstream_headers = { X-Key = \"${API_KEY}\" }\n",
         "m.toml:12: service.upstream_headers.X-Key: the variable API_KEY is not set in the environment of millraced"},
        {good + "upstream_headers = { X-Key = 1 }\n",
         "m.toml:12: service.upstream_headers.X-Key: must be text in quotes, not 1"},
        {good + "upstream_headers = { X-Key = \"file:/nonexistent\" }\n",
         "m.toml:12: service.upstream_headers.X-Key: the file /nonexistent cannot be read"},
        {good + "upstream_headers = { Content-Length = \"1\" }\n",
         "m.toml:12: service.upstream_headers.Content-Length: belongs to the connection"},
        {good + "upstream_headers = { x-key = \"1\", X_Key = \"2\" }\n", "is there already, in another spelling"},
        {good + "rewrite = \"/v2\"\n", "m.toml:12: service.rewrite: must be a table such as { strip = \"/api\""},
        {good + "rewrite = { strip = \"/other\" }\n",
         "m.toml:12: service.rewrite.strip: must be what the service's own path \"/weather/\" begins with, not "
         "\"/other\""},
        {good + "rewrite = { strip = \"/weat\" }\n", "m.toml:12: service.rewrite.strip: must be what the service's"},
        {good + "rewrite = { prefix = \"v2\" }\n", "m.toml:12: service.rewrite.prefix: must begin with \"/\""},
        {good + "rewrite = { prefix = \"/../v2\" }\n", "m.toml:12: service.rewrite.prefix: must not contain \".\""},
        {good + "rewrite = { to = \"/v2\" }\n",
         "m.toml:12: service.rewrite.to: unknown key; known here: strip, prefix"},
        {"upstream = \"http://a\"\nupstream_tls = {}\n",
         "m.toml:12: service.upstream_tls: is for https:// upstreams, and this service has none"},
    };
    for (const auto& c : cases) {
        INFO(c.keys);
        auto config = config::parse(rest + c.keys, "m.toml");
        std::string said = config ? "good" : config.error().message;
        INFO(said);
        CHECK(said.find(c.fault) != std::string::npos);
    }
    std::string many;
    for (int i = 0; i < 17; ++i) many += (many.empty() ? "\"http://h" : ", \"http://h") + std::to_string(i) + '"';
    auto config = config::parse(rest + "upstream = [" + many + "]\n", "m.toml");
    REQUIRE_FALSE(config);
    CHECK(config.error().message.find("must be at most 16 addresses") != std::string::npos);
}

TEST_CASE("a service needs no upstream where front proxies ask for it, and then nothing that belongs to one") {
    const std::string service =
        "[node]\ngateway = \"g.sock\"\n[store]\npath = \"m.db\"\n"
        "[[service]]\nname = \"weather\"\npath = \"/weather/\"\nprice_msat = 1000\n";
    const std::string asked = "[listen]\naddress = \"127.0.0.1:8403\"\nforward_auth = true\n" + service;
    const std::string unasked = "[listen]\naddress = \"127.0.0.1:8403\"\nforward_auth = false\n" + service;
    auto config = config::parse(asked + "uses = 3\nper_token = 1\n", "m.toml");
    CHECK_FALSE(config);
    config = config::parse(asked + "uses = 3\n", "m.toml");
    REQUIRE(config);
    CHECK(config->listen.at(0).forward_auth);
    CHECK(config->services.at(0).upstream == config::Upstream{});
    struct {
        std::string text;
        std::string fault;
    } const cases[] = {
        {unasked, "m.toml:8: service.upstream: missing: the server behind this service"},
        {asked + "upstream = []\n", "m.toml:12: service.upstream: must not be empty"},
        {asked + "upstream = \"a\"\n", "m.toml:12: service.upstream: must be http://"},
        {asked + "health = { path = \"/\" }\n", "m.toml:12: service.health: needs an upstream"},
        {asked + "upstream_tls = { verify = false }\n", "m.toml:12: service.upstream_tls: needs an upstream"},
        {asked + "upstream_headers = { \"X-A\" = \"b\" }\n", "m.toml:12: service.upstream_headers: needs an"},
        {asked + "rewrite = { prefix = \"/v2\" }\n", "m.toml:12: service.rewrite: needs an upstream"},
        {asked + "bytes = 10\n", "m.toml:12: service.bytes: counts by the response, which forward auth does not see"},
        {asked + "credit_msat = 1000\ncost_header = \"X-Cost\"\n",
         "m.toml:13: service.cost_header: counts by the response, which forward auth does not see"},
        {"[listen]\naddress = \"127.0.0.1:8403\"\nforward_auth = \"yes\"\n" + service,
         "m.toml:3: listen.forward_auth: must be true or false"},
    };
    for (const auto& c : cases) {
        INFO(c.text);
        auto refused = config::parse(c.text, "m.toml");
        REQUIRE_FALSE(refused);
        CHECK(refused.error().message.find(c.fault) != std::string::npos);
        INFO(refused.error().message);
    }
}
