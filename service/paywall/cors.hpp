// Cross-origin requests of web pages (https://fetch.spec.whatwg.org/#http-cors-protocol) to a service that allows them:
// the pre-flight is answered here and never reaches the upstream, nor is it sold; the fields of a 402 are made
// readable.
//
//   cors = ["*"]      every answer says "Access-Control-Allow-Origin: *", whether or not an Origin came
//   cors = [origin]   every answer says "Vary: Origin", since caches must not give the one origin's to the other; those
//                     to a page of a listed origin allow it
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::paywall {

// What a pre-flight asks for.
struct Preflight {
    std::string_view origin;
    std::string_view method;   // Access-Control-Request-Method; what is granted, where others are taken: a list
    std::string_view headers;  // Access-Control-Request-Headers; empty: none
};

// Whether a page of `origin` may call a service whose `cors` list is this.
[[nodiscard]] bool allows_origin(const std::vector<std::string>& allowed, std::string_view origin);

// Header lines ("Name: value\r\n"...) of the answer to a pre-flight; they grant nothing where the origin is not
// allowed.
[[nodiscard]] std::string preflight_lines(const std::vector<std::string>& allowed, const Preflight& preflight);

// Header lines of any other response; `origin` empty: the request named none. Empty where `allowed` is.
[[nodiscard]] std::string response_lines(const std::vector<std::string>& allowed, std::string_view origin);

// The same lines, in which the names that an upstream exposes (values of Access-Control-Expose-Headers) stand behind
// ours, each once. Where `lines` expose nothing, they stay.
[[nodiscard]] std::string expose_too(std::string_view lines, const std::vector<std::string_view>& upstream);

}  // namespace millrace::paywall
