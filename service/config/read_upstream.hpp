// The keys of a [[service]] that say what is behind it: upstream, health, upstream_tls, upstream_headers, rewrite.
#pragma once

#include <filesystem>
#include <optional>

#include "service/config/config.hpp"
#include "service/config/environment.hpp"
#include "service/config/section.hpp"

namespace millrace::config {

// Files it names are relative to `folder`; `path` is the service's, where it is known. `may_lack`: there need be no
// upstream, since front proxies ask for services by forward auth. Empty where addresses are wanted and there are none
// to speak of; faults are noted in `section`.
[[nodiscard]] std::optional<Upstream> read_upstream(Section& section, const std::filesystem::path& folder,
                                                    const Environment& environment,
                                                    const std::optional<std::string>& path, bool may_lack);

}  // namespace millrace::config
