// Whether an answer is read by a person: content negotiation by Accept (RFC 9110 §12.5.1).
//
//   accepted("text/html,*/*;q=0.8", "application/json")    800
//   wants_page(head)                                       true where a browser goes to an address
#pragma once

#include <string_view>

#include "service/http/message.hpp"

namespace millrace::pages {

// The weight that an Accept value gives a media type, in thousandths, by the most specific range that covers it: 0
// where none does, or where it is refused. Parameters other than q are not looked at.
[[nodiscard]] int accepted(std::string_view accept, std::string_view type);

// True where text/html is asked for by name and before JSON. "*/*", which programs and scripts send, is no such wish.
[[nodiscard]] bool prefers_html(std::string_view accept);

// True for a GET, or a HEAD, by which a browser goes to an address: Accept prefers HTML, and neither Sec-Fetch-Mode,
// Sec-Fetch-Dest nor X-Requested-With says that a script, an image or a frame asks.
[[nodiscard]] bool wants_page(const http::RequestHead& head);

}  // namespace millrace::pages
