// The command line of millrace-ctl.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "service/ctl/connection.hpp"
#include "service/ctl/request.hpp"

namespace millrace::ctl {

enum class Exit : int {
    good = 0,
    internal = 1,
    usage = 2,
    not_found = 3,
    refused = 4,      // the token does not do, or what was asked for is not possible
    unreachable = 5,  // nobody listens, or there was no whole answer
    server = 6,       // millraced could not do it
};

// What an answer's status means to a script.
[[nodiscard]] Exit exit_of(unsigned status);

struct Options {
    Place place = {};
    bool json = false;
    bool dry_run = false;
    const Operation* operation = nullptr;  // null: mcp
    Values values = {};
};

// Ends at once: after --help or a fault.
struct Stop {
    Exit exit;
    std::string text;
};

[[nodiscard]] std::variant<Options, Stop> parse_options(const std::vector<std::string>& arguments);

// What --dry-run prints.
[[nodiscard]] std::string written(const Place& place, const Request& request);

}  // namespace millrace::ctl
