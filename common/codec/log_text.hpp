// Text from outside as a line of a log shows it: what a terminal acts upon, or what is read as something else than it
// is, stands there as an escape.
//
//   log_text("/a\x1b[2J")      /a\u001b[2J          control characters, C0, DEL and C1
//   log_text("/\u202egnp")     /\u202egnp           marks of direction (UAX #9): U+061C U+200E/F U+202A..E U+2066..9
//   log_text("a\u2028b")       a\u2028b             separators of lines and paragraphs
//   log_text("\xff")           \xff                 bytes that are no UTF-8 (RFC 3629)
//   log_text("\\")             \\\\                 so that no escape is written by whoever is logged
//
// All other text stays as it is, of whatever script.
#pragma once

#include <string>
#include <string_view>

namespace millrace::codec {

[[nodiscard]] std::string log_text(std::string_view outside);

}  // namespace millrace::codec
