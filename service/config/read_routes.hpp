// The readers of what says which requests a [[service]] or a [[service.route]] is for, and what it asks for them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "service/config/config.hpp"
#include "service/config/section.hpp"

namespace millrace::config {

// `required` says what is wanted; empty: the key may be absent.
[[nodiscard]] std::optional<ServiceName> read_name(Section& section, std::string_view key, std::string_view required);
[[nodiscard]] std::optional<PathPattern> read_pattern(Section& section, std::string_view key,
                                                      std::string_view required);
// A list of paths below `path`.
[[nodiscard]] std::vector<PathPattern> read_paths_below(Section& section, std::string_view key,
                                                        const std::optional<PathPattern>& path);
[[nodiscard]] Methods read_methods(Section& section);
[[nodiscard]] std::optional<std::string> read_description(Section& section);
[[nodiscard]] std::vector<std::string> read_cors(Section& section);
// The [[service.route]] tables of `section`.
[[nodiscard]] std::vector<Route> read_routes(Section& section, const std::optional<PathPattern>& path, Faults& faults);

}  // namespace millrace::config
