#include "service/admin/describe.hpp"

#include <boost/json/serialize.hpp>

#include "service/config/load.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::admin;

namespace {

std::vector<config::Service> services(const std::string& text) {
    const std::string rest = "[listen]\naddress = \"127.0.0.1:80\"\n[node]\ngateway = \"g\"\n[store]\npath = \"s\"\n";
    auto config = config::parse(rest + text, "m.toml", {});
    if (!config) FAIL(config.error().message);
    return config->services;
}

const std::string full = R"([[service]]
name = "weather"
host = "*.example.com"
path = "/weather/"
methods = ["GET"]
upstream = ["http://127.0.0.1:9000", "unix:/run/a.sock"]
health = { path = "/ok", interval = "1500ms" }
upstream_headers = { "X-Key" = "hunter2" }
rewrite = { strip = "/weather", prefix = "/v2" }
price_msat = 1000
timeout = "1h"
free = ["/weather/free"]
auth_only = ["/weather/mine"]
description = "d"
realm = "all"
cors = ["*"]
dry_run = true
pay_page = false
limits = { per_token = "10/s" }
free_allowance = { requests = 10, per = "1d" }
pricer = { url = "unix:/run/p.sock:/price", fallback_msat = 900, facts = ["method"], headers = ["X-Model"], send = { "Authorization" = "Bearer hunter4" } }
[[service.tier]]
name = "gold"
tier = 1
price_msat = 5000
uses = 7
capabilities = ["write", "read"]
[[service.route]]
name = "big"
path = "/weather/big/"
per_unit_msat = 5
unit_header = "X-Units"
max_units = 9
scope = "route"
capability = "write"
min_tier = 1
)";

}  // namespace

TEST_CASE("a service is shown with everything that the file says, but for secrets") {
    boost::json::object shown = describe(services(full).front());
    CHECK(
        boost::json::serialize(shown) ==
        R"({"name":"weather","host":"*.example.com","path":"/weather/","methods":["GET"],)"
        R"("upstream":["http://127.0.0.1:9000","unix:/run/a.sock"],)"
        R"("health":{"path":"/ok","interval":1.5E0,"timeout":2E0},)"
        R"("upstream_tls":{"ca":null,"cert":null,"key":null,"sni":null,"verify":true},)"
        R"("upstream_headers":["X-Key"],"rewrite":{"strip":"/weather","prefix":"/v2"},"price_msat":1000,)"
        R"("timeout":3600,"free":["/weather/free"],"auth_only":["/weather/mine"],"description":"d","realm":"all",)"
        R"("cors":["*"],"dry_run":true,"pay_page":false,)"
        R"("hidden":false,"options":"answer","schemes":["l402"],"lsat":true,"session":null,"uses":null,"bytes":null,"credit_msat":null,)"
        R"("cost_header":null,"max_cost_msat":null,"durability":"each","lease_uses":null,)"
        R"("pricer":{"url":"unix:/run/p.sock:/price","timeout":5E-1,"cache":1E1,"fallback_msat":900,"min_msat":1,)"
        R"("max_msat":1099511627775,"facts":["method"],"headers":["x-model"],"calls":16,)"
        R"("tls":{"ca":null,"cert":null,"key":null,"sni":null,"verify":true},"send":["Authorization"]},)"
        R"("paths":{"parameters":"refuse","case":"keep","slash":"keep"},"unmatched":"sell",)"
        R"("tiers":[{"name":"gold","tier":1,"price_msat":5000,"timeout":3600,"uses":7,"bytes":null,)"
        R"("credit_msat":null,"capabilities":["read","write"]}],)"
        R"("free_allowance":{"requests":10,"per":86400,"max_price_msat":null,"max_prefixes":100000},"pow":"invoice",)"
        R"("limits":{"per_token":{"count":10,"seconds":1E0},"per_prefix":null,"in_all":null},)"
        R"("routes":[{"name":"big","path":"/weather/big/","methods":[],"price_msat":null,"per_kib_msat":null,)"
        R"("per_unit_msat":5,"unit_header":"X-Units","max_units":9,"scope":"route","capability":"write","min_tier":1}]})");
}

TEST_CASE("two configurations are compared by name, secrets included") {
    std::string other = full;
    other.replace(other.find("hunter2"), 7, "hunter3");
    std::string other_pricer = full;
    other_pricer.replace(other_pricer.find("hunter4"), 7, "hunter5");
    std::string named = full;
    named.replace(named.find("\"weather\""), 9, "\"storm\"");
    auto compared = [](const std::string& before, const std::string& after) {
        return boost::json::serialize(compare(services(before), services(after)));
    };
    CHECK(compared(full, full) == R"({"added":[],"removed":[],"changed":[]})");
    CHECK(compared(full, other) == R"({"added":[],"removed":[],"changed":["weather"]})");
    CHECK(compared(full, other_pricer) == R"({"added":[],"removed":[],"changed":["weather"]})");
    CHECK(compared(full, named) == R"({"added":["storm"],"removed":["weather"],"changed":[]})");
}

TEST_CASE("csv quotes texts, and takes the power from formulas") {
    store::SettlementRow row{
        1, {}, "node", 7, "weather", "", Msat(1000), Msat(1001), store::Seconds(std::chrono::seconds(5))};
    auto line = [&](const char* description) {
        row.description = description;
        std::string csv = to_csv({row});
        return csv.substr(csv.find("\r\n") + 2);
    };
    std::string hash(64, '0');
    CHECK(line("a \"b\", c") == hash + ",\"weather\",1000,1001,5,\"a \"\"b\"\", c\",\"node\",7\r\n");
    for (const char* formula : {"=1", "+1", "-1", "@a", "\tx"})
        CHECK(line(formula).find(std::string("\"'") + formula) != std::string::npos);
}
