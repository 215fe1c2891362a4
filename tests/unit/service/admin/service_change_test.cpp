#include "service/admin/service_change.hpp"

#include <boost/json/parse.hpp>

#include "service/config/load.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::admin;
using Kind = ServiceChange::Kind;
using Where = Place::Kind;

namespace {

constexpr std::chrono::sys_seconds now{std::chrono::seconds(1000)};

std::vector<config::Service> from_file() {
    auto service = [](const char* name) {
        return std::string("[[service]]\nname = \"") + name + "\"\npath = \"/" + name +
               "/\"\nupstream = \"http://127.0.0.1:1\"\nprice_msat = 1\n";
    };
    return config::parse("[listen]\naddress = \"127.0.0.1:80\"\n[node]\ngateway = \"g\"\n[store]\npath = \"s\"\n" +
                             service("f1") + service("f2") + service("f3"),
                         "m.toml")
        .value()
        .services;
}

boost::json::object definition(const std::string& name, int price = 1) {
    return {{"name", name}, {"price_msat", price}};
}

// "a" in front of the file, "b" and "c" behind it.
std::vector<config::StoredService> stored() {
    return {{"a", definition("a"), true, {}, {}},
            {"b", definition("b"), false, {}, {}},
            {"c", definition("c"), false, {}, {}}};
}

std::variant<Plan, Refusal> plan_of(const ServiceChange& change) {
    return plan(change, from_file(), "m.toml", stored(), now);
}

// "a | b c": the file's services are the bar.
std::string order(const std::variant<Plan, Refusal>& outcome) {
    if (const auto* refused = std::get_if<Refusal>(&outcome)) return std::to_string(refused->status);
    std::string front;
    std::string behind;
    for (const auto& one : std::get<Plan>(outcome).stored) (one.in_front ? front : behind) += one.name + ' ';
    return front + '|' + ' ' + behind;
}

}  // namespace

TEST_CASE("a new service stands where it was put") {
    struct Case {
        Place place;
        const char* order;
    };
    for (const Case& one : {
             Case{{}, "a | b c new "},
             Case{{Where::last}, "a | b c new "},
             Case{{Where::first}, "new a | b c "},
             Case{{Where::before, "a"}, "new a | b c "},
             Case{{Where::after, "a"}, "a new | b c "},
             Case{{Where::before, "c"}, "a | b new c "},
             Case{{Where::after, "b"}, "a | b new c "},
             Case{{Where::before, "f1"}, "a new | b c "},
             Case{{Where::after, "f3"}, "a | new b c "},
             Case{{Where::after, "f1"}, "409"},
             Case{{Where::before, "f2"}, "409"},
             Case{{Where::before, "f3"}, "409"},
             Case{{Where::before, "nobody"}, "404"},
         }) {
        INFO(one.order);
        CHECK(order(plan_of({Kind::add, {}, definition("new"), one.place})) == one.order);
    }
}

TEST_CASE("a service that is changed stays where it is, or goes where it is put") {
    struct Case {
        const char* name;
        Place place;
        const char* order;
    };
    for (const Case& one : {
             Case{"b", {}, "a | b c "},
             Case{"b", {Where::last}, "a | c b "},
             Case{"b", {Where::first}, "b a | c "},
             Case{"a", {Where::after, "c"}, "| b c a "},
             Case{"c", {Where::before, "b"}, "a | c b "},
             Case{"c", {Where::before, "c"}, "400"},
             Case{"d", {}, "404"},
             Case{"f1", {}, "409"},
         }) {
        INFO(one.name << one.order);
        auto outcome = plan_of({Kind::set, one.name, definition(one.name, 9), one.place});
        CHECK(order(outcome) == one.order);
        if (auto* made = std::get_if<Plan>(&outcome)) {
            for (const auto& service : made->stored) {
                bool changed = service.name == one.name;
                CHECK((service.definition == definition(service.name, 9)) == changed);
                CHECK((service.updated_at == now) == changed);
                CHECK(service.created_at != now);
            }
        }
    }
}

TEST_CASE("a service is removed alone, and one of the file by its file alone") {
    CHECK(order(plan_of({Kind::remove, "b"})) == "a | c ");
    CHECK(order(plan_of({Kind::remove, "d"})) == "404");
    auto outcome = plan_of({Kind::remove, "f2"});
    CHECK(std::get<Refusal>(outcome).status == 409);
    CHECK(std::get<Refusal>(outcome).detail.find("m.toml:12: change it there") != std::string::npos);
}

TEST_CASE("a name is given once") {
    CHECK(order(plan_of({Kind::add, {}, definition("b")})) == "409");
    auto outcome = plan_of({Kind::add, {}, definition("f1")});
    CHECK(std::get<Refusal>(outcome).detail == "\"f1\" is the service at m.toml:7: choose another name.");
    CHECK(order(plan({Kind::add, {}, definition("new")}, {}, "m.toml", std::vector<config::StoredService>(1000),
                     now)) == "409");
}

TEST_CASE("a change of another version than the one that was read is refused") {
    std::string version = config::version_of(definition("b"));
    for (Kind kind : {Kind::set, Kind::remove}) {
        CHECK(std::holds_alternative<Plan>(plan_of({kind, "b", definition("b", 2), {}, version})));
        auto outcome = plan_of({kind, "b", definition("b", 2), {}, std::string("0123456789abcdef")});
        CHECK(std::get<Refusal>(outcome).status == 409);
        CHECK(std::get<Refusal>(outcome).detail.find("its version is " + version) != std::string::npos);
    }
}

TEST_CASE("a definition without a name is the one that is changed") {
    auto outcome = plan_of({Kind::set, "b", {{"price_msat", 2}}});
    CHECK(std::get<Plan>(outcome).stored[1].definition.at("name") == "b");
}
