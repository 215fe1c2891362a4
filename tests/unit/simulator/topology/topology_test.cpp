#include "contrib/simulator/topology/topology.hpp"

#include "tests/unit/catch.hpp"

namespace millrace::sim {
namespace {

constexpr const char* toml_text = R"(
network = "regtest"
seed = 7
[[node]]
name = "a"
plugins = ["p"]
[node.options]
cltv-final = 5
names = ["x", "y"]
[[node]]
name = "b"
alias = "Bee"
[[channel]]
from = "a"
to = "b"
capacity_msat = 1_000_000
push_msat = "100sat"
fee_ppm = 500
latency_ms = 20
private = true
[channel.reverse]
fee_ppm = 7
)";

TEST_CASE("a TOML topology is read with its defaults") {
    const auto read = read_topology(toml_text);
    REQUIRE(read);
    CHECK(read->seed == 7);
    REQUIRE(read->nodes.size() == 2);
    CHECK(read->nodes[0].options.at("cltv-final") == std::vector<std::string>{"5"});
    CHECK(read->nodes[0].options.at("names") == std::vector<std::string>{"x", "y"});
    CHECK(read->nodes[0].alias == "a");
    CHECK(read->nodes[1].alias == "Bee");
    REQUIRE(read->channels.size() == 1);
    const ChannelLine& channel = read->channels[0];
    CHECK(channel.push == Msat(100'000));
    CHECK(channel.policy.fee_ppm == 500);
    CHECK(channel.policy.fee_base_msat == 1);
    CHECK(channel.policy.cltv_delta == 6);
    CHECK(channel.policy.htlc_maximum == Msat(990'000));
    CHECK(channel.reverse.fee_ppm == 7);
    CHECK(channel.reverse.fee_base_msat == 1);
    CHECK(channel.reserve == Msat(10'000));
    CHECK(channel.latency.median == std::chrono::milliseconds(20));
    CHECK_FALSE(channel.is_public);
}

TEST_CASE("the same topology as JSON is the same") {
    const auto read = read_topology(R"({"seed":7,"node":[{"name":"a"},{"name":"b"}],
        "channel":[{"from":"a","to":"b","capacity_msat":1000000,"scid":"5x6x7"}]})");
    REQUIRE(read);
    CHECK(read->channels[0].scid == ShortChannelId(5, 6, 7));
}

TEST_CASE("a topology with a mistake is refused, and the mistake is named") {
    const std::pair<const char*, const char*> cases[] = {
        {R"({"node":[{"name":"a"}],"channel":[{"from":"a","to":"c","capacity_msat":1}]})", "there is no node c"},
        {R"({"node":[{"name":"a"},{"name":"a"}]})", "a is taken"},
        {R"({"node":[{"name":"../a"}]})", "names a folder"},
        {R"({"node":[{"name":"a","colour":"red"}]})", "colour"},
        {R"({"node":[{"name":"a"},{"name":"b"}],"channel":[{"from":"a","to":"b","capacity_msat":1,"push_msat":2}]})",
         "push_msat"},
        {R"({"node":[{"name":"a"},{"name":"b"}],"channel":[{"from":"a","to":"b"}]})", "capacity_msat"},
        {R"({"node":[{"name":"a"},{"name":"b"}],"channel":[{"from":"a","to":"b","capacity_msat":9,"reverse":{"from":"a"}}]})",
         "reverse"},
        {R"({"network":"mainnet","node":[]})", "network"},
        {R"({"node":[)", "not JSON"},
        {"node = [", "not TOML"},
    };
    for (const auto& [text, message] : cases) {
        INFO(text);
        const auto read = read_topology(text);
        REQUIRE_FALSE(read);
        CHECK(read.error().message.find(message) != std::string::npos);
    }
}

TEST_CASE("sim-ln's sim_network is read: nodes out of the channels, half of each channel on each side") {
    const auto read = read_topology(R"({"sim_network":[{"scid":1,"capacity_msat":2000,
        "node_1":{"pubkey":"02aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","alias":"alice","max_htlc_count":483,
          "max_in_flight_msat":2000,"min_htlc_size_msat":1,"max_htlc_size_msat":2000,"cltv_expiry_delta":40,"base_fee":1000,"fee_rate_prop":100},
        "node_2":{"pubkey":"02bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","max_htlc_count":15,
          "max_in_flight_msat":2000,"min_htlc_size_msat":1,"max_htlc_size_msat":2000,"cltv_expiry_delta":80,"base_fee":5,"fee_rate_prop":7}}]})");
    REQUIRE(read);
    REQUIRE(read->nodes.size() == 2);
    CHECK(read->nodes[0].name == "alice");
    CHECK(read->nodes[1].name == "02bbbbbbbbbb");
    const ChannelLine& channel = read->channels[0];
    CHECK(channel.scid == ShortChannelId(1));
    CHECK(channel.push == Msat(1000));
    CHECK(channel.policy.cltv_delta == 40);
    CHECK(channel.policy.fee_base_msat == 1000);
    CHECK(channel.reverse.fee_ppm == 7);
}

TEST_CASE("S11: of sim-ln's files each side's bounds on what it has under way are applied") {
    const auto read = read_topology(R"({"sim_network":[{"scid":1,"capacity_msat":2000,
        "node_1":{"pubkey":"02aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","alias":"alice","max_htlc_count":600,
          "max_in_flight_msat":1500,"min_htlc_size_msat":1,"max_htlc_size_msat":2000,"cltv_expiry_delta":40,"base_fee":1000,"fee_rate_prop":100},
        "node_2":{"pubkey":"02bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","max_htlc_count":15,
          "max_in_flight_msat":1000,"min_htlc_size_msat":1,"max_htlc_size_msat":2000,"cltv_expiry_delta":80,"base_fee":5,"fee_rate_prop":7}}]})");
    REQUIRE(read);
    const ChannelLine& channel = read->channels[0];
    CHECK(channel.max_accepted_htlcs == 483);  // BOLT 2 knows no more
    CHECK(channel.reverse_max_accepted_htlcs == 15);
    CHECK(channel.max_in_flight == Msat(1500));
    CHECK(channel.reverse_max_in_flight == Msat(1000));
}

TEST_CASE("an htlc maximum above the capacity is refused in sim_network") {
    const auto read = read_topology(R"({"sim_network":[{"scid":1,"capacity_msat":1999,
        "node_1":{"pubkey":"02aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","max_htlc_count":483,
          "max_in_flight_msat":2000,"min_htlc_size_msat":1,"max_htlc_size_msat":2000,"cltv_expiry_delta":40,"base_fee":1000,"fee_rate_prop":100},
        "node_2":{"pubkey":"02bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","max_htlc_count":15,
          "max_in_flight_msat":2000,"min_htlc_size_msat":1,"max_htlc_size_msat":1000,"cltv_expiry_delta":80,"base_fee":5,"fee_rate_prop":7}}]})");
    REQUIRE_FALSE(read);
    CHECK(read.error().message.find("max_htlc_size_msat") != std::string::npos);
}

}  // namespace
}  // namespace millrace::sim
