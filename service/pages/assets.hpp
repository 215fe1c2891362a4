// The pages' style and script, as the build embedded them (embed_assets.py).
#pragma once

#include <string_view>

namespace millrace::pages {

extern const std::string_view pay_page_css;
extern const std::string_view pay_page_js;

}  // namespace millrace::pages
