#include "service/admit/arrive.hpp"

#include "tests/unit/service/admit/world.hpp"

using namespace millrace;
using namespace millrace::test;

namespace {

struct ArriveWorld : AdmitWorld {
    config::Service& shop() { return config.services[0]; }

    // What is found for the request: its access, or the status of the problem.
    std::string find(const std::string& line, const std::string& lines = "") {
        (void)ask(line, lines);
        const paywall::RouteTable routes(config.services);
        if (auto problem = admit::find_service(request, routes)) {
            last_problem = std::move(*problem);
            return std::to_string(last_problem.status);
        }
        switch (request.match.access) {
            case paywall::Access::free:
                return "free";
            case paywall::Access::auth_only:
                return "tokens alone";
            case paywall::Access::sold:
                break;
        }
        return "sold";
    }
    http::Problem last_problem;
};

config::Methods methods(std::vector<std::string> names) {
    config::Methods out;
    out.names = std::move(names);
    return out;
}

}  // namespace

TEST_CASE("A request belongs to a service by host, path and method, or it is said why to none") {
    ArriveWorld world;
    world.shop().free = {config::PathPattern("/free")};
    world.shop().auth_only = {config::PathPattern("/members")};
    CHECK(world.find("GET /x") == "sold");
    CHECK(world.find("GET /free") == "free");
    CHECK(world.find("GET /members") == "tokens alone");
    world.shop().methods = methods({"GET", "HEAD"});
    CHECK(world.find("POST /x") == "405");
    CHECK(world.last_problem.fields == std::vector<std::string>{"Allow: GET, HEAD, OPTIONS"});
    world.shop().path = config::PathPattern("/shop");
    CHECK(world.find("GET /x") == "404");
    CHECK_FALSE(world.request.found);
    CHECK(world.find("OPTIONS *") == "204");
}

TEST_CASE("A method that a server may take for another one decides nothing that is sold differently") {
    ArriveWorld world;
    CHECK(world.find("POST /x", "X-HTTP-Method-Override: GET\r\n") == "sold");
    CHECK(world.request.other_method);
    CHECK(world.find("GET /x") == "sold");
    CHECK_FALSE(world.request.other_method);
    world.shop().methods = methods({"GET", "HEAD"});
    CHECK(world.find("GET /x", "X-HTTP-Method-Override: DELETE\r\n") == "400");
}

TEST_CASE("A pre-flight belongs to the request that it asks for, and is answered without a price") {
    ArriveWorld world;
    world.shop().cors = {"https://shop.example"};
    const std::string asks =
        "Origin: https://shop.example\r\nAccess-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: x-a\r\n";
    CHECK(world.find("OPTIONS /x", asks) == "sold");
    auto granted = admit::check_origin(world.request, world.pass);
    REQUIRE(granted);
    CHECK(granted->status == 204);
    CHECK(world.pass.own_lines.find("Access-Control-Allow-Origin: https://shop.example") != std::string::npos);
    CHECK(world.find("OPTIONS /x", "Origin: https://other.example\r\nAccess-Control-Request-Method: GET\r\n") ==
          "sold");
    CHECK(admit::check_origin(world.request, world.pass)->status == 403);
    // Of another request it is noted what its answers say.
    CHECK(world.find("GET /x", "Origin: https://shop.example\r\n") == "sold");
    CHECK_FALSE(admit::check_origin(world.request, world.pass));
    CHECK(world.pass.own_lines.find("Access-Control-Allow-Origin: https://shop.example") != std::string::npos);
}

TEST_CASE("OPTIONS is answered here where something is sold, and goes on where the service says so") {
    ArriveWorld world;
    CHECK(world.find("OPTIONS /x") == "sold");
    CHECK(admit::answers_options(world.request));
    CHECK(admit::allowed_methods(world.request) == admit::all_methods);
    world.shop().forward_options = true;
    CHECK(world.find("OPTIONS /x") == "sold");
    CHECK_FALSE(admit::answers_options(world.request));
    world.shop().forward_options = false;
    CHECK(world.find("GET /x") == "sold");
    CHECK_FALSE(admit::answers_options(world.request));
}

TEST_CASE("CONNECT and TRACE are nobody's, a target has one spelling, and a host is one") {
    ArriveWorld world;
    (void)world.ask("TRACE /x");
    CHECK(admit::check_method(*world.request.head)->status == 501);
    (void)world.ask("GET /x");
    CHECK_FALSE(admit::check_method(*world.request.head));
    http::RequestHead head = *world.request.head;
    paywall::RequestTarget target;
    std::string host;
    head.target = "/a/./b//c";
    head.host = "API.Example.com:8080";
    CHECK_FALSE(admit::read_target(head, paywall::Carried::as_forwarded, target, host));
    CHECK(target.path == "/a/b/c");
    CHECK(host == "api.example.com");
    head.host = "a b";
    CHECK(admit::read_target(head, paywall::Carried::as_forwarded, target, host)->detail == "Host is malformed.");
    head.target = "/%00";
    CHECK(admit::read_target(head, paywall::Carried::as_forwarded, target, host)->status == 400);
}

TEST_CASE("A client is who the trusted proxies say, and nobody else") {
    ArriveWorld world;
    const auto address = [](const char* text) { return limits::parse_address(text).value(); };
    config::Clients clients;
    (void)world.ask("GET /x", "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 198.51.100.2\r\n");
    const http::RequestHead& head = *world.request.head;
    CHECK(admit::find_client(clients, head, address("10.0.0.1"), false) == address("10.0.0.1"));
    clients.trusted_proxies = {limits::Network::parse("10.0.0.0/8").value()};
    CHECK(admit::find_client(clients, head, address("10.0.0.1"), false) == address("198.51.100.2"));
    CHECK(admit::find_client(clients, head, address("192.0.2.1"), false) == address("192.0.2.1"));
    // Whoever may ask by forward auth is a proxy.
    CHECK(admit::find_client(clients, head, address("192.0.2.1"), true) == address("198.51.100.2"));
    clients.block = {limits::Network::parse("198.51.100.0/24").value()};
    CHECK(admit::check_client(clients, address("198.51.100.2"))->status == 403);
    CHECK_FALSE(admit::check_client(clients, address("192.0.2.1")));
    clients.allow = {limits::Network::parse("203.0.113.0/24").value()};
    CHECK(admit::check_client(clients, address("192.0.2.1"))->status == 403);
}

TEST_CASE("A body that is told to be too large is refused before anybody pays for it") {
    ArriveWorld world;
    (void)world.ask("POST /x", "Content-Length: 11\r\n");
    CHECK(admit::check_size(*world.request.head, 10)->status == 413);
    CHECK_FALSE(admit::check_size(*world.request.head, 11));
}
