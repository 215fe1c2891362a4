#include "service/discovery/documents.hpp"

#include <boost/json/parse.hpp>
#include <set>

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;
namespace bj = boost::json;

namespace {

config::Service service(const char* name, const char* path, std::uint64_t price) {
    config::Service out{ServiceName::parse(name).value()};
    out.path = config::PathPattern(path);
    out.price = Msat(price);
    return out;
}

config::Config shop() {
    config::Config config;
    config.discovery.name = "Shop \"of\" all";
    config.discovery.uri = "https://shop.example";
    config.services = {service("weather", "/weather/", 1500), service("map", "/map", 2000),
                       service("secret", "/secret/", 1)};
    config.services[0].timeout = 1h;
    config.services[0].free = {config::PathPattern("/weather/health"), config::PathPattern("/weather/public/")};
    config.services[0].description = "Forecasts";
    config.services[2].hidden = true;
    return config;
}

// A service with all that prices can be made of.
config::Config studio() {
    config::Config config;
    config.services = {service("studio", "/v1/", 1000)};
    config::Service& studio = config.services[0];
    studio.methods = {{"GET", "POST"}};
    studio.auth_only = {config::PathPattern("/v1/account")};
    studio.realm = ServiceName::parse("arts").value();
    config::Route images;
    images.name = "images";
    images.path = config::PathPattern("/v1/*/images");
    images.methods = {{"POST"}};
    images.price = Msat(5000);
    images.per_kib = Msat(2);
    images.per_unit = Msat(300);
    images.unit_header = "X-Images";
    images.max_units = 10;
    images.own_tokens = true;
    studio.routes = {images};
    return config;
}

// Valid as long as `json` is.
const bj::value& at(const bj::value& json, const char* pointer) {
    static const bj::value absent("absent");
    boost::system::error_code not_there;
    const bj::value* found = json.find_pointer(pointer, not_there);
    return found ? *found : absent;
}

const std::vector<std::size_t> all = {0, 1, 2};

}  // namespace

TEST_CASE("the manifest says what is sold, for how much and for how long") {
    const std::string node(66, 'a');
    bj::value json = bj::parse(discovery::make_documents(shop(), all, node).manifest.text);
    CHECK(at(json, "/version") == "1.0");
    CHECK(at(json, "/provider") ==
          bj::value{{"name", "Shop \"of\" all"}, {"uri", "https://shop.example"}, {"node_pubkey", node}});
    CHECK(at(json, "/currencies") == bj::array{"msat"});
    CHECK(at(json, "/macaroon_versions") == bj::array{0});
    CHECK(at(json, "/payment_methods") == bj::array{"bolt11"});
    CHECK(at(json, "/quote_endpoint") == "/l402/quote");
    CHECK(at(json, "/openapi") == "/openapi.json");
    CHECK(at(json, "/services").as_array().size() == 2);
    CHECK(at(json, "/services/0/name") == "weather");
    CHECK(at(json, "/services/0/description") == "Forecasts");
    CHECK(at(json, "/services/0/terms") == bj::parse(R"({"scope":"service","seconds":3600})"));
    CHECK(at(json, "/services/0/tiers") == bj::parse(R"([{"tier":0,"name":"default"}])"));
    CHECK(at(json, "/services/0/resources") == bj::parse(R"([
        {"path":"/weather/health","method":"*","pricing":{"model":"fixed","price_msat":0}},
        {"path":"/weather/public/**","method":"*","pricing":{"model":"fixed","price_msat":0}},
        {"path":"/weather/**","method":"*","pricing":{"model":"fixed","price_msat":1500}}])"));
    CHECK(at(json, "/services/1/description") == "L402: map");
    CHECK(at(json, "/services/1/terms") == bj::parse(R"({"scope":"service"})"));
    CHECK(at(json, "/services/1/resources") == bj::parse(R"([
        {"path":"/map","method":"*","pricing":{"model":"fixed","price_msat":2000}},
        {"path":"/map/**","method":"*","pricing":{"model":"fixed","price_msat":2000}}])"));
    CHECK(at(json, "/caveats/services/attenuation") == "subset");
    CHECK(at(json, "/caveats/weather_valid_until/type") == "unix_seconds");
    CHECK(discovery::make_documents(shop(), all, node).manifest.text.find("secret") == std::string::npos);
}

TEST_CASE("the manifest has routes with their methods, formulas, limits and terms") {
    const std::vector<std::size_t> only = {0};
    bj::value json = bj::parse(discovery::make_documents(studio(), only, "").manifest.text);
    CHECK(at(json, "/services/0/terms") == bj::parse(R"({"scope":"realm","realm":"arts","up_to_price_paid":true})"));
    CHECK(at(json, "/services/0/resources") == bj::parse(R"([
        {"path":"/v1/account","method":"GET","access":"token_only"},
        {"path":"/v1/account","method":"POST","access":"token_only"},
        {"path":"/v1/*/images","method":"POST",
         "pricing":{"model":"formula","base_msat":5000,"components":[
            {"constraint":"body_bytes","price_msat_per_unit":2,"unit":1024},
            {"constraint":"x-images","price_msat_per_unit":300,"unit":1}]},
         "constraints":{"body_bytes":{"type":"integer","min":0},"x-images":{"type":"integer","min":1,"max":10}},
         "terms":{"scope":"route","route":"images","up_to_price_paid":true}},
        {"path":"/v1/**","method":"GET","pricing":{"model":"fixed","price_msat":1000}},
        {"path":"/v1/**","method":"POST","pricing":{"model":"fixed","price_msat":1000}}])"));
    CHECK(at(json, "/caveats/arts_max_price_msat/attenuation") == "not_higher");
}

TEST_CASE("the OpenAPI document has each path with its price") {
    bj::value json = bj::parse(discovery::make_documents(shop(), all, "").openapi.text);
    CHECK(at(json, "/openapi") == "3.1.0");
    CHECK(at(json, "/info/title") == "Shop \"of\" all");
    CHECK(at(json, "/x-service-info/docs/homepage") == "https://shop.example");
    CHECK(at(json, "/x-service-info/categories").is_array());
    std::set<std::string> paths, ids;
    std::size_t operations = 0;
    for (const auto& path : at(json, "/paths").as_object()) {
        paths.emplace(path.key());
        for (const auto& operation : path.value().as_object()) {
            ids.emplace(operation.value().at("operationId").as_string());
            ++operations;
        }
    }
    CHECK(paths ==
          std::set<std::string>{"/weather/health", "/weather/public/{path}", "/weather/{path}", "/map", "/map/{path}"});
    CHECK(ids.size() == operations);
    // Offers are charges, and x-payment-info has at least one.
    const bj::value& weather = at(json, "/paths/~1weather~1{path}/get");
    CHECK(at(weather, "/x-payment-info") == "absent");
    CHECK(at(weather, "/x-l402-info/schemes") == bj::array{"L402"});
    CHECK(at(weather, "/x-l402-info/pricing/price_msat") == 1500);
    CHECK(at(weather, "/parameters/0/name") == "path");
    CHECK(at(weather, "/responses/402").is_object());
    CHECK(at(json, "/paths/~1map/get/parameters") == "absent");
    CHECK(at(json, "/paths/~1weather~1health/get/x-payment-info") == "absent");
    CHECK(at(json, "/paths/~1weather~1health/get/responses/402") == "absent");
}

TEST_CASE("C14: operations that have content say that the service takes any, the others nothing of it") {
    config::Config config = shop();
    config.services[1].methods = {{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}};
    bj::value json = bj::parse(discovery::make_documents(config, all, "").openapi.text);
    const bj::value open = {{"description", "What the service behind takes."},
                            {"required", false},
                            {"content", {{"*/*", {{"schema", bj::object{}}}}}}};
    for (const char* method : {"post", "put", "patch"}) {
        INFO(method);
        CHECK(at(json, ("/paths/~1map/" + std::string(method) + "/requestBody").c_str()) == open);
    }
    CHECK(at(json, "/paths/~1weather~1{path}/post/requestBody") == open);
    for (const char* method : {"get", "delete", "head", "options"}) {
        INFO(method);
        CHECK(at(json, ("/paths/~1map/" + std::string(method)).c_str()) != "absent");
        CHECK(at(json, ("/paths/~1map/" + std::string(method) + "/requestBody").c_str()) == "absent");
    }
}

TEST_CASE("what is sold by charge is offered as one, in whole satoshi, rounded up") {
    config::Config config = shop();
    for (config::Service& service : config.services) service.schemes.payment = true;
    config.services[1].schemes.l402 = false;
    const std::vector<std::size_t> both = {0, 1};
    bj::value json = bj::parse(discovery::make_documents(config, both, "").openapi.text);
    CHECK(at(json, "/paths/~1weather~1{path}/get/x-payment-info/offers") ==
          bj::parse(R"([{"intent":"charge","method":"lightning",
        "amount":"2","currency":"sat","description":"Forecasts"}])"));
    CHECK(at(json, "/paths/~1map/post/x-payment-info/offers/0/amount") == "2");
    CHECK(at(json, "/paths/~1map/post/x-payment-info/schemes") == bj::array{"Payment"});
}

TEST_CASE("in the OpenAPI document the first that fits decides, as for requests") {
    config::Config config = studio();
    config.services.push_back(service("rest", "/v1/", 7));
    for (config::Service& service : config.services) service.schemes.payment = true;
    const std::vector<std::size_t> both = {0, 1};
    bj::value json = bj::parse(discovery::make_documents(config, both, "").openapi.text);
    CHECK(at(json, "/paths/~1v1~1{path}~1images/post/x-payment-info/offers/0/amount").is_null());
    CHECK(at(json, "/paths/~1v1~1{path}~1images/get") == "absent");
    CHECK(at(json, "/paths/~1v1~1{path}/get/x-payment-info/offers/0/amount") == "1");
    CHECK(at(json, "/paths/~1v1~1account/get/responses/401").is_object());
    CHECK(at(json, "/paths/~1v1~1account/get/x-payment-info") == "absent");
    config.services[0].methods = {{"GET", "PURGE"}};
    config.services[0].path = config::PathPattern("/{a}/**/b/*");
    json = bj::parse(discovery::make_documents(config, both, "").openapi.text);
    CHECK(at(json, "/paths/~1%7Ba%7D~1{path}~1b~1{path2}/get/parameters/1/name") == "path2");
    CHECK(at(json, "/paths/~1%7Ba%7D~1{path}~1b~1{path2}/purge") == "absent");
}

TEST_CASE("documents are made once for a configuration, and their tags follow their text") {
    config::Config config = shop();
    discovery::DocumentCache cache;
    const std::string first = cache.get(1, config, all, "").manifest.etag;
    CHECK(first.size() == 34);
    CHECK(&cache.get(1, config, all, "") == &cache.get(1, config, all, ""));
    CHECK(cache.get(1, config, {0}, "").manifest.etag != first);
    CHECK(cache.get(1, config, all, std::string(66, 'a')).manifest.etag != first);
    config.services[0].price = Msat(7);
    CHECK(cache.get(2, config, all, "").manifest.etag != first);
    config.services[0].price = Msat(1500);
    CHECK(cache.get(3, config, all, "").manifest.etag == first);
}

TEST_CASE("a tag is found among those that a client has") {
    CHECK(discovery::matches_etag("\"a\"", "\"a\""));
    CHECK(discovery::matches_etag("\"x\", W/\"a\"", "\"a\""));
    CHECK(discovery::matches_etag(" * ", "\"a\""));
    CHECK_FALSE(discovery::matches_etag("", "\"a\""));
    CHECK_FALSE(discovery::matches_etag("\"b\", a", "\"a\""));
}
