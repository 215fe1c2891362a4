#include "plugin/invoicing/paid_index.hpp"

#include <map>

#include "tests/unit/catch.hpp"

namespace millrace::invoicing {
namespace {

struct Stored {
    std::map<std::string, Bytes> chunks;
    std::string cursor;

    void store(PaidIndex& index, bool loses_the_answer = false) {
        while (const auto write = index.next_write()) {
            Bytes& chunk = chunks[write->chunk];
            chunk.insert(chunk.end(), write->data.begin(), write->data.end());
            if (loses_the_answer) return;
            index.written(*write);
        }
        if (const auto text = index.cursor_write()) {
            cursor = *text;
            index.cursor_written();
        }
    }
    [[nodiscard]] std::vector<Bytes> data() const {
        std::vector<Bytes> out;
        for (const auto& [name, chunk] : chunks) out.push_back(chunk);
        return out;
    }
};

std::vector<std::uint64_t> all(const PaidIndex& index, std::uint64_t start = 0, std::size_t limit = SIZE_MAX) {
    const auto found = index.from(start, limit);
    return {found.begin(), found.end()};
}

TEST_CASE("N7: what was sold is found by its pay_index, whatever others were paid in between") {
    PaidIndex index;
    CHECK(index.next_update() == 1);
    CHECK(index.read(3, 2));
    CHECK_FALSE(index.read(4, std::nullopt));
    CHECK(index.read(9, 7));
    CHECK_FALSE(index.read(10, 7));
    CHECK(index.next_update() == 11);
    CHECK(all(index) == std::vector<std::uint64_t>{2, 7});
    CHECK(all(index, 2) == std::vector<std::uint64_t>{2, 7});
    CHECK(all(index, 3) == std::vector<std::uint64_t>{7});
    CHECK(all(index, 0, 1) == std::vector<std::uint64_t>{2});
    CHECK(all(index, 8).empty());
}

TEST_CASE("N7: what was read once is not read again after a start, but for the last few rows") {
    Stored stored;
    PaidIndex index;
    for (std::uint64_t row = 1; row <= 5000; ++row)
        index.read(row, row % 2 == 0 ? std::optional(row / 2) : std::nullopt);
    stored.store(index);
    CHECK(stored.chunks.size() == 3);
    PaidIndex again;
    REQUIRE(again.load(stored.data(), stored.cursor));
    CHECK(all(again) == all(index));
    CHECK(again.next_update() == 5001);
    // A sale alone is one write: the cursor follows later.
    again.read(5001, 2501);
    CHECK(again.next_write()->count == 1);
    stored.store(again);
    PaidIndex third;
    REQUIRE(third.load(stored.data(), stored.cursor));
    CHECK(all(third) == all(again));
    CHECK(third.next_update() == 5001);
    CHECK_FALSE(third.read(5001, 2501));
    for (std::uint64_t row = 5002; row < 5001 + PaidIndex::cursor_step; ++row) third.read(row, std::nullopt);
    CHECK(third.cursor_write());
}

TEST_CASE("N7: an append whose answer was lost does no harm") {
    Stored stored;
    PaidIndex index;
    for (std::uint64_t row = 1; row <= 1030; ++row) index.read(row, row);
    stored.store(index, true);
    stored.store(index);
    PaidIndex again;
    REQUIRE(again.load(stored.data(), stored.cursor));
    CHECK(all(again) == all(index));
}

TEST_CASE("N7: what cannot be read is read anew from the node") {
    Stored stored;
    PaidIndex index;
    index.read(1, 1);
    stored.store(index);
    for (const std::string& cursor :
         {std::string(), std::string("{}"), std::string("nonsense"), std::string(R"({"version":2,"updated_index":5})"),
          std::string(R"({"version":1,"updated_index":0})")}) {
        PaidIndex again;
        CHECK_FALSE(again.load(stored.data(), cursor));
        CHECK(again.next_update() == 1);
        CHECK(again.size() == 0);
    }
    std::vector<Bytes> cut = stored.data();
    cut.front().pop_back();
    CHECK_FALSE(PaidIndex().load(cut, stored.cursor));
    CHECK(PaidIndex().load({}, stored.cursor));
    // A node on which nothing was paid yet has nothing stored, and nothing to store.
    PaidIndex fresh;
    CHECK_FALSE(fresh.load({}, ""));
    CHECK_FALSE(fresh.next_write());
    CHECK_FALSE(fresh.cursor_write());
}

}  // namespace
}  // namespace millrace::invoicing
