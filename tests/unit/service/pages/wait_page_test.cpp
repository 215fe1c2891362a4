#include "service/pages/wait_page.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;

TEST_CASE("a page to wait at says what is the matter, looks again by itself, and escapes what it shows") {
    const std::string page = pages::write_wait_page({"we<ather", "One & only", "\"Busy\" <now>", 90s});
    CHECK(page.find("<meta http-equiv=\"refresh\" content=\"90\">") != std::string::npos);
    CHECK(page.find("<h1>we&lt;ather</h1>") != std::string::npos);
    CHECK(page.find("One &amp; only") != std::string::npos);
    CHECK(page.find("&quot;Busy&quot; &lt;now&gt;") != std::string::npos);
    CHECK(page.find("looks again in 90 seconds.") != std::string::npos);
    CHECK(page.find("<script") == std::string::npos);
}

TEST_CASE("a page to wait at looks again within an hour, and not at once") {
    struct {
        std::chrono::seconds told;
        const char* expected;
    } const cases[] = {{0s, "content=\"1\""}, {1s, "content=\"1\""}, {48h, "content=\"3600\""}};
    for (const auto& c : cases) {
        INFO(c.told.count());
        CHECK(pages::write_wait_page({"a", "b", "c", c.told}).find(c.expected) != std::string::npos);
    }
}
