#include "service/upstream/attempts.hpp"

#include <bit>
#include <vector>

#include "tests/unit/catch.hpp"

using namespace millrace::upstream;

namespace {

std::vector<std::size_t> order(std::size_t addresses, std::uint32_t well, std::uint32_t turn) {
    std::vector<std::size_t> out;
    Attempts attempts(addresses, turn);
    while (auto index = attempts.next(well)) out.push_back(*index);
    return out;
}

}  // namespace

TEST_CASE("each address is tried once, those that are well first, beginning with the one whose turn it is") {
    using Order = std::vector<std::size_t>;
    struct {
        std::size_t addresses;
        std::uint32_t well;
        std::uint32_t turn;
        Order expected;
    } const cases[] = {
        {1, 0b1, 0, {0}},
        {1, 0b0, 7, {0}},
        {3, 0b111, 0, {0, 1, 2}},
        {3, 0b111, 1, {1, 2, 0}},
        {3, 0b111, 5, {2, 1, 0}},
        {3, 0b111, 4'294'967'295U, {0, 2, 1}},
        {3, 0b101, 0, {0, 2, 1}},
        {3, 0b101, 1, {2, 0, 1}},
        {3, 0b010, 2, {1, 0, 2}},
        {3, 0b000, 1, {1, 2, 0}},  // none is well: all the same
        {16, 0, 15, {15, 0, 2, 4, 6, 8, 10, 12, 14, 3, 9, 1, 13, 5, 11, 7}},
    };
    for (const auto& c : cases) {
        INFO(c.addresses << " addresses, well " << c.well << ", turn " << c.turn);
        CHECK(order(c.addresses, c.well, c.turn) == c.expected);
    }
}

TEST_CASE("addresses that are well get the same share of requests, whichever is out") {
    for (std::uint32_t well : {0b1111U, 0b1011U, 0b0001U, 0b1100U}) {
        std::vector<int> share(4);
        for (std::uint32_t turn = 0; turn < 1200; ++turn) ++share[*Attempts(4, turn).next(well)];
        int expected = 1200 / std::popcount(well);
        for (std::size_t i = 0; i < 4; ++i) CHECK(share[i] == ((well >> i & 1U) != 0 ? expected : 0));
    }
}

TEST_CASE("what becomes well meanwhile is tried before what is not") {
    Attempts attempts(3, 0);
    CHECK(attempts.next(0b001) == 0U);
    CHECK(attempts.left());
    CHECK(attempts.next(0b101) == 2U);
    CHECK(attempts.next(0b101) == 1U);
    CHECK_FALSE(attempts.left());
    CHECK_FALSE(attempts.next(0b111));
}
