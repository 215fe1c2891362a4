// Pages of a table, as lightningd's list commands have them: `index`, `start`, `limit`.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

namespace millrace::sim {

// Which rows of a table a command lists: all of them in the order of their creation, or those from `start` on in the
// order of an index, at most `limit`.
struct Page {
    std::optional<std::string> index;  // "created" or "updated"
    std::optional<std::uint64_t> start;
    std::optional<std::uint64_t> limit;
};

// Hands the rows of the page to `take`, which answers whether it counts; without looking at those before it.
template <class Table, class Take>
void list_page(const Table& table, const Page& page, Take take) {
    std::uint64_t left = page.limit.value_or(std::numeric_limits<std::uint64_t>::max());
    const std::uint64_t start = page.start.value_or(0);
    if (page.index && *page.index == "updated") {
        for (auto at = table.by_update().lower_bound(start); at != table.by_update().end() && left > 0; ++at) {
            if (take(table.rows().at(at->second))) --left;
        }
        return;
    }
    for (auto at = table.rows().lower_bound(start); at != table.rows().end() && left > 0; ++at) {
        if (take(at->second)) --left;
    }
}

}  // namespace millrace::sim
