// A URL taken apart into where to connect, what to ask for, and what it is stored under.
//
//   URL := ("http" | "https") "://" host [":" port] [path] ["?" query] ["#" fragment]      RFC 3986; the fragment stays here
//   host := name | IPv4 | "[" IPv6 "]"
//
// Path and query go out byte for byte as they were given, dots and escapes included: "/a%2Fb" and "/a/b" are two
// resources, and so may "/a/../b" and "/b" be. Only what cannot stand in a request line is escaped: space, bytes
// beyond ASCII (as in UTF-8), and "<>[\]^`{|} and the quotation mark.
#pragma once

#include <string>
#include <string_view>

#include "contrib/client/http_error.hpp"

namespace millrace::client {

struct Target {
    bool tls = false;
    std::string host;       // without brackets, lower case
    std::string port;       // digits
    std::string authority;  // for the Host header
    std::string origin;     // scheme://host:port, lower case, port always written
    std::string path;       // without the query
    std::string resource;   // path and query
};

// Errors: bad_url, with what is wrong.
[[nodiscard]] Result<Target> parse_target(std::string_view url);

}  // namespace millrace::client
