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

// "0", "0 free", "0 auth_only", "0 route 1", "none", "method", "ambiguous"
std::string found(const paywall::RouteTable& table, const char* host, const char* target, const char* method = "GET") {
    paywall::RequestTarget parsed;
    if (paywall::parse_target(target, parsed)) return "refused";
    paywall::Lookup lookup = table.find(host, method, parsed);
    if (!lookup.ambiguous.empty()) return "ambiguous";
    if (!lookup.match) return lookup.other_methods ? "method" : "none";
    std::string out = std::to_string(lookup.match->service);
    if (lookup.match->access == paywall::Access::free) out += " free";
    if (lookup.match->access == paywall::Access::auth_only) out += " auth_only";
    if (lookup.match->route) out += " route " + std::to_string(*lookup.match->route);
    return out;
}

}  // namespace

TEST_CASE("the first service whose host, path and methods fit decides") {
    auto list = services({
        "host=\"api.example.com\"\npath=\"/v1/\"",
        "host=\"*.eu.example.com\"\npath=\"/v1\"",
        "host=\"*.example.com\"\npath=\"/\"",
        R"(path="/v1/deep/")",
        "path=\"/v1/\"\nfree=[\"/v1/health\", \"/v1/public/\", \"/v1/*.css\"]\nauth_only=[\"/v1/account/\"]",
        "path=\"/write/\"\nmethods=[\"POST\", \"PUT\"]",
        R"(path="/img/*/large")",
        R"(path="/")",
    });
    paywall::RouteTable table(list);
    struct {
        const char* host;
        const char* target;
        const char* expected;
        const char* method = "GET";
    } const cases[] = {
        {"other", "/", "7"},
        {"other", "/v1", "7"},
        {"other", "/v1/", "4"},
        {"other", "/v1/x", "4"},
        {"other", "/v1/deep/x", "3"},
        {"other", "/v1/deeper", "4"},
        {"other", "/v1/health", "4 free"},
        {"other", "/v1/health/", "4"},
        {"other", "/v1/healthy", "4"},
        {"other", "/v1/public/", "4 free"},
        {"other", "/v1/public/a/b", "4 free"},
        {"other", "/v1/public", "4"},
        {"other", "/v1/public/../x", "4"},
        {"other", "/v1/a.css", "4 free"},
        {"other", "/v1/a/b.css", "4"},
        {"other", "/v1/account/x", "4 auth_only"},
        {"other", "/write/x", "5", "POST"},
        {"other", "/write/x", "7", "GET"},
        {"other", "/img/cat/large", "6"},
        {"other", "/img/cat/tail/large", "7"},
        {"other", "/img/cat/larger", "7"},
        {"", "/x", "7"},
        {"api.example.com", "/v1/x", "0"},
        {"api.example.com", "/other", "2"},
        {"www.example.com", "/v1/x", "2"},
        {"a.b.example.com", "/", "2"},
        {"example.com", "/v1/x", "4"},
        {"badexample.com", "/x", "7"},
        {"x.eu.example.com", "/v1", "1"},
        {"x.eu.example.com", "/v1/a", "1"},
        {"x.eu.example.com", "/v1a", "2"},
        {"eu.example.com", "/v1", "2"},
        {".example.com", "/", "7"},
    };
    for (const auto& c : cases) {
        INFO(c.method << " " << c.host << " " << c.target);
        CHECK(found(table, c.host, c.target, c.method) == c.expected);
    }
}

TEST_CASE("a method that no service of the path takes is told apart from a path that is not there") {
    auto list = services({"path=\"/a/\"\nmethods=[\"GET\"]"});
    paywall::RouteTable table(list);
    CHECK(found(table, "h", "/a/x", "POST") == "method");
    CHECK(found(table, "h", "/b/x", "POST") == "none");
}

TEST_CASE("H16: where a method is not taken, those that are are told, of every service there") {
    auto list = services({"path=\"/a/\"\nmethods=[\"GET\", \"HEAD\"]", "path=\"/a/b\"\nmethods=[\"HEAD\", \"PUT\"]",
                          "path=\"/c\"\nmethods=[\"GET\"]"});
    paywall::RouteTable table(list);
    struct {
        const char* target;
        const char* method;
        const char* allow;
    } const cases[] = {
        {"/a/x", "POST", "GET, HEAD"}, {"/a/b", "POST", "GET, HEAD, PUT"}, {"/a/b", "PUT", ""},
        {"/a/x", "GET", ""},           {"/c", "OPTIONS", "GET"},           {"/d", "GET", ""},
    };
    for (const auto& one : cases) {
        INFO(one.method << " " << one.target);
        paywall::RequestTarget parsed;
        REQUIRE_FALSE(paywall::parse_target(one.target, parsed));
        CHECK(table.find("h", one.method, parsed).allow == one.allow);
    }
}

TEST_CASE("within a service the first route that fits decides") {
    auto list = services({
        "path=\"/v1/\"\n"
        "[[service.route]]\nname=\"a\"\npath=\"/v1/images/\"\nmethods=[\"POST\"]\n"
        "[[service.route]]\nname=\"b\"\npath=\"/v1/**/large\"\n"
        "[[service.route]]\nname=\"c\"\nmethods=[\"PUT\"]\n",
    });
    paywall::RouteTable table(list);
    CHECK(found(table, "h", "/v1/images/x", "POST") == "0 route 0");
    CHECK(found(table, "h", "/v1/images/x", "GET") == "0");
    CHECK(found(table, "h", "/v1/images/x/large", "GET") == "0 route 1");
    CHECK(found(table, "h", "/v1/images/x/large", "POST") == "0 route 0");
    CHECK(found(table, "h", "/v1/other", "PUT") == "0 route 2");
}

TEST_CASE("where no path fits there is no service") {
    auto list = services({R"(path="/a/")", R"(path="/b")"});
    paywall::RouteTable table(list);
    for (const char* target : {"/", "/a", "/bb", "/A/", "*"}) CHECK(found(table, "h", target) == "none");
    CHECK(found(table, "h", "/b") == "1");
    CHECK(found(table, "h", "/b/") == "1");
}

TEST_CASE("an encoded slash passes only where it makes no difference") {
    auto list = services({R"(path="/a/dear/")", "path=\"/a/\"\nfree=[\"/a/free/\", \"/a/one/two\"]"});
    paywall::RouteTable table(list);
    CHECK(found(table, "h", "/a/x%2Fy") == "1");
    CHECK(found(table, "h", "/a/free/x%2Fy") == "1 free");
    CHECK(found(table, "h", "/a/dear%2Fx") == "ambiguous");
    CHECK(found(table, "h", "/a%2Fdear/x") == "ambiguous");
    CHECK(found(table, "h", "/a/free%2Fx") == "ambiguous");
    CHECK(found(table, "h", "/a/one%2Ftwo") == "ambiguous");
    CHECK(found(table, "h", "%2Fa/x") == "refused");
}

namespace {

const std::string terms =
    "free=[\"/d/*.png\"]\nauth_only=[\"/d/keys\"]\n"
    "[[service.route]]\nname=\"edit\"\npath=\"/d/edit\"\n[[service.route]]\nname=\"dir\"\npath=\"/d/dir/\"\n";

}  // namespace

TEST_CASE("M12: a path is sold by what the rules of its service make of it") {
    struct {
        const char* rules;
        const char* target;
        const char* expected;
    } const cases[] = {
        {"", "/d/edit;x", "ambiguous"},
        {"", "/d/a;x", "0"},
        {"", "/d/a;.png", "ambiguous"},
        {"", "/d/keys;.png", "ambiguous"},
        {"", "/d;/edit", "ambiguous"},
        {"", "/d/EDIT", "0"},
        {"", "/d/edit/", "0 route 0"},
        {"", "/d/dir", "0"},
        {"", "/d/edit%2E", "ambiguous"},
        {"paths={parameters=\"keep\"}", "/d/edit;x", "0"},
        {"paths={parameters=\"keep\"}", "/d/a;.png", "0 free"},
        {"paths={parameters=\"cut\"}", "/d/edit;x", "0 route 0"},
        {"paths={parameters=\"cut\"}", "/d;a=b/dir;/x", "0 route 1"},
        {"paths={parameters=\"cut\"}", "/d/a;.png", "0"},
        {"paths={parameters=\"cut\"}", "/d/edit%3bx", "ambiguous"},
        {"paths={case=\"fold\"}", "/D/eDIT/x", "0 route 0"},
        {"paths={case=\"fold\"}", "/D/A.PNG", "0 free"},
        {"paths={case=\"fold\"}", "/d/KEYS", "0 auth_only"},
        {"paths={case=\"fold\"}", "/d/%E2%84%AAeys", "0 auth_only"},
        {"paths={slash=\"ignore\"}", "/d/dir", "0 route 1"},
        {"paths={slash=\"ignore\"}", "/d/keys/", "0 auth_only"},
        {"paths={slash=\"ignore\"}", "/d/a.png/", "0 free"},
        {"unmatched=\"refuse\"", "/d/other", "none"},
        {"unmatched=\"refuse\"", "/d/edit", "0 route 0"},
        {"unmatched=\"refuse\"", "/d/a.png", "0 free"},
        {"unmatched=\"refuse\"", "/d/keys", "0 auth_only"},
        {"unmatched=\"refuse\"", "/d/edit;x", "ambiguous"},
    };
    for (const auto& c : cases) {
        INFO(c.rules << " " << c.target);
        auto list = services({("path=\"/d/\"\n" + std::string(c.rules) + "\n" + terms).c_str()});
        CHECK(found(paywall::RouteTable(list), "h", c.target) == c.expected);
    }
}

TEST_CASE("M12: the upstream that would get a request reads it by its own rules, past services before it") {
    auto list = services({"path=\"/docs/\"", "path=\"/\"\npaths={parameters=\"cut\", case=\"fold\"}"});
    paywall::RouteTable table(list);
    CHECK(found(table, "h", "/docs/x") == "0");
    CHECK(found(table, "h", "/docs;a/x") == "ambiguous");
    CHECK(found(table, "h", "/DOCS/x") == "ambiguous");
    CHECK(found(table, "h", "/other;a/X") == "1");
}

TEST_CASE("M12: what the rules make of a path, and whether servers take it for different ones, is told") {
    auto list = services({"path=\"/\"\npaths={parameters=\"cut\", case=\"fold\", slash=\"ignore\"}"});
    paywall::RouteTable table(list);
    paywall::RequestTarget target;
    REQUIRE_FALSE(paywall::parse_target("/A;x/B/", target));
    paywall::Lookup folded = table.find("h", "GET", target);
    CHECK(folded.path == "/a/b");
    CHECK(folded.varies.empty());
    REQUIRE_FALSE(paywall::parse_target("/a%2Fb", target));
    CHECK(table.find("h", "GET", target).varies == paywall::advice(paywall::Quirk::encoded_slash));
    REQUIRE_FALSE(paywall::parse_target("/a%40b", target));
    CHECK(table.find("h", "GET", target).varies.empty());
}
