#include "service/config/read_tiers.hpp"

#include <algorithm>

#include "service/config/read_quota.hpp"
#include "service/config/read_routes.hpp"

namespace millrace::config {
namespace {

std::optional<Tier> read_tier(const toml::table& table, const Tier& usual, Faults& faults) {
    Section section(&table, "service.tier", static_cast<std::uint32_t>(table.source().begin.line), faults);
    Tier out = usual;
    auto name = read_name(section, "name", "by which buyers ask for the tier, such as \"gold\"");
    if (name) out.name = name->text();
    auto number =
        section.integer("tier", 0, Tier::max_number, "its number: the higher, the more it opens; 0 for the first");
    if (number) out.number = static_cast<unsigned>(*number);
    auto price = section.integer("price_msat", 1, max_price_msat);
    if (price) out.price = Msat(*price);
    std::chrono::milliseconds timeout{0};
    section.duration("timeout", timeout);
    if (timeout.count() > 0) {
        out.timeout = std::chrono::duration_cast<std::chrono::seconds>(timeout);
        if (out.timeout->count() == 0) section.fault("timeout", "must be at least \"1s\"");
    }
    Quota quota = read_amounts(section);
    check_alone(section, quota);
    if (quota.any()) out.quota = quota;
    out.capabilities = section.texts("capabilities");
    for (const std::string& one : out.capabilities) {
        if (!is_capability(one)) section.fault("capabilities", '"' + one + "\" must be 1 to 32 of a-z 0-9 . _ -");
    }
    std::sort(out.capabilities.begin(), out.capabilities.end());
    auto twice = std::adjacent_find(out.capabilities.begin(), out.capabilities.end());
    if (twice != out.capabilities.end()) section.fault("capabilities", "names \"" + *twice + "\" twice");
    section.no_others();
    if (!name || !number) return std::nullopt;
    return out;
}

}  // namespace

bool Tier::opens(const Route& route) const {
    return number >= route.min_tier &&
           (route.capability.empty() || std::binary_search(capabilities.begin(), capabilities.end(), route.capability));
}

const Tier* Service::tier(unsigned number) const {
    auto named = std::find_if(tiers.begin(), tiers.end(), [number](const Tier& one) { return one.number == number; });
    return named == tiers.end() ? nullptr : &*named;
}

bool Service::counts_by_response() const {
    return quota.bytes || !cost_header.empty() ||
           std::any_of(tiers.begin(), tiers.end(), [](const Tier& tier) { return tier.quota.bytes.has_value(); });
}

const Quota& Service::quota_of(unsigned number) const {
    const Tier* sold = tier(number);
    return sold ? sold->quota : quota;
}

std::optional<std::chrono::seconds> Service::timeout_of(unsigned number) const {
    const Tier* sold = tier(number);
    return sold ? sold->timeout : timeout;
}

bool is_capability(std::string_view text) {
    return !text.empty() && text.size() <= 32 &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") == std::string_view::npos;
}

std::vector<Tier> read_tiers(Section& section, std::optional<std::chrono::seconds> timeout, const Quota& quota,
                             Faults& faults) {
    std::vector<Tier> out;
    Tier usual{.timeout = timeout, .quota = quota};
    for (const toml::table* table : section.tables("tier")) {
        auto tier = read_tier(*table, usual, faults);
        if (!tier) continue;
        auto line = static_cast<std::uint32_t>(table->source().begin.line);
        for (const Tier& earlier : out) {
            if (earlier.name == tier->name)
                faults.note(line, "service.tier.name", '"' + tier->name + "\" is already a tier of this service");
            if (earlier.number == tier->number)
                faults.note(line, "service.tier.tier",
                            std::to_string(tier->number) + " is already the number of tier \"" + earlier.name + '"');
        }
        out.push_back(std::move(*tier));
    }
    std::sort(out.begin(), out.end(), [](const Tier& left, const Tier& right) { return left.number < right.number; });
    return out;
}

void check_tiers(const Service& service, Faults& faults) {
    auto line = static_cast<std::uint32_t>(service.line);
    for (const Route& route : service.routes) {
        const Tier only{};  // of a service that sells one kind of token
        bool opened = service.tiers.empty() ? only.opens(route)
                                            : std::any_of(service.tiers.begin(), service.tiers.end(),
                                                          [&](const Tier& tier) { return tier.opens(route); });
        if (opened) continue;
        std::string wants = route.capability.empty() ? "" : " with the capability \"" + route.capability + '"';
        if (route.min_tier > 0) wants = " of number " + std::to_string(route.min_tier) + " or higher" + wants;
        faults.note(
            line, "service.route",
            "route \"" + route.name + "\" is opened by nothing that is sold: it needs a [[service.tier]]" + wants);
    }
    for (const Tier& tier : service.tiers) {
        if (!tier.quota.credit) continue;
        for (const Route& route : service.routes) {
            Msat price = tier.price.value_or(route.price.value_or(service.price));
            if (price <= *tier.quota.credit) continue;
            faults.note(line, "service.tier.credit_msat",
                        "of tier \"" + tier.name + "\" must be at least the price of route \"" + route.name + "\", " +
                            std::to_string(price.value()));
        }
        if (tier.price.value_or(service.price) > *tier.quota.credit)
            faults.note(
                line, "service.tier.credit_msat",
                "of tier \"" + tier.name + "\" must be at least its price_msat: else it pays for no request at all");
        if (service.schemes.payment)
            faults.note(line, "service.tier.credit_msat",
                        "a balance is a token's: take \"payment\" out of schemes, by which one request is bought");
    }
}

}  // namespace millrace::config
