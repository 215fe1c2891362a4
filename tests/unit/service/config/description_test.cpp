#include "service/config/description.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace;
using config::describe;

TEST_CASE("a description is filled in from the request") {
    const config::DescriptionFacts facts{"weather", "images", "GET", "/weather/berlin", Msat(1500)};
    CHECK(describe("plain", facts) == "plain");
    CHECK(describe("{service}/{route}: {method} {path} for {price} msat", facts) ==
          "weather/images: GET /weather/berlin for 1500 msat");
    CHECK(describe("{ {} {x y} }{", facts) == "{ {} {x y} }{");
    CHECK(describe("{service}{service}", facts) == "weatherweather");
}

TEST_CASE("what a request says is made printable and the whole is cut between characters") {
    const config::DescriptionFacts hostile{"s", "", "GET", "/a\x01\x7f\xff\xc3\xa9\xed\xa0\x80", Msat(1)};
    CHECK(describe("{path}", hostile) == "/a???\xc3\xa9???");
    CHECK(describe("{path}", {"s", "", "GET", "/\xc2\x9b\xc2\xa0", Msat(1)}) == "/??\xc2\xa0");  // N10: C1, too
    const std::string path = "/" + std::string(637, 'a') + "\xc3\xa9";
    const config::DescriptionFacts longer{"s", "", "GET", path, Msat(1)};
    CHECK(describe("{path}", longer) == path.substr(0, 638));
    CHECK(describe("{path}{path}", {"s", "", "GET", "{service}", Msat(1)}) == "{service}{service}");
}

TEST_CASE("placeholders that are none are found") {
    CHECK_FALSE(config::unknown_placeholder("{service} {route} {method} {path} {price} {} {A}"));
    CHECK(config::unknown_placeholder("a {colour}") == "{colour}");
}
