#include "service/discovery/quote.hpp"

#include <boost/json/parse.hpp>

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;

namespace {

config::Service service(const char* name, const char* path, std::uint64_t price) {
    config::Service out{ServiceName::parse(name).value()};
    out.path = config::PathPattern(path);
    out.price = Msat(price);
    return out;
}

config::Config shop() {
    config::Config config;
    config.services = {service("admin", "/weather/admin/", 9000), service("weather", "/weather/", 1500),
                       service("secret", "/secret/", 1), service("elsewhere", "/x/", 1),
                       service("charged", "/charged/", 1)};
    config.services[4].schemes = {false, true};
    config::Service& weather = config.services[1];
    weather.methods = {{"GET", "POST"}};
    weather.free = {config::PathPattern("/weather/health")};
    weather.auth_only = {config::PathPattern("/weather/account")};
    config::Route map;
    map.name = "map";
    map.path = config::PathPattern("/weather/map");
    map.price = Msat(100);
    map.per_kib = Msat(10);
    map.per_unit = Msat(1);
    map.unit_header = "X-Tiles";
    map.max_units = 50;
    weather.routes = {map};
    config.services[2].hidden = true;
    config.services[3].host = {config::HostPattern::Kind::exact, "other.example"};
    return config;
}

}  // namespace

TEST_CASE("a quote is the price of a service, or of a path of it") {
    config::Config config = shop();
    paywall::RouteTable routes(config.services);
    discovery::QuoteScope scope{config, routes, "shop.example"};
    struct {
        const char* request;
        std::uint64_t price;
        bool mint;
    } const cases[] = {
        {R"({"service":"weather"})", 1500, false},
        {R"({"service":"admin","method":"POST"})", 9000, false},
        {R"({"service":"weather","path":"/weather/today?q=1"})", 1500, false},
        {R"({"service":"weather","path":"/weather/health"})", 0, false},
        {R"({"service":"weather","mint":true})", 1500, true},
        {R"({"service":"weather","mint":false})", 1500, false},
        {R"({"service":"weather","path":"/weather/health","mint":true})", 0, false},
        {R"({"service":"weather","max_price_msat":1500})", 1500, false},
        {R"({"service":"weather","path":"/weather/map"})", 101, false},
        {R"({"service":"weather","path":"/weather/map","constraints":{"body_bytes":2049,"x-tiles":50}})", 180, false},
        {R"({"service":"weather","path":"/weather/map","constraints":{"X-TILES":2,"other":9}})", 102, false},
        {R"({"service":"weather","tier":3,"capabilities":[],"optimize":"price"})", 1500, false},
    };
    for (const auto& c : cases) {
        INFO(c.request);
        auto read = discovery::read_quote_request(c.request, scope);
        REQUIRE(std::holds_alternative<discovery::Quote>(read));
        CHECK(std::get<discovery::Quote>(read).price == Msat(c.price));
        CHECK(std::get<discovery::Quote>(read).mint == c.mint);
    }
}

TEST_CASE("a question that has no answer is refused with code and field") {
    config::Config config = shop();
    paywall::RouteTable routes(config.services);
    discovery::QuoteScope scope{config, routes, "shop.example"};
    struct {
        const char* request;
        unsigned status;
        const char* code;
        const char* field;
    } const cases[] = {
        {"", 400, "malformed_request", ""},
        {"{", 400, "malformed_request", ""},
        {"[]", 400, "malformed_request", ""},
        {"{}", 400, "malformed_request", "service"},
        {R"({"service":1})", 400, "malformed_request", "service"},
        {R"({"service":"weather","mint":"yes"})", 400, "malformed_request", "mint"},
        {R"({"service":"weather","max_price_msat":-1})", 400, "malformed_request", "max_price_msat"},
        {R"({"service":"weather","path":"weather"})", 400, "malformed_request", "path"},
        {R"({"service":"weather","method":7})", 400, "malformed_request", "method"},
        {R"({"service":"nothing"})", 400, "unknown_service", "service"},
        {R"({"service":"secret"})", 400, "unknown_service", "service"},
        {R"({"service":"elsewhere"})", 400, "unknown_service", "service"},
        {R"({"service":"weather","path":"/weather/account"})", 400, "unknown_resource", "path"},
        {R"({"service":"weather","path":"/weather/x","method":"DELETE"})", 400, "unknown_resource", "method"},
        {R"({"service":"weather","constraints":7})", 400, "malformed_request", "constraints"},
        {R"({"service":"weather","constraints":{"x-tiles":"many"}})", 400, "malformed_request", "constraints"},
        {R"({"service":"weather","path":"/weather/map","constraints":{"x-tiles":51}})", 400, "malformed_request",
         "constraints"},
        {R"({"service":"weather","path":"/other"})", 400, "unknown_resource", "path"},
        {R"({"service":"weather","path":"/weather/admin/x"})", 400, "unknown_resource", "path"},
        {R"({"service":"charged","mint":true})", 400, "unsupported_scheme", "mint"},
        {R"({"service":"weather","max_price_msat":1499})", 409, "unsatisfiable_budget", "max_price_msat"},
    };
    for (const auto& c : cases) {
        INFO(c.request);
        auto read = discovery::read_quote_request(c.request, scope);
        REQUIRE(std::holds_alternative<discovery::QuoteError>(read));
        const auto& error = std::get<discovery::QuoteError>(read);
        CHECK(error.status == c.status);
        CHECK(error.code == c.code);
        CHECK(error.field == c.field);
        CHECK(error.message.size() > 10);
    }
}

TEST_CASE("a quote and an error are written as clients of the format read them") {
    config::Config config = shop();
    std::chrono::sys_seconds noon{1'800'000'000s};
    CHECK(discovery::write_quote({{0}, Msat(9000)}, config.services[0], noon) ==
          boost::json::parse(R"({"service":"admin","price_msat":9000,"pricing":{"model":"fixed","price_msat":9000},
              "terms":{"scope":"service"},"quote_expiry":1800000000,"alternatives":[]})"));
    boost::json::object map =
        discovery::write_quote({{1, paywall::Access::sold, 0}, Msat(180)}, config.services[1], noon);
    CHECK(map.at("price_msat") == 180);
    CHECK(map.at("pricing").at("model") == "formula");
    CHECK(map.at("terms").at("up_to_price_paid") == true);
    CHECK(discovery::write_error({409, "unsatisfiable_budget", "It costs more.", "max_price_msat"}) ==
          boost::json::parse(
              R"({"error":{"code":"unsatisfiable_budget","message":"It costs more.","field":"max_price_msat"}})"));
    CHECK(discovery::write_error({503, "unpriceable", "No."}) ==
          boost::json::parse(R"({"error":{"code":"unpriceable","message":"No."}})"));
}
