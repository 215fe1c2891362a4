// The key pricer of a [[service]]: who is asked what requests cost.
#pragma once

#include <filesystem>
#include <optional>

#include "service/config/config.hpp"
#include "service/config/environment.hpp"
#include "service/config/section.hpp"

namespace millrace::config {

// Empty where there is none; faults are noted. Files it names are relative to `folder`.
[[nodiscard]] std::optional<Pricer> read_pricer(Section& service, const std::filesystem::path& folder,
                                                const Environment& environment);

// Whether the pricer's bounds fit what tokens of the service hold.
void check_pricer(const Service& service, Faults& faults);

}  // namespace millrace::config
