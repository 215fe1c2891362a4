#include "service/config/durability.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include "service/config/read_keys.hpp"

namespace millrace::config {

namespace {

constexpr std::string_view each = "each";
constexpr std::string_view lease = "lease";

}  // namespace

bool read_durability(Reading& in, Asked key, Service& out) {
    const auto durability = in.section.text(key.name);
    if (!durability) return false;
    const bool known = *durability == each || *durability == lease;
    if (!known) in.section.fault(key.name, "must be " + one_of({each, lease}) + ", not \"" + *durability + '"');
    if (*durability == lease) out.lease_uses = usual_lease_uses;
    return known;
}

bool read_lease_uses(Reading& in, Asked key, Service& out) {
    const auto uses = in.section.integer(key.name, 1, max_lease_uses);
    if (!uses) return false;
    const toml::node* durability = in.section.node("durability");
    if (out.lease_uses > 0)
        out.lease_uses = *uses;
    else if (!durability || durability->value_exact<std::string>() == each)
        in.section.fault(key.name, "needs durability = \"lease\"");
    return true;
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
