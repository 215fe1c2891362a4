// The keys of a [[service]] that say what is behind it: upstream, health, upstream_tls.
#pragma once

#include <filesystem>
#include <optional>

#include "service/config/config.hpp"
#include "service/config/section.hpp"

namespace millrace::config {

// Files it names are relative to `folder`. Empty where there is no address to speak of; faults are noted in `section`.
[[nodiscard]] std::optional<Upstream> read_upstream(Section& section, const std::filesystem::path& folder);

}  // namespace millrace::config
