#include "service/config/read_tiers.hpp"

#include <algorithm>

#include "service/config/read_keys.hpp"
#include "service/config/read_quota.hpp"

namespace millrace::config {
bool read_capabilities(Reading& in, Asked key, std::vector<std::string>& out) {
    out = in.section.texts(key.name);
    for (const std::string& one : out) {
        if (!is_capability(one)) in.section.fault(key.name, '"' + one + "\" must be 1 to 32 of a-z 0-9 . _ -");
    }
    std::sort(out.begin(), out.end());
    auto twice = std::adjacent_find(out.begin(), out.end());
    if (twice != out.end()) in.section.fault(key.name, "names \"" + *twice + "\" twice");
    return true;
}

void Tier::check(Reading& in, Tier& tier) {
    check_alone(in.section, tier.quota);
}

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

// What a tier leaves out is as in the service.
bool read_tiers(Reading& in, Asked key, Service& out) {
    for (const toml::table* table : in.section.tables(key.name)) {
        Section section = in.section.below(key.name, *table);
        Reading below{section, in.source};
        Tier tier{.timeout = out.timeout};
        const bool complete = read_keys<Tier>(below, tier);
        if (!tier.quota.any()) tier.quota = out.quota;
        if (!complete) continue;
        for (const Tier& earlier : out.tiers) {
            if (earlier.name == tier.name)
                section.fault_here("name", '"' + tier.name + "\" is already a tier of this service");
            if (earlier.number == tier.number)
                section.fault_here(
                    "tier", std::to_string(tier.number) + " is already the number of tier \"" + earlier.name + '"');
        }
        out.tiers.push_back(std::move(tier));
    }
    std::sort(out.tiers.begin(), out.tiers.end(),
              [](const Tier& left, const Tier& right) { return left.number < right.number; });
    return true;
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
