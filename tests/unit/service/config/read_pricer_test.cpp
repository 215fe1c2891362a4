#include "service/config/load.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/service/config/one_service.hpp"

using namespace millrace;
using namespace std::chrono_literals;

namespace {

Result<config::Config> parsed(const std::string& lines) {
    return parse_one_service(lines, "/etc/m.toml");
}

}  // namespace

TEST_CASE("a pricer is an address, and what is asked of it when") {
    auto usual = parsed("pricer = { url = \"http://127.0.0.1:9100/price\" }\n");
    REQUIRE(usual);
    const config::Pricer& pricer = *usual->services[0].pricer;
    CHECK(pricer.url() == "http://127.0.0.1:9100/price");
    CHECK(pricer.path == "/price");
    CHECK(pricer.timeout == 500ms);
    CHECK(pricer.cache == 10s);
    CHECK_FALSE(pricer.fallback);
    CHECK(pricer.min == Msat(1));
    CHECK(pricer.facts == std::vector<std::string>{"method", "path"});

    auto full = parsed(
        "pricer = { url = \"unix:p.sock:/v1/price?x=1\", timeout = \"2s\", cache = \"100ms\", fallback_msat = 7, "
        "min_msat = 0, max_msat = 9, facts = [], headers = [\"X-Model\"], calls = 2, send = { \"Authorization\" "
        "= \"Bearer x\" } }\n");
    REQUIRE(full);
    const config::Pricer& other = *full->services[0].pricer;
    CHECK(other.url() == "unix:/etc/p.sock:/v1/price?x=1");
    CHECK(other.path == "/v1/price?x=1");
    CHECK(other.fallback == Msat(7));
    CHECK(other.max == Msat(9));
    CHECK(other.min == Msat(0));
    CHECK(other.facts.empty());
    CHECK(other.headers == std::vector<std::string>{"x-model"});
    CHECK(other.calls == 2);
    CHECK(other.upstream.headers.size() == 1);
    for (const char* url : {"http://a:1", "https://a.example", "unix:/run/p.sock"}) {
        auto bare = parsed(std::string("pricer = { url = \"") + url + "\" }\n");
        REQUIRE(bare);
        CHECK(bare->services[0].pricer->path == "/");
    }
}

TEST_CASE("a pricer that cannot be is refused with what would be right") {
    const std::string url = "url = \"http://127.0.0.1:9100/price\"";
    struct {
        std::string lines;
        const char* fault;
    } const cases[] = {
        {"pricer = \"http://a/\"\n", "/etc/m.toml:12: service.pricer: must be a table"},
        {"pricer = {}\n", "service.pricer.url: missing: where prices are asked for"},
        {"pricer = { url = \"ftp://a/\" }\n", "service.pricer.url: must be http://"},
        {"pricer = { url = \"http://u:p@a/\" }\n", "service.pricer.url: must be http://"},
        {"pricer = { url = \"http://a/b c\" }\n", "service.pricer.url: must be http://"},
        {"pricer = { url = \"unix:\" }\n", "service.pricer.url: must be http://"},
        {"pricer = { " + url + ", timeout = \"31s\" }\n", "service.pricer.timeout: must be at most \"30s\""},
        {"pricer = { " + url + ", cache = \"0s\" }\n", "service.pricer.cache"},
        {"pricer = { " + url + ", min_msat = 5, max_msat = 4 }\n",
         "service.pricer.min_msat: must not be more than max_msat"},
        {"pricer = { " + url + ", fallback_msat = 0 }\n", "service.pricer.fallback_msat"},
        {"pricer = { " + url + ", fallback_msat = 5, max_msat = 4 }\n",
         "service.pricer.fallback_msat: must lie between"},
        {"pricer = { " + url + ", facts = [\"body\"] }\n",
         "service.pricer.facts: does not know \"body\"; known here: method"},
        {"pricer = { " + url + ", facts = [\"path\", \"path\"] }\n", "service.pricer.facts: names \"path\" twice"},
        {"pricer = { " + url + ", headers = [\"Cookie\"] }\n",
         "service.pricer.headers: \"Cookie\" may hold a credential"},
        {"pricer = { " + url + ", headers = [\"authorization\"] }\n", "may hold a credential"},
        {"pricer = { " + url + ", headers = [\"Grpc-Metadata-Macaroon\"] }\n", "may hold a credential"},
        {"pricer = { " + url + ", headers = [\"X-Forwarded-For\"] }\n", "tell who asks"},
        {"pricer = { " + url + ", headers = [\"a b\"] }\n", "is no name of a header field"},
        {"pricer = { " + url + ", tls = { ca = \"a.pem\" } }\n", "service.pricer.tls: is for an https:// url"},
        {"pricer = { " + url + ", calls = 0 }\n", "service.pricer.calls"},
        {"pricer = { " + url + ", colour = 1 }\n", "service.pricer.colour"},
        {"credit_msat = 5000\npricer = { " + url + " }\n",
         "service.pricer.max_msat: must be at most the credit_msat of the service, 5000"},
    };
    for (const auto& c : cases) {
        INFO(c.lines);
        auto config = parsed(c.lines);
        REQUIRE_FALSE(config);
        INFO(config.error().message);
        CHECK(config.error().message.find(c.fault) != std::string::npos);
    }
}
