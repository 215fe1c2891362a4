#include "service/limits/network.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace;
using limits::Network;

namespace {

limits::Address address(const char* text) {
    return limits::parse_address(text).value();
}

std::vector<Network> networks(std::initializer_list<const char*> texts) {
    std::vector<Network> out;
    for (const char* text : texts) out.push_back(Network::parse(text).value());
    return out;
}

}  // namespace

TEST_CASE("a network has the addresses that begin as it does") {
    struct {
        const char* network;
        const char* address;
        bool has;
    } const cases[] = {
        {"192.0.2.0/24", "192.0.2.255", true},
        {"192.0.2.0/24", "192.0.3.0", false},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.128/25", "192.0.2.128", true},
        {"0.0.0.0/0", "255.1.2.3", true},
        {"0.0.0.0/0", "::1", false},
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.6", false},
        {"2001:db8::/32", "2001:db8:ffff::1", true},
        {"2001:db8::/32", "2001:db9::", false},
        {"::1", "::1", true},
        {"192.0.2.0/24", "::ffff:192.0.2.1", true},
    };
    for (const auto& c : cases) {
        INFO(c.network << " " << c.address);
        CHECK(Network::parse(c.network).value().has(address(c.address)) == c.has);
    }
}

TEST_CASE("what is no network is refused") {
    for (const char* text : {"", "192.0.2", "192.0.2.0/33", "192.0.2.1/24", "2001:db8::/129", "2001:db8::1/32",
                             "192.0.2.0/", "192.0.2.0/a", "192.0.2.0/-1", "example.com", "fe80::1%eth0"})
        CHECK_FALSE(Network::parse(text));
}

TEST_CASE("limits are for a /24 or a /48") {
    CHECK(limits::prefix_of(address("192.0.2.1")) == limits::prefix_of(address("192.0.2.254")));
    CHECK_FALSE(limits::prefix_of(address("192.0.2.1")) == limits::prefix_of(address("192.0.3.1")));
    CHECK(limits::prefix_of(address("2001:db8:1::1")) == limits::prefix_of(address("2001:db8:1:ffff::2")));
    CHECK_FALSE(limits::prefix_of(address("2001:db8:1::1")) == limits::prefix_of(address("2001:db8:2::1")));
    CHECK_FALSE(limits::prefix_of(address("0.0.0.4")) == limits::prefix_of(address("::")));
    CHECK(limits::prefix_text(address("192.0.2.1")) == "192.0.2.0/24");
    CHECK(limits::prefix_text(address("2001:db8:1:ffff::2")) == "2001:db8:1::/48");
}

TEST_CASE("only proxies that are trusted say who the client is") {
    const auto trusted = networks({"10.0.0.0/8", "2001:db8::/32"});
    struct {
        const char* peer;
        const char* forwarded;
        const char* client;
    } const cases[] = {
        {"192.0.2.1", "198.51.100.1", "192.0.2.1"},  // spoofed
        {"10.0.0.1", "", "10.0.0.1"},
        {"10.0.0.1", "198.51.100.1", "198.51.100.1"},
        {"10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"},  // what the client wrote itself stands in front
        {"10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"},
        {"10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"},
        {"10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"},
        {"10.0.0.1", "198.51.100.1:4711", "198.51.100.1"},
        {"10.0.0.1", "[2001:db9::1]:80", "2001:db9::1"},
        {"2001:db8::5", "2001:db9::1", "2001:db9::1"},
        {"10.0.0.1", ", ,", "10.0.0.1"},
    };
    for (const auto& c : cases) {
        INFO(c.peer << " <- " << c.forwarded);
        CHECK(limits::client_address(address(c.peer), c.forwarded, trusted) == address(c.client));
    }
}
