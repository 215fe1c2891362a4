#include "service/config/load_pages.hpp"

namespace millrace::config {
namespace {

constexpr std::uint64_t most_waiting = 1'000'000;  // far above what a process has file descriptors for

std::uint32_t line_of(const toml::table* table) {
    return table ? static_cast<std::uint32_t>(table->source().begin.line) : 1;
}

}  // namespace

void read_pay_page(const toml::table* table, Config& config, Faults& faults) {
    Section section(table, "pay_page", line_of(table), faults);
    if (auto max = section.integer("max_waiting", 0, most_waiting))
        config.pay_page.max_waiting = static_cast<std::size_t>(*max);
    section.no_others();
}

}  // namespace millrace::config
