#include "service/pages/wait_page.hpp"

#include <algorithm>

#include "service/pages/assets.hpp"
#include "service/pages/html.hpp"
#include "service/pages/pay_page.hpp"

namespace millrace::pages {

std::string write_wait_page(const WaitPage& page) {
    const std::chrono::seconds longest = std::chrono::hours(1);
    const std::chrono::seconds wait = std::clamp(page.retry_after, std::chrono::seconds(1), longest);
    const std::string name = escape_html(page.service);
    const std::string title = escape_html(page.title);
    std::string out;
    out.append("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
        .append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        .append("<meta name=\"robots\" content=\"noindex\">\n<meta http-equiv=\"refresh\" content=\"")
        .append(std::to_string(wait.count()))
        .append("\">\n<title>")
        .append(name)
        .append(": ")
        .append(title)
        .append("</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>")
        .append(pay_page_css)
        .append("</style>\n</head>\n<body class=\"wait\">\n<main>\n<header>\n<h1>")
        .append(name)
        .append("</h1>\n<p class=\"headline\">")
        .append(title)
        .append("</p>\n</header>\n<p class=\"notice\">")
        .append(escape_html(page.detail))
        .append("</p>\n<p class=\"left\">This page looks again in ")
        .append(duration_text(wait))
        .append(".</p>\n<div class=\"actions\">\n<a class=\"button first\" href=\"\">Look again now</a>\n</div>\n")
        .append("</main>\n</body>\n</html>\n");
    return out;
}

}  // namespace millrace::pages
