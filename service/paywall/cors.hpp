// Cross-origin requests of web pages (https://fetch.spec.whatwg.org/#http-cors-protocol) to a service that allows them:
// the pre-flight is answered here and never reaches the upstream, nor is it sold; the fields of a 402 are made
// readable.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::paywall {

// What a pre-flight asks for.
struct Preflight {
    std::string_view origin;
    std::string_view method;   // Access-Control-Request-Method
    std::string_view headers;  // Access-Control-Request-Headers; empty: none
};

// Whether a page of `origin` may call a service whose `cors` list is this.
[[nodiscard]] bool allows_origin(const std::vector<std::string>& allowed, std::string_view origin);

// Header lines ("Name: value\r\n"...) of the answer to a pre-flight; empty where the origin is not allowed.
[[nodiscard]] std::string preflight_lines(const std::vector<std::string>& allowed, const Preflight& preflight);

// Header lines of any other response to a page of `origin`; empty where it is not allowed.
[[nodiscard]] std::string response_lines(const std::vector<std::string>& allowed, std::string_view origin);

}  // namespace millrace::paywall
