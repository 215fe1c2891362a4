// What the keys of a [[service]] that say what is behind it ask of each other.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "service/config/config.hpp"

namespace millrace::config {

// "http://127.0.0.1:9000", or "unix:" and a path that is relative to `folder`; empty where it is neither.
[[nodiscard]] std::optional<UpstreamAddress> parse_upstream_address(const std::string& text,
                                                                    const std::filesystem::path& folder);

void check_upstream(Reading& in, const Service& service);

// Front proxies ask for services by forward auth, and this one has no upstream.
[[nodiscard]] bool without_upstream(const Reading& in);

}  // namespace millrace::config
