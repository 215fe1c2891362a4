// The path under which the upstream has what is sold under another one.
//
//   rewrite = { strip = "/api", prefix = "/v2" }      "/api/x?y=1" -> "/v2/x?y=1", "/api" -> "/v2"
//
// The query stays as it is. What is left of the path begins with a slash or is nothing, since `strip` ends where a
// segment of the service's path ends; so the result is as normal as the request's path was.
#pragma once

#include <string>
#include <string_view>

#include "service/config/config.hpp"

namespace millrace::upstream {

// `target` is a request's path, normalised and still percent-encoded, with its query. Fills `out`, whose memory is
// reused. What `strip` stands for is compared by the rules of the service. A target that does not begin with it only
// gets the prefix.
void rewrite_target(const config::Rewrite& rewrite, const config::PathRules& rules, std::string_view target,
                    std::string& out);

}  // namespace millrace::upstream
