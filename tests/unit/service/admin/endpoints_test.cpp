#include <set>

#include "service/admin/handlers.hpp"
#include "service/admin/parameters.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/golden.hpp"

using namespace millrace;
using namespace millrace::admin;

namespace {

// The request of a target, as the server makes it.
std::optional<Request> request(http::Verb verb, std::string_view method, std::string_view target,
                               std::string_view accept = {}) {
    http::RequestHead head;
    head.verb = verb;
    head.method = method;
    head.target = target;
    if (!accept.empty()) head.fields.push_back({http::Field::accept, "Accept", accept});
    return read_request(head);
}

Request get(std::string_view target, Role role = Role::read) {
    Request out = request(http::Verb::get, "GET", target).value();
    out.role = role;
    return out;
}

}  // namespace

TEST_CASE("every row has one handler, and every handler a row") {
    std::multiset<std::string_view> handled;
    for (auto handlers : {process_handlers(), record_handlers(), service_handlers(), token_handlers()}) {
        for (const Handler& one : handlers) handled.insert(one.command);
    }
    std::multiset<std::string_view> rows;
    for (const operations::Operation& row : operations::all()) rows.insert(row.command);
    CHECK(handled == rows);
    CHECK(std::set<std::string_view>(rows.begin(), rows.end()).size() == rows.size());
}

TEST_CASE("the endpoints, their roles and their parameters are those that they always were") {
    std::set<std::string> lines;
    for (const Endpoint& endpoint : endpoints()) {
        std::string line = std::string(endpoint.row->path) + ' ' + std::string(endpoint.row->method);
        line += endpoint.row->role == Role::write ? " write" : " read";
        for (const operations::Argument& one : endpoint.row->arguments)
            line += one.place == operations::Place::query ? ' ' + std::string(one.name) : "";
        Request asked{.method = "TRACE"};
        for (std::string_view rest = endpoint.row->path; !rest.empty();) {
            rest.remove_prefix(1);  // the slash
            const std::string_view segment = rest.substr(0, rest.find('/'));
            asked.path.emplace_back(segment);
            rest.remove_prefix(segment.size());
        }
        line += "; " + std::get<Answer>(find_endpoint(asked)).fields.at(0);
        lines.insert(std::move(line));
    }
    std::string shown;
    for (const std::string& line : lines) shown += line + '\n';
    CHECK(golden::difference(shown, MILLRACE_SOURCE "/tests/unit/service/admin/golden/endpoints.txt") == "");
}

TEST_CASE("whatever is no GET changes something and takes the writing role") {
    for (const Endpoint& endpoint : endpoints()) {
        INFO(endpoint.row->path);
        CHECK((endpoint.row->method == "GET") == (endpoint.row->role == Role::read));
    }
}

TEST_CASE("a request finds its endpoint, or is told why there is none") {
    struct {
        const char* target;
        const char* found;  // null: refused
        unsigned status;
    } const cases[] = {
        {"/v1/status", "/v1/status", 0},
        {"/v1/services", "/v1/services", 0},
        {"/v1/services/a%2Fb", "/v1/services/{name}", 0},
        {"/v1/settlements?limit=3&service=a", "/v1/settlements", 0},
        {"/v1/services/", nullptr, 404},
        {"/v1/services/a/b", nullptr, 404},
        {"/v1//status", nullptr, 404},
        {"/v1/status/", nullptr, 404},
        {"/", nullptr, 404},
        {"/v2/status", nullptr, 404},
        {"/v1/reload", nullptr, 405},
        {"/v1/status?x=1", nullptr, 400},
        {"/v1/settlements?=1", nullptr, 400},
    };
    for (const auto& one : cases) {
        INFO(one.target);
        Request asked = get(one.target);
        auto found = find_endpoint(asked);
        if (one.found)
            CHECK(std::get<const Endpoint*>(found)->row->path == one.found);
        else
            CHECK(std::get<Answer>(found).status == one.status);
    }
    Request named = get("/v1/services/a%2Fb");
    (void)find_endpoint(named);
    CHECK(named.names.at("name") == "a/b");
    Request reload = request(http::Verb::post, "POST", "/v1/reload").value();
    CHECK(std::get<Answer>(find_endpoint(reload)).status == 403);
    reload.role = Role::write;
    CHECK(std::get<const Endpoint*>(find_endpoint(reload))->row->path == "/v1/reload");
}

TEST_CASE("a parameter takes the words of its row, and a change no body but that of its row") {
    auto refusal = [](Request asked) -> std::string {
        asked.role = Role::write;
        auto found = find_endpoint(asked);
        const auto* answer = std::get_if<Answer>(&found);
        if (!answer) return "";
        CHECK(answer->status == 400);
        return answer->body;
    };
    CHECK(refusal(get("/v1/stats?period=hour")).empty());
    CHECK(refusal(get("/v1/stats?period=week")).find("period must be hour or day\"") != std::string::npos);
    CHECK(refusal(get("/v1/stats?period=")).find("period must be") != std::string::npos);
    CHECK(refusal(get("/v1/sessions?refund=x")).find("refund must be pending, succeeded, failed or skipped\"") !=
          std::string::npos);
    CHECK(refusal(get("/v1/settlements?format=xml")).find("format must be csv or json\"") != std::string::npos);
    Request reload{.method = "POST", .path = {"v1", "reload"}};
    CHECK(refusal(reload).empty());
    reload.body = {{"now", true}};
    CHECK(refusal(reload).find("takes no body") != std::string::npos);
    Request revoke{.method = "POST", .path = {"v1", "tokens", "aa", "revoke"}, .body = {{"reason", "x"}}};
    CHECK(refusal(revoke).empty());
}

TEST_CASE("targets that are read in two ways are refused") {
    for (const char* target : {"status", "*", "http://a/v1/status", "/v1/a?x=1&x=2", "/v1/%zz", ""}) {
        INFO(target);
        CHECK_FALSE(request(http::Verb::get, "GET", target));
    }
    CHECK(request(http::Verb::head, "HEAD", "/v1/status")->method == "GET");
}

TEST_CASE("csv is for who asks for it") {
    CHECK(request(http::Verb::get, "GET", "/v1/settlements", "text/csv")->wants_csv);
    CHECK(request(http::Verb::get, "GET", "/v1/settlements?format=csv")->wants_csv);
    CHECK_FALSE(request(http::Verb::get, "GET", "/v1/settlements?format=json", "text/csv")->wants_csv);
    CHECK_FALSE(request(http::Verb::get, "GET", "/v1/settlements", "application/json")->wants_csv);
}

TEST_CASE("times are unix seconds, dates or RFC 3339; numbers have bounds") {
    struct {
        const char* text;
        std::int64_t seconds;  // -1: refused
    } const cases[] = {
        {"0", 0},
        {"1795262400", 1795262400},
        {"2026-11-21", 1795219200},
        {"2026-11-21T12:00:00Z", 1795262400},
        {"-1", -1},
        {"1e9", -1},
        {"", -1},
        {"2026-13-01", -1},
        {"999999999999999", -1},
        {"tomorrow", -1},
    };
    for (const auto& one : cases) {
        INFO(one.text);
        Request asked{.method = "GET", .query = {{"since", one.text}}};
        Parameters in(asked);
        auto time = in.time("since");
        CHECK(in.fault().has_value() == (one.seconds < 0));
        if (one.seconds >= 0) CHECK(time->time_since_epoch().count() == one.seconds);
    }
    Request asked{.method = "GET", .query = {{"limit", "11"}, {"none", "x"}}};
    Parameters in(asked);
    CHECK(in.number("limit", 1, 11) == 11);
    CHECK_FALSE(in.number("missing", 1, 11));
    CHECK_FALSE(in.fault());
    CHECK_FALSE(in.number("limit", 1, 10));
    CHECK(in.fault()->status == 400);
}
