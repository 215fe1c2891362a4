// Text into HTML.
#pragma once

#include <string>
#include <string_view>

namespace millrace::pages {

// For element content and for attribute values in double quotes: & < > " ' become references.
[[nodiscard]] std::string escape_html(std::string_view text);

}  // namespace millrace::pages
