#include "service/config/read_allowance.hpp"

namespace millrace::config {

std::optional<FreeAllowance> read_free_allowance(Section& service) {
    const toml::table* table = service.table("free_allowance", "{ requests = 10, per = \"1d\" }");
    if (!table) return std::nullopt;
    FreeAllowance out;
    Section section = service.below("free_allowance", *table);
    auto requests = section.integer("requests", 1, 1'000'000, "how many requests are free in the time, such as 10");
    if (requests) out.requests = static_cast<std::uint32_t>(*requests);
    std::chrono::milliseconds per = out.per;
    section.duration("per", per);
    out.per = std::chrono::duration_cast<std::chrono::seconds>(per);
    const bool whole = per == out.per;
    if (per.count() > 0 && (!whole || out.per > std::chrono::hours(24 * 366)))
        section.fault("per", "must be whole seconds, at most \"366d\"");
    if (auto price = section.integer("max_price_msat", 1, max_price_msat)) out.max_price = Msat(*price);
    if (auto count = section.integer("max_prefixes", 1, 10'000'000))
        out.max_prefixes = static_cast<std::size_t>(*count);
    section.no_others();
    return out;
}

}  // namespace millrace::config
