// What a request asks for, in the one spelling in which it is compared with the configuration and sent upstream, so
// that no second spelling of a path reaches what the first one has to pay for.
//
//   request-target := origin-form | absolute-form | "*"          (RFC 9112 §3.2; authority-form is CONNECT's, not
//   served)
//   "." and ".." segments are resolved, repeated slashes merged, percent-encoded unreserved characters decoded (RFC
//   3986 §6.2.2).
//
// Refused, since servers disagree on what they mean: dot segments that are percent-encoded or carry a ";parameter",
// encoded NUL or other control characters, encoded or plain backslashes, overlong UTF-8, characters that do not belong
// in a URI, fragments. An encoded slash stays as it is: `path` has it as "%2F". What else servers make of the path is in
// `readings`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "service/paywall/path_readings.hpp"

namespace millrace::paywall {

struct RequestTarget {
    std::string path;                      // decoded, for comparing
    std::optional<PathReadings> readings;  // empty where all servers read it as `path`
    std::string forward;                   // what is sent upstream: path and query
    std::string authority;                 // of an absolute-form: replaces the Host field (RFC 9112 §3.2.2)
    bool https = false;                    // absolute-form with scheme https
};

// Who carries the request to the upstream: we, in our spelling, or a front proxy, in the client's.
enum class Carried { as_forwarded, as_sent };

// Fills `out` (whose memory is reused) and answers null, or answers what is wrong with the target.
[[nodiscard]] const char* parse_target(std::string_view target, RequestTarget& out,
                                       Carried carried = Carried::as_forwarded);

// A Host field's value without port and in lower case ("api.example.com", "[::1]"), or empty where it is no host.
// `out` is reused. False where it is malformed; an empty value is fine (RFC 9112 §3.2).
[[nodiscard]] bool parse_host(std::string_view value, std::string& out);

}  // namespace millrace::paywall
