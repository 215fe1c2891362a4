#include "service/paywall/route.hpp"

#include "service/config/load.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;

namespace {

std::vector<config::Service> services(std::initializer_list<const char*> bodies) {
    std::string text = "[listen]\naddress=\"127.0.0.1:1\"\n[node]\ngateway=\"g\"\n[store]\npath=\"s\"\n";
    int number = 0;
    for (const char* body : bodies) {
        text += "[[service]]\nname=\"s" + std::to_string(number++) +
                "\"\nupstream=\"http://127.0.0.1:1\"\nprice_msat=1\n" + body + "\n";
    }
    return config::parse(text, "t.toml").value().services;
}

// "0", "0 free", "none", "ambiguous"
std::string found(const paywall::RouteTable& table, const char* host, const char* target) {
    paywall::RequestTarget parsed;
    if (paywall::parse_target(target, parsed)) return "refused";
    paywall::Lookup lookup = table.find(host, parsed);
    if (lookup.ambiguous) return "ambiguous";
    if (!lookup.match) return "none";
    return std::to_string(lookup.match->service) + (lookup.match->free ? " free" : "");
}

}  // namespace

TEST_CASE("the most specific host and then the longest path decide") {
    auto list = services({
        R"(path="/")",
        "host=\"api.example.com\"\npath=\"/v1/\"",
        "host=\"*.example.com\"\npath=\"/\"",
        "host=\"*.eu.example.com\"\npath=\"/v1\"",
        "path=\"/v1/\"\nfree=[\"/v1/health\", \"/v1/public/\"]",
        R"(path="/v1/deep/")",
    });
    paywall::RouteTable table(list);
    struct {
        const char* host;
        const char* target;
        const char* expected;
    } const cases[] = {
        {"other", "/", "0"},
        {"other", "/v1", "0"},
        {"other", "/v1/", "4"},
        {"other", "/v1/x", "4"},
        {"other", "/v1/deep/x", "5"},
        {"other", "/v1/deeper", "4"},
        {"other", "/v1/health", "4 free"},
        {"other", "/v1/health/", "4"},
        {"other", "/v1/healthy", "4"},
        {"other", "/v1/public/", "4 free"},
        {"other", "/v1/public/a/b", "4 free"},
        {"other", "/v1/public", "4"},
        {"other", "/v1/public/../x", "4"},
        {"", "/x", "0"},
        {"api.example.com", "/v1/x", "1"},
        {"api.example.com", "/other", "2"},
        {"www.example.com", "/v1/x", "2"},
        {"a.b.example.com", "/", "2"},
        {"example.com", "/v1/x", "4"},
        {"badexample.com", "/x", "0"},
        {"x.eu.example.com", "/v1", "3"},
        {"x.eu.example.com", "/v1/a", "3"},
        {"x.eu.example.com", "/v1a", "2"},
        {"eu.example.com", "/v1", "2"},
        {".example.com", "/", "0"},
    };
    for (const auto& c : cases) {
        INFO(c.host << " " << c.target);
        CHECK(found(table, c.host, c.target) == c.expected);
    }
}

TEST_CASE("where no path fits there is no service") {
    auto list = services({R"(path="/a/")", R"(path="/b")"});
    paywall::RouteTable table(list);
    for (const char* target : {"/", "/a", "/bb", "/A/", "*"}) CHECK(found(table, "h", target) == "none");
    CHECK(found(table, "h", "/b") == "1");
    CHECK(found(table, "h", "/b/") == "1");
}

TEST_CASE("an encoded slash passes only where it makes no difference") {
    auto list = services({"path=\"/a/\"\nfree=[\"/a/free/\", \"/a/one/two\"]", R"(path="/a/dear/")"});
    paywall::RouteTable table(list);
    CHECK(found(table, "h", "/a/x%2Fy") == "0");
    CHECK(found(table, "h", "/a/free/x%2Fy") == "0 free");
    CHECK(found(table, "h", "/a/dear%2Fx") == "ambiguous");
    CHECK(found(table, "h", "/a%2Fdear/x") == "ambiguous");
    CHECK(found(table, "h", "/a/free%2Fx") == "ambiguous");
    CHECK(found(table, "h", "/a/one%2Ftwo") == "ambiguous");
    CHECK(found(table, "h", "%2Fa/x") == "refused");
}
