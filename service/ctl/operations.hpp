// What millrace-ctl can ask of the admin API, as a table: commands, their arguments, and the requests they become.
//
//   const Operation* revoke = find_operation("token revoke");
//   Request request = make_request(*revoke, {{"payment_hash", "00.."}, {"reason", "leaked"}});
//   // POST /v1/tokens/00../revoke   {"reason":"leaked"}
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::ctl {

struct Argument {
    enum class Place { path, query, body, document };  // document: the whole body, in TOML or JSON
    std::string_view name;                             // as the API has it
    Place place = Place::query;
    std::string_view type;  // for the help: "HASH"
    std::string_view help;
    bool required = false;  // then it has no option's name on the command line
    bool number = false;    // in a body
};

// How an answer is shown on a terminal: a table of the rows under `rows`, with these columns; without rows, all members
// one a line.
struct View {
    std::string_view rows = {};
    std::vector<std::string_view> columns = {};
};

struct Operation {
    std::string_view command;  // "token revoke"
    std::string_view summary;
    std::string_view method;
    std::string_view path;  // "/v1/tokens/{payment_hash}/revoke"
    std::vector<Argument> arguments = {};
    View view = {};
    [[nodiscard]] bool changes() const { return method != "GET"; }
    [[nodiscard]] bool tries() const;  // the API itself can say what would be
};

[[nodiscard]] std::span<const Operation> operations();
[[nodiscard]] const Operation* find_operation(std::string_view command);  // null where there is none

using Values = std::map<std::string, std::string, std::less<>>;

struct Request {
    std::string method;
    std::string target;
    std::string body = {};  // JSON; empty: none
};

// `values` by name of argument; those that are required must be there, documents as JSON.
[[nodiscard]] Request make_request(const Operation& operation, const Values& values);

}  // namespace millrace::ctl
