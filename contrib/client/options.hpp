// The command line of millrace-get.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "contrib/client/purchase.hpp"

namespace millrace::client {

struct Options {
    std::string url;
    std::string method;  // upper case
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string output;  // file; empty: standard output
    std::string rpc;     // lightning-rpc of the paying node
    std::string directory;
    std::string ca_file;  // empty: the system's certificates
    Limits limits;
    std::chrono::seconds timeout{60};  // for a connection, for an answer's head, and between two pieces of a body
    unsigned max_pow_bits = 22;        // work that is done where no invoice is to be had; 0: none
    bool verbose = false;
};

// What the environment says; main reads it.
struct Environment {
    std::string home;
    std::string data_home;  // $XDG_DATA_HOME, empty where it is not set
};

// A run ends here where there is nothing to do (--help, --version) or the command line is wrong.
struct Stop {
    Exit exit;
    std::string text;
};

[[nodiscard]] std::variant<Options, Stop> parse_options(const std::vector<std::string>& arguments,
                                                        const Environment& environment);

}  // namespace millrace::client
