#include "plugin/refunds/refund.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "tests/unit/catch.hpp"
#include "tests/unit/common/random.hpp"

namespace millrace::refunds {
namespace {

std::chrono::sys_seconds at(std::int64_t seconds) {
    return std::chrono::sys_seconds(std::chrono::seconds(seconds));
}

PaymentHash hash(std::uint8_t first) {
    return PaymentHash(std::array<std::uint8_t, 32>{first});
}

TEST_CASE("a refund lies in the datastore as documented") {
    const Refund refund{7,  {hash(1)}, Msat(6789),     Msat(6000),     Msat(100), {hash(2)}, RefundState::pending,
                        {}, {},        at(1795172000), at(1795172000), 3};
    CHECK(datastore_index(7) == "0000000007");
    CHECK(datastore_index(12345678901) == "12345678901");
    CHECK(datastore_text(refund) == R"({"version":1,"deposits":[")" + hash(1).hex() +
                                        R"("],"asked_msat":6789,"amount_msat":6000,"max_fee_msat":100,"payments":[")" +
                                        hash(2).hex() +
                                        R"("],"state":"pending","started_at":1795172000,"changed_at":1795172000})");
}

TEST_CASE("whatever refund is stored comes back as it was") {
    test::Random random(4026);
    for (int i = 0; i < 300; ++i) {
        Refund refund;
        refund.index = random.below(1'000'000'000'000);
        for (std::uint64_t n = 1 + random.below(5); n > 0; --n)
            refund.deposits.push_back(PaymentHash(random.array<32>()));
        for (std::uint64_t n = 1 + random.below(3); n > 0; --n)
            refund.payments.push_back(PaymentHash(random.array<32>()));
        refund.asked = Msat(random.below(Msat::max_value));
        refund.amount = Msat(random.below(Msat::max_value));
        refund.max_fee = Msat(random.below(Msat::max_value));
        refund.state = static_cast<RefundState>(random.below(3));
        if (refund.state == RefundState::complete) refund.fee = Msat(random.below(Msat::max_value));
        if (refund.state == RefundState::failed) refund.reason = random.text(20, "abc \"\\\n");
        refund.started_at = at(static_cast<std::int64_t>(random.below(UINT32_MAX)));
        refund.changed_at = at(static_cast<std::int64_t>(random.below(UINT32_MAX)));
        const auto read = parse_datastore_text(datastore_index(refund.index), datastore_text(refund));
        REQUIRE(read);
        CHECK(datastore_text(*read) == datastore_text(refund));
        CHECK(read->index == refund.index);
        CHECK(set_aside(*read) == set_aside(refund));
    }
}

TEST_CASE("a record that is not a refund of this version is refused with its index") {
    const std::string good = datastore_text(
        {1, {hash(1)}, Msat(1), Msat(1), Msat(1), {hash(2)}, RefundState::complete, Msat(1), {}, at(1), at(1), {}});
    REQUIRE(parse_datastore_text("1", good));
    const boost::json::object members = boost::json::parse(good).as_object();
    for (const auto& member : members) {
        boost::json::object without = members;
        without.erase(member.key());
        const auto read = parse_datastore_text("0000000001", boost::json::serialize(without));
        REQUIRE_FALSE(read);
        CHECK(read.error().message.find("refund 0000000001") == 0);
        CHECK(read.error().message.find(std::string_view(member.key())) != std::string::npos);
    }
    for (const char* text : {"", "{}", "[]", "null", "{\"version\":2}"}) CHECK_FALSE(parse_datastore_text("1", text));
    for (const char* key : {"", "one", "1x", "-1"}) CHECK_FALSE(parse_datastore_text(key, good));
    boost::json::object changed = members;
    changed["version"] = 2;
    CHECK_FALSE(parse_datastore_text("1", boost::json::serialize(changed)));
    changed["version"] = 1;
    changed["state"] = "gone";
    CHECK_FALSE(parse_datastore_text("1", boost::json::serialize(changed)));
    changed["state"] = "pending";
    changed["payments"] = boost::json::array{};
    CHECK_FALSE(parse_datastore_text("1", boost::json::serialize(changed)));
}

TEST_CASE("a pending refund sets aside what it may cost, one that has ended what it cost") {
    Refund refund{1,  {hash(1)}, Msat(6000), Msat(6000), Msat(100), {hash(2)}, RefundState::pending,
                  {}, {},        at(1),      at(1),      {}};
    CHECK(set_aside(refund) == Msat(6100));
    refund.state = RefundState::complete;
    refund.fee = Msat(3);
    CHECK(set_aside(refund) == Msat(6003));
    CHECK(reply_of(refund).fee == Msat(3));
    CHECK_FALSE(reply_of(refund).reason);
    refund.state = RefundState::failed;
    refund.reason = "no route";
    CHECK(set_aside(refund) == Msat(0));
    CHECK(reply_of(refund).reason == "no route");
    CHECK_FALSE(reply_of(refund).fee);
}

}  // namespace
}  // namespace millrace::refunds
