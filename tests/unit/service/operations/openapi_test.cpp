// doc/openapi/admin.json beside the rows (service/operations/operation.hpp): each row is there with its summary, its
// role and its arguments, and nothing else is.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <set>

#include "service/operations/operation.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/golden.hpp"

using namespace millrace::operations;
namespace json = boost::json;

namespace {

json::object paths() {
    return json::parse(golden::content(MILLRACE_SOURCE "/doc/openapi/admin.json")).at("paths").as_object();
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(c + ('a' - 'A'));
    return out;
}

const char* type_of(Kind kind) {
    if (kind == Kind::number) return "integer";
    return kind == Kind::flag ? "boolean" : "string";
}

// "query limit integer", "query period string day hour", "path name string required".
std::string line(std::string_view place, std::string_view name, std::string_view type, bool required) {
    return std::string(place) + ' ' + std::string(name) + ' ' + std::string(type) + (required ? " required" : "");
}

std::string described(std::string_view place, std::string_view name, const json::object& schema, bool required) {
    const json::value& type = schema.at("type");
    std::string out = line(place, name, type.is_array() ? type.at(0).as_string() : type.as_string(), required);
    std::set<std::string> words;
    if (const auto* listed = schema.if_contains("enum")) {
        for (const json::value& word : listed->as_array()) words.emplace(word.as_string());
    }
    for (const std::string& word : words) out += ' ' + word;
    return out;
}

std::set<std::string> described(const json::object& operation) {
    std::set<std::string> out;
    if (const auto* parameters = operation.if_contains("parameters")) {
        for (const json::value& one : parameters->as_array()) {
            const auto* required = one.as_object().if_contains("required");
            out.insert(described(one.at("in").as_string(), one.at("name").as_string(), one.at("schema").as_object(),
                                 required && required->as_bool()));
        }
    }
    const auto* body = operation.if_contains("requestBody");
    if (!body) return out;
    const auto& schema = body->at("content").at("application/json").at("schema").as_object();
    if (const auto* reference = schema.if_contains("$ref")) {
        CHECK(*reference == "#/components/schemas/Definition");
        out.insert("document");
        CHECK(body->at("required").as_bool());
        return out;
    }
    std::set<std::string> required;
    if (const auto* listed = schema.if_contains("required")) {
        for (const json::value& one : listed->as_array()) required.emplace(one.as_string());
    }
    CHECK(body->at("required").as_bool() == !required.empty());
    for (const auto& [name, property] : schema.at("properties").as_object())
        out.insert(described("body", name, property.as_object(), required.contains(std::string(name))));
    return out;
}

std::set<std::string> described(const Operation& row) {
    std::set<std::string> out;
    for (const Argument& one : row.arguments) {
        std::string_view place = one.place == Place::path ? "path" : one.place == Place::query ? "query" : "body";
        std::string text = line(place, one.name, type_of(one.kind), one.required);
        for (std::string_view word : std::set<std::string_view>(one.words.begin(), one.words.end()))
            text += ' ' + std::string(word);
        out.insert(one.place == Place::document ? "document" : text);
    }
    return out;
}

}  // namespace

TEST_CASE("the OpenAPI document has each row, with its summary, its role and its arguments, and no other") {
    const json::object documented = paths();
    std::set<std::string> left;
    for (const auto& [path, operations] : documented) {
        for (const auto& [method, operation] : operations.as_object())
            left.insert(std::string(method) + ' ' + std::string(path));
    }
    for (const Operation& row : all()) {
        const std::string method = lower(row.method);
        INFO(method << ' ' << row.path);
        REQUIRE(left.erase(method + ' ' + std::string(row.path)) == 1);
        const json::object& operation = documented.at(row.path).at(method).as_object();
        CHECK(operation.at("summary").as_string() == row.says);
        CHECK(operation.at("responses").as_object().contains("403") == (row.role == Role::write));
        CHECK(described(row) == described(operation));
    }
    CHECK(left.empty());
}
