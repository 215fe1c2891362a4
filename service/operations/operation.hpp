// What operators ask of millraced and do with it: one row for an endpoint of the admin API, which is a command of
// millrace-ctl and a tool of its MCP server too.
//
//   {.command = "token revoke",                        // of millrace-ctl; as a tool: token_revoke
//    .method = "POST",
//    .path = "/v1/tokens/{payment_hash}/revoke",
//    .role = Role::write,                              // such tools have no readOnlyHint
//    .help = "refuse the tokens of a payment from now on",
//    .says = "Refuse the tokens of a payment from the next request on; also of one that is not known yet.",
//    .arguments = {hash, {.name = "reason", .place = Place::body, .type = "TEXT", .help = "why, ..."}}}
//
// Everything that goes by endpoints reads the rows: admin/endpoints.cpp, where a handler is named by its command; the
// options, requests and tools of millrace-ctl (service/ctl); operations/documents.hpp, of which its manual page and
// its bash completion are made; the test that holds doc/openapi/admin.json against them
// (tests/unit/service/operations/openapi_test.cpp). Rows stand in the order in which commands are listed.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::operations {

enum class Role { read, write };

// Where a request has an argument. Document: it is the whole body, which the command reads from a file in TOML or JSON.
enum class Place { path, query, body, document };

enum class Kind { text, number, flag };

struct Argument {
    std::string_view name;  // as the API has it
    Place place = Place::query;
    std::string_view type = {};  // for the help: "HASH"
    std::string_view help = {};
    bool required = false;  // then it has no option's name on the command line
    Kind kind = Kind::text;
    std::vector<std::string_view> words = {};  // that it takes, where it takes no others
};

// How an answer is shown on a terminal: a table of the rows under `rows`, with these columns; without rows, all members
// one a line.
struct View {
    std::string_view rows = {};
    std::vector<std::string_view> columns = {};
};

struct Operation {
    std::string_view command;
    std::string_view method;
    std::string_view path;  // "{name}" stands for one segment
    Role role = Role::read;
    std::string_view help;         // of the command and the tool: one sentence
    std::string_view says;         // the summary of doc/openapi/admin.json
    std::string_view manual = {};  // what millrace-ctl(1) says, in mdoc, where that is more
    std::vector<Argument> arguments = {};
    View view = {};

    [[nodiscard]] bool changes() const { return role == Role::write; }
    // Whether the API itself can say what would be: it takes dry_run.
    [[nodiscard]] bool tries() const;
    [[nodiscard]] std::string tool() const;
};

// An option of all commands, and a parameter of those endpoints that try.
constexpr std::string_view dry_run_name = "dry_run";

[[nodiscard]] std::span<const Operation> all();
[[nodiscard]] const Operation* find(std::string_view command);  // null where there is none

// "payment_hash" as the command line writes it: "payment-hash".
[[nodiscard]] std::string option_name(std::string_view argument);

}  // namespace millrace::operations
