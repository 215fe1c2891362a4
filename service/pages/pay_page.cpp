#include "service/pages/pay_page.hpp"

#include <algorithm>
#include <array>
#include <ctime>

#include "common/codec/base64.hpp"
#include "common/crypto/hash.hpp"
#include "service/pages/assets.hpp"
#include "service/pages/html.hpp"
#include "service/pages/qr_code.hpp"

namespace millrace::pages {
namespace {

constexpr std::uint64_t msat_per_sat = 1000;
constexpr std::string_view narrow_space = "\u202f";
// Without JavaScript: often enough that nobody waits for long, seldom enough that the link can be clicked.
constexpr std::chrono::seconds refresh{15};

std::string source_of(std::string_view asset) {
    return "'sha256-" + codec::to_base64(crypto::sha256(as_bytes(asset))) + '\'';
}

std::string upper_case(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return out;
}

std::string clock_text(std::chrono::sys_seconds time) {
    std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[16];
    std::size_t length = std::strftime(text, sizeof text, "%H:%M:%S", &parts);
    return {text, length};
}

// How to pay: code, link, text. Absent once the invoice has expired.
std::string write_offer(const PayPage& page) {
    std::string link = "lightning:" + escape_html(page.bolt11);
    std::string out;
    // The QR code's own link, so that a phone that shows the page can be tapped where another would be scanned.
    std::string code = qr_svg("LIGHTNING:" + upper_case(page.bolt11), "QR code of the Lightning invoice");
    if (!code.empty()) out.append("<a class=\"code\" href=\"").append(link).append("\">").append(code).append("</a>\n");
    out.append("<p class=\"left\" id=\"left\">To be paid by ")
        .append(clock_text(page.expires_at))
        .append(" UTC</p>\n<div class=\"actions offer\">\n<a class=\"button first\" href=\"")
        .append(link)
        .append("\">Pay with a wallet on this device</a>\n</div>\n");
    out.append("<div class=\"offer\">\n<label for=\"invoice\">Lightning invoice</label>\n")
        .append("<textarea id=\"invoice\" readonly spellcheck=\"false\">")
        .append(escape_html(page.bolt11))
        .append("</textarea>\n<button id=\"copy\" type=\"button\" hidden>Copy the invoice</button>\n</div>\n");
    return out;
}

}  // namespace

std::string sat_text(Msat amount) {
    std::string whole = std::to_string(amount.value() / msat_per_sat);
    for (std::size_t at = whole.size(); at > 3;) whole.insert(at -= 3, narrow_space);
    std::uint64_t rest = amount.value() % msat_per_sat;
    if (rest == 0) return whole;
    std::string decimals = std::to_string(msat_per_sat + rest).substr(1);
    decimals.erase(decimals.find_last_not_of('0') + 1);
    return whole + '.' + decimals;
}

std::string duration_text(std::chrono::seconds duration) {
    struct Unit {
        std::int64_t seconds;
        std::string_view name;
    };
    constexpr std::array<Unit, 4> units = {{{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}}};
    for (const Unit& unit : units) {
        if (duration.count() < unit.seconds || duration.count() % unit.seconds != 0) continue;
        std::int64_t count = duration.count() / unit.seconds;
        return std::to_string(count) + ' ' + std::string(unit.name) + (count == 1 ? "" : "s");
    }
    return "0 seconds";
}

const std::vector<std::string>& page_fields() {
    static const std::vector<std::string> fields = {
        "Content-Security-Policy: default-src 'none'; style-src " + source_of(pay_page_css) + "; script-src " +
            source_of(pay_page_js) +
            "; img-src data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
        "Referrer-Policy: no-referrer",
        "X-Content-Type-Options: nosniff",
    };
    return fields;
}

std::string write_pay_page(const PayPage& page) {
    bool expired = page.now >= page.expires_at;
    std::string price = sat_text(page.price);
    std::string name = escape_html(page.service);
    std::string out;
    out.reserve(32 * 1024);
    out.append("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
        .append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        .append("<meta name=\"robots\" content=\"noindex\">\n<title>")
        .append(name)
        .append(": ")
        .append(price)
        // A browser would otherwise ask for /favicon.ico, and be asked to pay for it.
        .append(" sat</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>")
        .append(pay_page_css)
        .append("</style>\n<noscript><meta http-equiv=\"refresh\" content=\"")
        .append(std::to_string(refresh.count()))
        .append("\"></noscript>\n</head>\n<body");
    if (expired) out.append(" class=\"expired\"");
    out.append(" data-left=\"")
        .append(std::to_string((page.expires_at - page.now).count()))
        .append("\" data-grace=\"")
        .append(std::to_string(expiry_grace.count()))
        .append("\" data-events=\"")
        .append(escape_html(page.events))
        .append("\">\n<main>\n<header>\n<h1>")
        .append(name)
        .append("</h1>\n");
    if (page.description) out.append("<p class=\"about\">").append(escape_html(*page.description)).append("</p>\n");
    out.append("<p class=\"price\">").append(price).append("<small> sat</small></p>\n");
    if (page.buys) out.append("<p class=\"buys\">opens it for ").append(duration_text(*page.buys)).append("</p>\n");
    out.append("</header>\n");
    if (!page.notice.empty()) out.append("<p class=\"notice\">").append(escape_html(page.notice)).append("</p>\n");
    if (expired)
        out.append("<p class=\"left\" id=\"left\">This invoice has expired.</p>\n");
    else
        out.append(write_offer(page));
    out.append("<p class=\"status\" id=\"status\" role=\"status\" aria-live=\"polite\">")
        .append(expired ? "If you have just paid, this page opens in a moment; otherwise it shows a new invoice."
                        : "This page opens by itself once the payment has arrived.")
        .append("</p>\n<p class=\"status\"><a href=\"\">")
        .append(expired ? "Look again" : "I have paid")
        .append("</a></p>\n</main>\n<script>")
        .append(pay_page_js)
        .append("</script>\n</body>\n</html>\n");
    return out;
}

}  // namespace millrace::pages
