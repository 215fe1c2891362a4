// What operators see of every key, byte for byte: the admin API's JSON of every_key.toml, and what is told of a value
// that no key takes. To write the golden files anew, set MILLRACE_WRITE_GOLDEN. The JSON is as doc/openapi/admin.json
// says.
#include "tests/unit/service/config/every_key.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "service/admin/describe.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/golden.hpp"

using namespace millrace;

namespace {

const std::string folder = MILLRACE_SOURCE "/tests/unit/service/config/golden/";

std::vector<config::Service> every_service() {
    auto config = config::parse(golden::content(folder + "every_key.toml"), "/etc/millrace/every_key.toml");
    if (!config) FAIL(config.error().message);
    return config->services;
}

// The part of the document that describes this value: behind a reference, or one of two where the other is null.
const boost::json::object& resolved(const boost::json::object& document, const boost::json::object& schema) {
    if (const auto* either = schema.if_contains("anyOf"))
        return resolved(document, either->as_array().front().as_object());
    const auto* reference = schema.if_contains("$ref");
    if (!reference) return schema;
    const std::string name(reference->as_string());
    return document.at("components").at("schemas").at(name.substr(name.rfind('/') + 1)).as_object();
}

// Each object of `shown` has the members that are described, in that order.
void check_described(const boost::json::object& document, const boost::json::object& schema,
                     const boost::json::value& shown, const std::string& where) {
    INFO(where);
    if (shown.is_array() && schema.contains("items")) {
        const auto& items = resolved(document, schema.at("items").as_object());
        for (const auto& one : shown.get_array()) check_described(document, items, one, where + "[]");
    }
    if (!shown.is_object() || !schema.contains("properties")) return;
    const auto& properties = schema.at("properties").as_object();
    boost::json::array members;
    for (const auto& [name, value] : shown.get_object()) {
        members.emplace_back(name);
        const auto* property = properties.if_contains(name);
        REQUIRE(property);
        check_described(document, resolved(document, property->as_object()), value, where + '/' + std::string(name));
    }
    CHECK(boost::json::serialize(members) == boost::json::serialize(schema.at("required")));
}

}  // namespace

TEST_CASE("the admin API shows every key of a service as it always did") {
    std::string shown;
    for (const config::Service& service : every_service())
        shown += boost::json::serialize(admin::describe(service)) + '\n';
    CHECK(golden::difference(shown, folder + "every_key.json") == "");
}

TEST_CASE("each key tells what it takes, and each section what it knows, as they always did") {
    const std::string faults = every_fault({"2026-11-29"});
    CHECK(golden::difference(faults, folder + "every_key.faults") == "");
}

TEST_CASE("the admin API's document describes each member of a service") {
    const boost::json::value document = boost::json::parse(golden::content(MILLRACE_SOURCE "/doc/openapi/admin.json"));
    const auto& schema = document.at("components").at("schemas").at("Service").as_object();
    for (const config::Service& service : every_service()) {
        boost::json::object shown = admin::describe_whole(service, "m.toml");
        shown["origin"] = nullptr;  // has members of its own for each kind
        check_described(document.as_object(), schema, shown, service.name.text());
    }
}
