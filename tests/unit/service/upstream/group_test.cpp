#include "service/upstream/group.hpp"

#include "service/config/load.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::upstream;
using namespace std::chrono_literals;

namespace {

const AddressHealth::Time start{1000h};

std::vector<config::Service> services(const std::string& upstream) {
    auto config = config::parse(
        "[listen]\naddress = \"127.0.0.1:0\"\n[node]\ngateway = \"g\"\n[store]\npath = \"m\"\n"
        "[[service]]\nname = \"a\"\npath = \"/\"\nprice_msat = 1\n" +
            upstream,
        "m.toml");
    REQUIRE(config);
    return config->services;
}

std::string first_url(const Group& group) {
    Attempts attempts = group.attempts();
    return group.next(attempts, start)->url;
}

}  // namespace

TEST_CASE("requests go round among the addresses that are well") {
    auto groups = make_groups(services("upstream = [\"http://a\", \"http://b\", \"unix:/c\"]\n"), {});
    REQUIRE(groups);
    const Group& group = *groups->at(0);
    CHECK(first_url(group) == "http://a:80");
    CHECK(first_url(group) == "http://b:80");
    CHECK(first_url(group) == "unix:/c");
    (void)group.targets()[1].health->failed(start);
    for (int i = 0; i < 6; ++i) CHECK(first_url(group) != "http://b:80");
    for (const Target& target : group.targets()) (void)target.health->checked(false);
    CHECK_FALSE(first_url(group).empty());
}

TEST_CASE("a reload keeps what is known of an address, unless the checks have changed") {
    const std::string both = "upstream = [\"http://a\", \"http://b\"]\n";
    auto before = make_groups(services(both), {});
    REQUIRE(before);
    (void)before->at(0)->targets()[1].health->failed(start);
    auto same = make_groups(services("upstream = [\"http://b\", \"http://c\"]\n"), *before);
    REQUIRE(same);
    CHECK_FALSE(same->at(0)->targets()[0].health->well(start));
    CHECK(same->at(0)->targets()[1].health->well(start));
    auto other = make_groups(services(both + "health = { path = \"/\" }\n"), *before);
    REQUIRE(other);
    CHECK(other->at(0)->targets()[1].health->well(start));
}

TEST_CASE("TLS settings belong to https addresses, and their files are read at once") {
    auto groups =
        make_groups(services("upstream = [\"https://a\", \"http://b\"]\nupstream_tls = { sni = \"c\" }\n"), {});
    REQUIRE(groups);
    CHECK(groups->at(0)->targets()[0].tls);
    CHECK(groups->at(0)->targets()[0].server_name == "c");
    CHECK_FALSE(groups->at(0)->targets()[1].tls);
    auto missing =
        make_groups(services("upstream = \"https://a\"\nupstream_tls = { ca = \"/nonexistent.pem\" }\n"), {});
    REQUIRE_FALSE(missing);
    CHECK(missing.error().message.find("service \"a\": ") != std::string::npos);
    CHECK(missing.error().message.find("upstream_tls.ca: /nonexistent.pem cannot be used") != std::string::npos);
}
