// What a front proxy says of the request as the browser sent it, beside the client's address (limits/network.hpp).
//
//   X-Forwarded-Proto: https          the browser came by https: cookies are Secure, and the upstream is told
//   X-Forwarded-Host: shop.example    told to the upstream in place of Host
//   X-Forwarded-Prefix: /shop         what the front cut off the path: in front of links, and told to the upstream
//
// Nothing else comes of them: which service is asked, what it costs and in whose name it is sold is decided by Host and
// the path as they are. Of several values, in one field or in several, the last one counts, which the nearest proxy
// added; where that is malformed, nothing was said.
#pragma once

#include <optional>
#include <string_view>

#include "service/config/config.hpp"
#include "service/http/message.hpp"

namespace millrace::front {

struct Forwarded {
    std::optional<bool> https;
    std::string_view host;    // empty: not said
    std::string_view prefix;  // "/shop", without a slash at its end; empty: not said, or nothing was cut off
};

// Views into the head. `trusted` names what is believed; of whoever is no trusted proxy, nothing is to be asked.
[[nodiscard]] Forwarded read_forwarded(const http::RequestHead& head, const config::TrustedHeaders& trusted);

}  // namespace millrace::front
