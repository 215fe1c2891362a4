#include "service/config/warnings.hpp"

#include "service/config/read_service.hpp"

namespace millrace::config {
namespace {

std::string about(const Service& service, const std::string& what) {
    return "service \"" + service.name.text() + "\" " + place_of(service) + ": " + what;
}

// Tokens of a tier that is sold no more have the terms of the service.
void look_at_tiers(const Service& service, std::vector<std::string>& out) {
    if (service.tiers.empty() || service.timeout || service.quota.any()) return;
    out.push_back(about(service, "a token of a tier that is no longer sold has the service's own terms, and there are none: "
                                 "it works for ever. Give the service a timeout, uses, bytes or credit_msat of its own."));
}

}  // namespace

std::vector<std::string> warnings(const Config& config) {
    std::vector<std::string> out;
    for (const Service& service : config.services) look_at_tiers(service, out);
    return out;
}

}  // namespace millrace::config
