// A 429 or a 503 as a person sees it: what is the matter, and that the page looks again by itself. In the style of the
// pay page, under the same policy (page_fields()), and without a script.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace millrace::pages {

struct WaitPage {
    std::string_view service;
    std::string_view title;
    std::string_view detail;
    std::chrono::seconds retry_after;  // within 1 s and an hour, or brought there
};

[[nodiscard]] std::string write_wait_page(const WaitPage& page);

}  // namespace millrace::pages
