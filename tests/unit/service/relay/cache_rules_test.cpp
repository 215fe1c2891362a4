#include "service/relay/cache_rules.hpp"

#include "service/relay/header_rules.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace::http;
using namespace millrace::relay;

namespace {

constexpr HeadLimits limits{64 * 1024, 1024};

// What is left of `fields`, without the rest of the head.
std::string answered(const std::string& fields, bool for_all, unsigned status = 200) {
    ResponseReader reader;
    const std::string head = "HTTP/1.1 " + std::to_string(status) + " X\r\n" + fields + "Content-Length: 0\r\n\r\n";
    REQUIRE_FALSE(reader.parse(head, limits, false));
    std::string out;
    OwnFields own;
    own.for_all = for_all;
    append_client_head(reader.head(), ClientFraming::none, 11, true, own, out);
    std::size_t begin = out.find("\r\n") + 2;
    std::size_t end = std::min(out.find("Content-Length"), out.size() - 2);
    return out.substr(begin, end - begin);
}

std::string cache_control(const std::string& value, bool for_all = false, unsigned status = 200) {
    return answered("Cache-Control: " + value + "\r\n", for_all, status);
}

}  // namespace

TEST_CASE("H7: what is not free for all is stored by no cache that is shared") {
    const std::string forms[][2] = {
        {"public, max-age=3600", "private, max-age=3600"},
        {"max-age=3600", "private, max-age=3600"},
        {"PUBLIC,s-maxage=10,MAX-AGE=5", "private, MAX-AGE=5"},
        {"s-maxage=\"10\", max-age=5", "private, max-age=5"},
        {"s-maxage = 10, max-age=5", "private, max-age=5"},
        {"must-revalidate, max-age=0", "private, must-revalidate, max-age=0"},
        {"proxy-revalidate, max-age=5, immutable", "private, proxy-revalidate, max-age=5, immutable"},
        {"no-store", "private, no-store"},
        {"no-cache", "private, no-cache"},
        {"must-understand, no-store", "private, must-understand, no-store"},
        {"private", "private"},
        {"private, max-age=60", "private, max-age=60"},
        {"private=\"Set-Cookie\", max-age=60", "private, max-age=60"},
        {"no-cache=\"Set-Cookie, public\", public", "private, no-cache=\"Set-Cookie, public\""},
        {"no-cache=\"a\\\"b, public\", public", "private, no-cache=\"a\\\"b, public\""},
        {"x=\"public, max-age=9", "private"},
        {"stale-while-revalidate=30, stale-if-error=60", "private, stale-while-revalidate=30, stale-if-error=60"},
        {",, ,public,,", "private"},
        {"publicity, x-public", "private, publicity, x-public"},
    };
    for (const auto& [sent, kept] : forms) {
        INFO(sent);
        CHECK(cache_control(sent) == "Cache-Control: " + kept + "\r\n");
        CHECK(cache_control(sent, true) == "Cache-Control: " + sent + "\r\n");
    }
    CHECK(answered("", false) == "Cache-Control: private\r\n");
    CHECK(answered("", true).empty());
    CHECK(answered("Cache-Control: public\r\nCache-Control: max-age=5\r\n", false) ==
          "Cache-Control: private, max-age=5\r\n");
}

TEST_CASE("H7: fields that speak to single caches go, others stay") {
    for (const char* field :
         {"CDN-Cache-Control: max-age=600", "cdn-cache-control: public", "Cloudflare-CDN-Cache-Control: max-age=600",
          "Vercel-CDN-Cache-Control: max-age=1", "X-LiteSpeed-Cache-Control: public", "Surrogate-Control: max-age=600",
          "Edge-Control: cache-maxage=60d", "X-Accel-Expires: 3600"}) {
        INFO(field);
        CHECK(answered(std::string(field) + "\r\n", false) == "Cache-Control: private\r\n");
        CHECK(answered(std::string(field) + "\r\n", true) == std::string(field) + "\r\n");
        CHECK(answered(std::string(field) + "\r\n", true, 402) == "Cache-Control: no-store\r\n");
    }
    const std::string kept = "Expires: Thu, 01 Dec 2094 16:00:00 GMT\r\nVary: Cookie\r\nETag: \"a\"\r\nPragma: x\r\n";
    CHECK(answered(kept, false) == kept + "Cache-Control: private\r\n");
}

TEST_CASE("H7: statuses are treated alike, but for those that are about a moment") {
    for (unsigned status : {200U, 203U, 206U, 301U, 304U, 404U, 410U, 500U}) {
        INFO(status);
        CHECK(cache_control("public, max-age=5", false, status) == "Cache-Control: private, max-age=5\r\n");
        CHECK(cache_control("public, max-age=5", true, status) == "Cache-Control: public, max-age=5\r\n");
    }
    for (unsigned status : {401U, 402U, 429U}) {
        INFO(status);
        CHECK(cache_control("public, max-age=5", false, status) == "Cache-Control: no-store\r\n");
        CHECK(cache_control("public, max-age=5", true, status) == "Cache-Control: no-store\r\n");
    }
    // An interim answer says nothing by itself.
    CHECK(answered("Link: </a>\r\n", false, 103) == "Link: </a>\r\n");
    CHECK(cache_control("public, max-age=5", false, 103) == "Cache-Control: max-age=5\r\n");
    CHECK(answered("CDN-Cache-Control: max-age=5\r\n", false, 103).empty());
}
