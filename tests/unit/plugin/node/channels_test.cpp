#include "plugin/node/channels.hpp"

#include <boost/json/parse.hpp>

#include "tests/unit/catch.hpp"

namespace millrace::node {
namespace {

ShortChannelId scid(std::uint32_t block) {
    return {block, 1, 0};
}

IncomingChannel incoming(std::uint32_t block, std::uint64_t capacity, std::uint64_t maximum = Msat::max_value) {
    IncomingChannel channel;
    channel.hop.short_channel_id = scid(block);
    channel.hop.fee_base_msat = 1;
    channel.hop.cltv_expiry_delta = 6;
    channel.capacity = Msat(capacity);
    channel.htlc_maximum = Msat(maximum);
    return channel;
}

PeerChannel channel(std::uint32_t block, std::uint64_t receivable) {
    PeerChannel out;
    out.short_channel_id = scid(block);
    out.usable = true;
    out.receivable = Msat(receivable);
    return out;
}

std::vector<std::uint64_t> hinted(const std::vector<IncomingChannel>& in, const std::vector<PeerChannel>& channels,
                                  std::uint64_t amount = 1000) {
    std::vector<std::uint64_t> out;
    for (const auto& route : route_hints(in, channels, Msat(amount))) {
        REQUIRE(route.size() == 1);
        out.push_back(route.front().short_channel_id.value());
    }
    return out;
}

TEST_CASE("lightningd's channels are read") {
    const auto channels = parse_peer_channels(boost::json::parse(R"({"channels":[
        {"state":"CHANNELD_NORMAL","peer_connected":true,"short_channel_id":"103x3x0","private":true,
         "alias":{"local":"14092059x8938821x19062","remote":"5148778x3328229x3071"},"spendable_msat":9843692477,"receivable_msat":5},
        {"state":"CHANNELD_NORMAL","peer_connected":false,"short_channel_id":"103x2x0","private":false,"spendable_msat":1,"receivable_msat":2},
        {"state":"ONCHAIN","peer_connected":true,"short_channel_id":null},
        {"state":"CHANNELD_AWAITING_SPLICE","peer_connected":true,"spendable_msat":7,"receivable_msat":8}]})"));
    REQUIRE(channels);
    REQUIRE(channels->size() == 4);
    const PeerChannel& first = channels->front();
    CHECK(first.short_channel_id == ShortChannelId(103, 3, 0));
    CHECK(first.remote_alias == ShortChannelId(5148778, 3328229, 3071));
    CHECK_FALSE(first.announced);
    CHECK(first.usable);
    CHECK_FALSE((*channels)[1].usable);
    CHECK((*channels)[1].announced);
    CHECK_FALSE((*channels)[2].usable);

    const gateway::NodeFigures figures = figures_of(*channels);
    CHECK(figures.active_channels == 2);
    CHECK(figures.spendable == Msat(9843692484));
    CHECK(figures.receivable == Msat(13));
    CHECK_FALSE(figures.unpayable);
}

TEST_CASE("listincoming is read, and a peer with a fee that fits no invoice is left out") {
    const auto in = parse_incoming(boost::json::parse(R"({"incoming":[
        {"id":"031832b4a40c105972148282dcaabb6e7d5ba3d89eb0aeb18faee86a8cf0609372","short_channel_id":"103x1x0","fee_base_msat":1,
         "htlc_min_msat":0,"htlc_max_msat":9900000000,"fee_proportional_millionths":10,"cltv_expiry_delta":6,
         "incoming_capacity_msat":10000000000,"public":true,"enabled":true},
        {"id":"031832b4a40c105972148282dcaabb6e7d5ba3d89eb0aeb18faee86a8cf0609372","short_channel_id":"103x2x0","fee_base_msat":4294967296,
         "fee_proportional_millionths":10,"cltv_expiry_delta":6,"incoming_capacity_msat":1,"public":false}]})"));
    REQUIRE(in);
    REQUIRE(in->size() == 1);
    CHECK(in->front().announced);
    CHECK(in->front().hop.fee_proportional_millionths == 10);
    CHECK_FALSE(parse_incoming(boost::json::parse(R"({"incoming":[{"id":"00"}]})")));
}

TEST_CASE("N3: a node is unpayable where none of its channels is connected, or it has none") {
    struct {
        const char* channels;
        std::optional<gateway::Unpayable> unpayable;
    } const cases[] = {
        {"[]", gateway::Unpayable::no_channels},
        {R"([{"state":"ONCHAIN","peer_connected":true},{"state":"CHANNELD_AWAITING_LOCKIN","peer_connected":true}])",
         gateway::Unpayable::no_channels},
        {R"([{"state":"CHANNELD_NORMAL","peer_connected":false}])", gateway::Unpayable::offline},
        {R"([{"state":"CHANNELD_NORMAL","peer_connected":true,"reestablished":false}])", gateway::Unpayable::offline},
        {R"([{"state":"CHANNELD_NORMAL","peer_connected":true,"reestablished":true}])", std::nullopt},
        {R"([{"state":"CHANNELD_NORMAL","peer_connected":true}])", std::nullopt},
        {R"([{"state":"CHANNELD_NORMAL","peer_connected":false},{"state":"CHANNELD_AWAITING_SPLICE","peer_connected":true}])",
         std::nullopt},
    };
    for (const auto& one : cases) {
        INFO(one.channels);
        const auto channels =
            parse_peer_channels(boost::json::parse(R"({"channels":)" + std::string(one.channels) + "}"));
        REQUIRE(channels);
        CHECK(figures_of(*channels).unpayable == one.unpayable);
    }
}

PeerChannel away(PeerChannel channel) {
    channel.usable = false;
    return channel;
}

PeerChannel announced(PeerChannel channel) {
    channel.announced = true;
    return channel;
}

TEST_CASE("N3: an amount that the node cannot receive is warned of, as `invoice` does") {
    using Words = std::vector<std::string>;
    const Words capacity{"warning_capacity"};
    struct {
        const char* what;
        std::vector<IncomingChannel> incoming;
        std::vector<PeerChannel> channels;
        std::uint64_t amount;
        Words warnings;
    } const cases[] = {
        {"within", {incoming(1, 9)}, {channel(1, 1000)}, 999, {}},
        {"all of it", {incoming(1, 9)}, {channel(1, 1000)}, 1000, capacity},
        {"more than there is", {incoming(1, 9)}, {channel(1, 1000)}, 1001, capacity},
        {"two together", {incoming(1, 9), incoming(2, 9)}, {channel(1, 1000), channel(2, 1000)}, 1999, {}},
        {"what one HTLC may carry", {incoming(1, 9, 400)}, {channel(1, 1000)}, 500, capacity},
        {"a peer that is away",
         {incoming(1, 9), incoming(2, 9)},
         {channel(1, 100), away(channel(2, 1000))},
         500,
         {"warning_offline"}},
        {"a dead end",
         {incoming(1, 9), incoming(2, 0)},
         {channel(1, 100), channel(2, 1000)},
         500,
         {"warning_deadends"}},
        {"not announced beside one that is",
         {incoming(1, 9), incoming(2, 9)},
         {announced(channel(1, 100)), channel(2, 1000)},
         500,
         {"warning_private_unused"}},
        {"not announced, as all are", {incoming(1, 9), incoming(2, 9)}, {channel(1, 100), channel(2, 1000)}, 500, {}},
        {"a channel that is not known", {incoming(1, 9), incoming(7, 9)}, {channel(1, 100)}, 500, capacity},
        {"none", {}, {}, 1, capacity},
    };
    for (const auto& one : cases) {
        INFO(one.what);
        std::vector<PeerChannel> channels = one.channels;
        for (PeerChannel& each : channels) each.open = true;
        Words words;
        for (const auto& [word, text] : payment_warnings(one.incoming, channels, Msat(one.amount))) {
            words.push_back(word);
            CHECK(text.starts_with("Insufficient incoming"));
        }
        CHECK(words == one.warnings);
    }
}

TEST_CASE("a node with an announced channel needs no hints") {
    CHECK(hinted({}, {}).empty());
    CHECK(hinted({incoming(1, 5000)}, {channel(1, 5000)}).size() == 1);
    IncomingChannel announced = incoming(2, 5000);
    announced.announced = true;
    CHECK(hinted({incoming(1, 5000), announced}, {channel(1, 5000)}).empty());
    PeerChannel soon = channel(2, 5000);
    soon.announced = true;  // not deep enough yet to be in the gossip
    CHECK(hinted({incoming(1, 5000), incoming(2, 5000)}, {channel(1, 5000), soon}).empty());
}

TEST_CASE("dead ends and peers that are away are no hints") {
    PeerChannel away = channel(2, 5000);
    away.usable = false;
    CHECK(hinted({incoming(1, 0), incoming(2, 5000), incoming(3, 5000)}, {channel(1, 5000), away, channel(3, 0)})
              .empty());
}

TEST_CASE("the widest come first, and only those that carry the amount where there are any") {
    const std::vector<IncomingChannel> in{incoming(1, 1, 500), incoming(2, 1), incoming(3, 1),
                                          incoming(4, 1),      incoming(5, 1), incoming(6, 1)};
    const std::vector<PeerChannel> channels{channel(1, 9000), channel(2, 800), channel(3, 2000),
                                            channel(4, 3000), channel(5, 400), channel(6, 100)};
    const auto value = [](std::uint32_t block) { return scid(block).value(); };
    CHECK(hinted(in, channels, 1000) == std::vector{value(4), value(3)});
    CHECK(hinted(in, channels, 5000) == std::vector{value(4), value(3), value(2), value(1)});
}

TEST_CASE("the peer's alias stands for an unannounced channel, found by number or by our own alias") {
    PeerChannel aliased = channel(1, 5000);
    aliased.remote_alias = ShortChannelId(7, 7, 7);
    CHECK(hinted({incoming(1, 5000)}, {aliased}) == std::vector{ShortChannelId(7, 7, 7).value()});
    aliased.local_alias = scid(9);
    aliased.short_channel_id.reset();
    CHECK(hinted({incoming(9, 5000)}, {aliased}) == std::vector{ShortChannelId(7, 7, 7).value()});
}

}  // namespace
}  // namespace millrace::node
