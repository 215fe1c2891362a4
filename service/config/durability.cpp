#include "service/config/durability.hpp"

#include <algorithm>
#include <string>

namespace millrace::config {

std::uint64_t read_durability(Section& section) {
    const std::string durability = section.text("durability").value_or("each");
    const auto uses = section.integer("lease_uses", 1, max_lease_uses);
    if (durability == "lease") return uses.value_or(usual_lease_uses);
    if (durability != "each")
        section.fault("durability", "must be \"each\" or \"lease\", not \"" + durability + '"');
    else if (uses)
        section.fault("lease_uses", "needs durability = \"lease\"");
    return 0;
}

void check_durability(Section& section, const Service& service) {
    if (service.lease_uses == 0) return;
    if (!service.schemes.l402) {
        section.fault("durability",
                      "\"lease\" is for tokens, and this service sells none: charges and sessions are on disk before "
                      "their answer. Leave it out, or add \"l402\" to schemes");
        return;
    }
    auto leased = [&service](const Quota& quota) { return uses_ahead(service, quota) > 0; };
    const bool any = service.tiers.empty() ? leased(service.quota)
                                           : std::any_of(service.tiers.begin(), service.tiers.end(),
                                                         [&](const Tier& tier) { return leased(tier.quota); });
    if (any) return;
    section.fault("durability", "\"lease\" is for tokens of " + std::to_string(lease_share) +
                                    " uses or more that are not counted by bytes, and this service sells none: leave "
                                    "it out, or sell uses = " +
                                    std::to_string(lease_share) + " or more");
}

std::uint64_t uses_ahead(const Service& service, const Quota& bought) {
    if (!bought.uses || bought.bytes || bought.credit) return 0;
    return std::min(service.lease_uses, *bought.uses / lease_share);
}

}  // namespace millrace::config
