// The keys of a [[service]] that say what is behind it: upstream, health, upstream_tls, upstream_headers, rewrite.
#pragma once

#include <filesystem>
#include <optional>

#include "service/config/config.hpp"
#include "service/config/environment.hpp"
#include "service/config/section.hpp"

namespace millrace::config {

// "http://127.0.0.1:9000", or "unix:" and a path that is relative to `folder`; empty where it is neither.
[[nodiscard]] std::optional<UpstreamAddress> parse_upstream_address(const std::string& text,
                                                                    const std::filesystem::path& folder);

// The tables `key` of TLS settings and of fields to send.
[[nodiscard]] UpstreamTls read_upstream_tls(Section& section, std::string_view key,
                                            const std::filesystem::path& folder);
[[nodiscard]] std::vector<UpstreamHeader> read_upstream_headers(Section& section, std::string_view key,
                                                                const std::filesystem::path& folder,
                                                                const Environment& environment);

// Files it names are relative to `folder`; `path` is the service's, where it is known. `may_lack`: there need be no
// upstream, since front proxies ask for services by forward auth. Empty where addresses are wanted and there are none
// to speak of; faults are noted in `section`.
[[nodiscard]] std::optional<Upstream> read_upstream(Section& section, const std::filesystem::path& folder,
                                                    const Environment& environment,
                                                    const std::optional<std::string>& path, bool may_lack);

}  // namespace millrace::config
