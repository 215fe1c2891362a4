// lightningd kills a plugin that sends anything but valid UTF-8, and not all text is ours: caveats of tokens, for one.
#pragma once

#include <string>
#include <string_view>

namespace millrace::host {

[[nodiscard]] bool is_utf8(std::string_view text);

// With U+FFFD in place of each byte that is not part of a valid sequence (RFC 3629: shortest form, no surrogates).
[[nodiscard]] std::string to_utf8(std::string_view text);

}  // namespace millrace::host
