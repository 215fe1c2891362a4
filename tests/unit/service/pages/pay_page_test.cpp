#include "service/pages/pay_page.hpp"

#include "service/pages/html.hpp"
#include "service/pages/qr_code.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;

namespace {

const std::chrono::sys_seconds noon{std::chrono::seconds(1'799'971'200)};

pages::PayPage page() {
    return {"weather", std::nullopt, Msat(1000), 1h, "", "lnbc10n1abc", noon + 10min, noon, "/events?service=weather"};
}

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("text is escaped for elements and attributes alike") {
    CHECK(pages::escape_html("a<b>&\"c'") == "a&lt;b&gt;&amp;&quot;c&#39;");
    CHECK(pages::escape_html("&amp;") == "&amp;amp;");
    CHECK(pages::escape_html("plain \xc3\xa9") == "plain \xc3\xa9");
    CHECK(pages::escape_html("").empty());
}

TEST_CASE("prices are shown in satoshi, exactly") {
    struct Case {
        std::uint64_t msat;
        const char* text;
    };
    const Case cases[] = {
        {0, "0"},
        {1, "0.001"},
        {10, "0.01"},
        {999, "0.999"},
        {1000, "1"},
        {1500, "1.5"},
        {1050, "1.05"},
        {123'456, "123.456"},
        {999'000, "999"},
        {1'000'000, "1\u202f000"},
        {21'000'000, "21\u202f000"},
        {1'234'567'890, "1\u202f234\u202f567.89"},
    };
    for (const Case& c : cases) CHECK(pages::sat_text(Msat(c.msat)) == c.text);
}

TEST_CASE("durations are shown in the largest unit that divides them") {
    CHECK(pages::duration_text(1s) == "1 second");
    CHECK(pages::duration_text(90s) == "90 seconds");
    CHECK(pages::duration_text(90min) == "90 minutes");
    CHECK(pages::duration_text(1h) == "1 hour");
    CHECK(pages::duration_text(48h) == "2 days");
    CHECK(pages::duration_text(0s) == "0 seconds");
}

TEST_CASE("everything on a page that came from elsewhere is escaped") {
    pages::PayPage shown = page();
    shown.service = "<s>";
    shown.description = "<d>\"'";
    shown.notice = "<n>";
    shown.bolt11 = "ln<i>";
    shown.events = "/e?\"<e>";
    std::string html = pages::write_pay_page(shown);
    for (const char* part : {"<s>", "<d>", "<n>", "<i>", "<e>"}) CHECK_FALSE(contains(html, part));
    for (const char* part : {"&lt;s&gt;", "&lt;d&gt;&quot;&#39;", "&lt;n&gt;", "ln&lt;i&gt;", "/e?&quot;&lt;e&gt;"})
        CHECK(contains(html, part));
}

TEST_CASE("an invoice is offered until it expires, and no longer") {
    pages::PayPage shown = page();
    std::string html = pages::write_pay_page(shown);
    CHECK(contains(html, "lightning:lnbc10n1abc"));
    CHECK(contains(html, "To be paid by 00:10:00 UTC"));
    CHECK(contains(html, "data-left=\"600\" data-grace=\"30\" data-events=\"/events?service=weather\""));
    shown.now = shown.expires_at;
    html = pages::write_pay_page(shown);
    CHECK_FALSE(contains(html, "lnbc10n1abc"));
    CHECK(contains(html, "<body class=\"expired\" data-left=\"0\""));
    CHECK(contains(html, "This invoice has expired."));
}

TEST_CASE("a QR code is a square of modules with its quiet zone, and no text is too long for silence") {
    std::string svg = pages::qr_svg("LIGHTNING:LNBC1", "a \"name\"");
    CHECK(contains(svg, "aria-label=\"a &quot;name&quot;\""));
    // Version 1 has 21 modules a side; 15 alphanumeric characters fit into it, 15 bytes would as well.
    CHECK(contains(svg, "viewBox=\"0 0 29 29\""));
    // The finder pattern in the upper left corner begins behind the quiet zone.
    CHECK(contains(svg, "d=\"M4 4h7v1h-7z"));
    // 4296 alphanumeric characters are the most that version 40 holds.
    CHECK_FALSE(pages::qr_svg(std::string(4296, 'A'), "x").empty());
    CHECK(pages::qr_svg(std::string(4297, 'A'), "x").empty());
}
