#include "service/http/http_date.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace::http;
using Time = std::chrono::system_clock::time_point;

TEST_CASE("a time of a header field is in GMT, in the one form that may be sent") {
    CHECK(http_date(Time{}) == "Thu, 01 Jan 1970 00:00:00 GMT");
    CHECK(http_date(Time{std::chrono::seconds(784'111'777)}) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(http_date(Time{std::chrono::milliseconds(784'111'777'999)}) == "Sun, 06 Nov 1994 08:49:37 GMT");
}
