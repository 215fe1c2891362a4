#include "service/config/definition.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <set>

#include "service/admin/describe.hpp"
#include "service/config/load.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::config;
namespace json = boost::json;

namespace {

const std::string rest =
    "[listen]\naddress = \"127.0.0.1:80\"\n[admin]\naddress = \"unix:a\"\n[node]\ngateway = \"g\"\n"
    "[store]\npath = \"s\"\n";

// Every key that a service may have, in one service or the other.
const std::string every_key = R"([[service]]
name = "weather"
host = "*.example.com"
path = "/weather/"
methods = ["GET", "POST"]
upstream = ["https://127.0.0.1:9000", "unix:/run/a.sock"]
health = { path = "/ok", interval = "1500ms", timeout = "1s" }
upstream_headers = { "X-Key" = "Bearer ${KEY}", "X.Other" = "$${a${KEY}" }
upstream_tls = { ca = "ca.pem", cert = "cert.pem", key = "key.pem", sni = "inside.example.com", verify = false }
rewrite = { strip = "/weather", prefix = "/v2" }
price_msat = 1000
timeout = "1h"
free = ["/weather/free"]
auth_only = ["/weather/mine"]
description = "a \"quoted\" text, with ünicode and a \\ in it"
realm = "all"
cors = ["*"]
dry_run = true
pay_page = false
hidden = true
options = "forward"
schemes = ["l402", "payment"]
lsat = false
paths = { parameters = "cut", case = "fold", slash = "ignore" }
unmatched = "refuse"
uses = 5
bytes = "1MiB"
limits = { per_token = "10/s", per_prefix = "20/s", in_all = "30/m" }
free_allowance = { requests = 10, per = "1d", max_price_msat = 5, max_prefixes = 7 }
pow = "request"
)"
                              R"(pricer = { url = "https://127.0.0.1:9100/price", timeout = "1s", cache = "60s", )"
                              R"(fallback_msat = 9, min_msat = 0, max_msat = 99, )"
                              R"(facts = ["method", "client"], headers = ["X-Model"], calls = 3, )"
                              R"(send = { "Authorization" = "Bearer ${KEY}" }, tls = { ca = "ca.pem" } })"
                              R"(
[[service.tier]]
name = "gold"
tier = 1
price_msat = 5000
timeout = "2h"
uses = 7
bytes = "3MiB"
capabilities = ["write", "read"]
[[service.route]]
name = "big"
path = "/weather/big/"
methods = ["POST"]
price_msat = 7
per_kib_msat = 3
per_unit_msat = 5
unit_header = "X-Units"
max_units = 9
scope = "route"
capability = "write"
min_tier = 1
[[service.route]]
name = "small"
path = "/weather/small/"
[[service]]
name = "one"
path = "/one/"
upstream = "http://127.0.0.1:9000"
price_msat = 1
single_use = true
[[service]]
name = "many"
path = "/many/"
upstream = "http://127.0.0.1:9000"
price_msat = 1
uses = 1000
durability = "lease"
lease_uses = 20
[[service]]
name = "balance"
path = "/balance/"
upstream = "http://127.0.0.1:9000"
price_msat = 1
credit_msat = 1000
cost_header = "X-Cost"
max_cost_msat = 900
[[service.tier]]
name = "large"
tier = 0
credit_msat = 2000
[[service]]
name = "prepaid"
path = "/prepaid/"
upstream = "http://127.0.0.1:9000"
price_msat = 1500
schemes = ["l402", "payment"]
cost_header = "X-Cost"
session = { deposit_msat = 20000, idle_timeout = "90s", offer = "always", event_msat = 5, hold = "9s" }
)";

const Environment environment = [](const std::string& name) {
    return name == "KEY" ? std::optional<std::string>("hunter2") : std::nullopt;
};

Config read(const std::string& services) {
    auto config = parse(rest + services, "conf/m.toml", environment);
    if (!config) FAIL(config.error().message);
    return *config;
}

Config without_services() {
    return read("");
}

StoredService stored(const json::object& definition, bool in_front = false) {
    const json::value* name = definition.if_contains("name");
    return {name && name->is_string() ? std::string(name->get_string()) : "extra", definition, in_front};
}

std::vector<Fault> faults_of(const json::object& definition, const Config& file = without_services()) {
    Faults faults("conf/m.toml");
    auto config = with_stored(file, "conf/m.toml", std::vector{stored(definition)}, environment, faults);
    CHECK(config.has_value() == faults.none());
    return faults.list();
}

json::object object(const char* text) {
    return json::parse(text).as_object();
}

json::object plain() {
    return object(R"({"name":"extra","path":"/extra/","upstream":"http://127.0.0.1:9000","price_msat":5})");
}

// The keys that the reader of `place` in a definition knows: it lists them where it meets one that it does not.
std::set<std::string> known_keys(json::object definition, const std::string& place) {
    json::value* at = place.empty() ? nullptr : definition.if_contains(place);
    json::object& inner = !at ? definition : at->is_array() ? at->get_array().at(0).get_object() : at->get_object();
    inner["nonsense"] = 1;
    for (const Fault& fault : faults_of(definition)) {
        std::size_t list = fault.what.find("known here: ");
        if (list == std::string::npos) continue;
        std::set<std::string> out;
        std::string_view names = std::string_view(fault.what).substr(list + 12);
        while (!names.empty()) {
            std::size_t end = std::min(names.find(", "), names.size());
            out.emplace(names.substr(0, end));
            names.remove_prefix(std::min(end + 2, names.size()));
        }
        return out;
    }
    return {};
}

}  // namespace

TEST_CASE("whatever a file says of a service is the same service when it is stored, to the last key") {
    Config file = read(every_key);
    std::vector<StoredService> all;
    for (const Service& service : file.services)
        all.push_back(stored(json::parse(json::serialize(service.origin->definition)).as_object()));
    Faults faults("m.toml");
    auto config = with_stored(without_services(), "conf/m.toml", all, environment, faults);
    REQUIRE(faults.text().empty());
    REQUIRE(config->services.size() == file.services.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
        CHECK(admin::describe(config->services[i]) == admin::describe(file.services[i]));
        CHECK(config->services[i].upstream == file.services[i].upstream);
        CHECK(config->services[i].pricer == file.services[i].pricer);
        CHECK(config->services[i].origin->definition == all[i].definition);
    }
}

TEST_CASE("every key that the reader knows is in the test above, and is shown") {
    std::set<std::string> used;
    std::map<std::string, std::set<std::string>> tables;  // with the keys that are used in any of them
    json::object shown;
    json::object first;
    Config file = read(every_key);
    for (const Service& service : file.services) {
        if (first.empty()) {
            first = service.origin->definition;
            shown = admin::describe(service);
        }
        for (const auto& [key, value] : service.origin->definition) {
            used.emplace(key);
            if (key == "upstream_headers") continue;
            for (const json::value& one : value.is_array() ? value.get_array() : json::array{value}) {
                if (!one.is_object()) continue;
                for (const auto& [inner, ignored] : one.get_object()) tables[key].emplace(inner);
            }
        }
    }
    std::set<std::string> known = known_keys(plain(), "");
    CHECK(known.size() > 20);
    CHECK(known == used);
    for (const std::string& key : known) {
        if (key == "single_use") continue;  // another word for uses = 1
        INFO(key);
        CHECK(shown.contains(key == "route" || key == "tier" ? key + 's' : key));
    }
    for (const auto& [table, of_file] : tables) {
        INFO(table);
        if (!first.contains(table)) continue;
        const json::value& of_api = shown.at(table == "route" || table == "tier" ? table + 's' : table);
        const json::object& inner = of_api.is_array() ? of_api.get_array().at(0).get_object() : of_api.get_object();
        for (const std::string& key : known_keys(first, table)) {
            INFO(key);
            CHECK(of_file.contains(key));
            CHECK(inner.contains(key));
        }
    }
}

TEST_CASE("a definition shows no secret of the file, and takes none") {
    std::string file = every_key;
    file.replace(file.find("Bearer ${KEY}"), 13, "hunter2");
    json::object shown = read(file).services.front().origin->definition;
    CHECK(shown.at("upstream_headers").at("X-Key").is_null());
    CHECK(shown.at("upstream_headers").at("X.Other") == "$${a${KEY}");
    CHECK(json::serialize(shown).find("hunter2") == std::string::npos);
    auto faults = faults_of(shown);
    REQUIRE(faults.size() == 1);
    CHECK(faults.front().pointer == "/upstream_headers/X-Key");
    CHECK(faults.front().what.find("where a secret is hidden") != std::string::npos);

    file = every_key;
    file.replace(file.rfind("Bearer ${KEY}"), 13, "hunter2");
    shown = read(file).services.front().origin->definition;
    CHECK(shown.at("pricer").at("send").at("Authorization").is_null());
    CHECK(json::serialize(shown).find("hunter2") == std::string::npos);
    faults = faults_of(shown);
    REQUIRE(faults.size() == 1);
    CHECK(faults.front().pointer == "/pricer/send/Authorization");
}

TEST_CASE("a fault of a definition says where in it, and what would be right") {
    struct Case {
        const char* change;  // members, of which null takes one out
        const char* pointer;
        const char* said;
    };
    for (const Case& one : {
             Case{R"({"price_msat":null})", "/price_msat", "missing: the price of one token"},
             Case{R"({"path":null})", "/path", "missing"},
             Case{R"({"price_msat":"5"})", "/price_msat", "must be a whole number from 1"},
             Case{R"({"price_msat":5.5})", "/price_msat", "must be a whole number from 1"},
             Case{R"({"price_msat":18446744073709551615})", "/price_msat", "at most 9223372036854775807"},
             Case{R"({"colour":"red"})", "/colour", "unknown key; known here: name"},
             Case{R"({"free":["/elsewhere"]})", "/free", "must lie below the service's own path"},
             Case{R"({"free":[1]})", "/free", "must be an array of texts"},
             Case{R"({"free":[["x"]]})", "/free", "must be an array of texts"},
             Case{R"({"upstream":[]})", "/upstream", "must not be empty"},
             Case{R"({"health":{}})", "/health/path", "missing: what is asked for"},
             Case{R"({"health":{"path":"/ok","interval":"1ms"}})", "/health/interval", "at least \"100ms\""},
             Case{R"({"health":[{}]})", "/health", "must be a table"},
             Case{R"({"health":{"path":"/ok","a/b~":1}})", "/health/a~1b~0", "unknown key"},
             Case{R"({"route":[{"name":"a","path":"/extra/a"},{"path":"/extra/b"}]})", "/route/1/name", "missing"},
             Case{R"({"route":[{"name":"a","path":"/extra/a"},{"name":"b","path":"/b"}]})", "/route/1/path",
                  "must lie below"},
             Case{R"({"route":{"name":"a"}})", "/route", "must be tables"},
             Case{R"({"route":[{"name":"a","methods":[null]}]})", "/route/0/methods/0", "not null"},
             Case{R"({"upstream_headers":{"X-Key":"literal"}})", "/upstream_headers/X-Key", "${VARIABLE}"},
             Case{R"({"pricer":{"url":"http://a/","send":{"X-Key":"literal"}}})", "/pricer/send/X-Key", "${VARIABLE}"},
             Case{R"({"pricer":{"url":"ftp://a/"}})", "/pricer/url", "must be http://"},
             Case{R"({"tier":[{"name":"gold"}]})", "/tier", "missing"},
             Case{R"({"route":[{"name":"r","capability":"write"}]})", "/route", "is opened by nothing that is sold"},
             Case{R"({"upstream_headers":{"X-Key":"$${KEY}"}})", "/upstream_headers/X-Key", "${VARIABLE}"},
             Case{R"({"upstream_headers":{"X-Key":"${NONE}"}})", "/upstream_headers/X-Key", "is not set"},
             Case{R"({"description":"{what}"})", "/description", "does not know {what}"},
             Case{R"({"name":"No Name"})", "/name", "must be 1 to 21 of"},
         }) {
        json::object definition = plain();
        for (const auto& [key, value] : object(one.change)) {
            if (value.is_null())
                definition.erase(key);
            else
                definition[key] = value;
        }
        INFO(json::serialize(definition));
        auto faults = faults_of(definition);
        REQUIRE(!faults.empty());
        INFO(faults.front().text());
        CHECK(faults.front().pointer == one.pointer);
        CHECK(faults.front().what.find(one.said) != std::string::npos);
        CHECK(faults.front().source.starts_with("stored service \""));
        CHECK(faults.front().line == 0);
    }
}

TEST_CASE("stored services stand in front of the file's or behind them, and none hides another") {
    Config file =
        read("[[service]]\nname = \"wide\"\npath = \"/\"\nupstream = \"http://127.0.0.1:1\"\nprice_msat = 1\n");
    Faults faults("conf/m.toml");
    std::vector in_front{stored(plain(), true)};
    auto config = with_stored(file, "conf/m.toml", in_front, environment, faults);
    REQUIRE(config);
    CHECK(config->services.front().name.text() == "extra");
    CHECK(config->services.back().name.text() == "wide");

    auto hidden = faults_of(plain(), file);
    REQUIRE(hidden.size() == 1);
    CHECK(hidden.front().text() ==
          "stored service \"extra\" /path: service.path: overlaps service \"wide\" of line 9, which answers every "
          "request to host \"*\" and path \"/extra/\" first; put the narrower service in front");

    json::object all = plain();
    all["path"] = "/";
    std::vector hiding{stored(all, true)};
    CHECK_FALSE(with_stored(file, "conf/m.toml", hiding, environment, faults));
    CHECK(faults.text().find("conf/m.toml:9: service.path: overlaps service \"extra\" stored through the admin API") ==
          0);

    json::object taken = plain();
    taken["name"] = "wide";
    auto twice = faults_of(taken, file);
    REQUIRE(twice.size() == 2);
    CHECK(twice.front().pointer == "/name");
    CHECK(twice.front().what.find("already the service of line 9") != std::string::npos);
}

TEST_CASE("without a service in the file, [admin] is what they come through") {
    CHECK(without_services().services.empty());
    CHECK_FALSE(
        parse("[listen]\naddress = \"127.0.0.1:80\"\n[node]\ngateway = \"g\"\n[store]\npath = \"s\"\n", "m.toml"));
}

TEST_CASE("versions differ with the definition") {
    json::object other = plain();
    other["price_msat"] = 6;
    CHECK(version_of(plain()).size() == 16);
    CHECK(version_of(plain()) == version_of(plain()));
    CHECK(version_of(plain()) != version_of(other));
}
