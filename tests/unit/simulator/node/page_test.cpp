#include "contrib/simulator/node/page.hpp"

#include <vector>

#include "contrib/simulator/ledger/forwards.hpp"
#include "tests/unit/catch.hpp"

namespace millrace::sim {
namespace {

TEST_CASE("S7: a page begins at its start and ends at its limit, and looks at no row beside them") {
    ForwardTable table;
    for (std::uint64_t i = 0; i < 1000; ++i) {
        ForwardRow row;
        row.in_htlc_id = i;
        table.add(row);
    }
    for (std::uint64_t i = 0; i < 1000; ++i)
        table.resolve(*table.find(ShortChannelId(), 999 - i),
                      i % 2 == 0 ? ForwardStatus::settled : ForwardStatus::failed, Time());
    std::size_t looked_at = 0;
    const auto page = [&](const Page& wanted, bool settled_alone) {
        std::vector<std::uint64_t> out;
        looked_at = 0;
        list_page(table, wanted, [&](const ForwardRow& row) {
            ++looked_at;
            if (settled_alone && row.status != ForwardStatus::settled) return false;
            out.push_back(row.created_index);
            return true;
        });
        return out;
    };
    CHECK(page({"created", 998, 2}, false) == std::vector<std::uint64_t>{998, 999});
    CHECK(looked_at == 2);
    CHECK(page({"updated", 998, 2}, false) == std::vector<std::uint64_t>{3, 2});
    CHECK(looked_at == 2);
    CHECK(page({"updated", 999, {}}, true) == std::vector<std::uint64_t>{2});
    CHECK(looked_at == 2);
    CHECK(page({"created", 1001, {}}, false).empty());
    CHECK(page({{}, {}, {}}, false).size() == 1000);
    CHECK(page({"created", {}, 0}, false).empty());
}

}  // namespace
}  // namespace millrace::sim
