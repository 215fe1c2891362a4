#include "contrib/simulator/node/holds.hpp"

#include "tests/unit/catch.hpp"

namespace millrace::sim {
namespace {

TEST_CASE("a hold keeps what matches it, up to its count, and lets it go in order") {
    Holds holds;
    std::string order;
    const auto id = holds.add({"hook-call", "seller", "htlc_accepted", ""}, 2);
    const auto keep = [&](const char* node, const char* method, char mark) {
        return holds.keep({"hook-call", node, method, "plugin"}, [&order, mark] { order += mark; });
    };
    CHECK_FALSE(keep("buyer", "htlc_accepted", 'x'));
    CHECK_FALSE(keep("seller", "invoice_payment", 'x'));
    CHECK(keep("seller", "htlc_accepted", 'a'));
    CHECK(keep("seller", "htlc_accepted", 'b'));
    CHECK_FALSE(keep("seller", "htlc_accepted", 'x'));
    CHECK(holds.all().at(id).caught == 2);
    CHECK(order.empty());
    CHECK(holds.release(id));
    CHECK(order == "ab");
    CHECK_FALSE(holds.release(id));
    CHECK_FALSE(keep("seller", "htlc_accepted", 'x'));
}

TEST_CASE("a hold's catches are told to whoever waits") {
    Holds holds;
    int told = 0;
    holds.on_change([&] { ++told; });
    holds.add({"htlc-add", "", "", ""}, 0);
    CHECK_FALSE(holds.keep({"htlc-remove", "a", "", ""}, [] {}));
    CHECK(holds.keep({"htlc-add", "a", "", ""}, [] {}));
    CHECK(told == 1);
}

}  // namespace
}  // namespace millrace::sim
