// The keys that say where requests come in: [listen], or several [[listen]].
#pragma once

#include <filesystem>
#include <optional>

#include "service/config/config.hpp"
#include "service/config/section.hpp"

namespace millrace::config {

// Fills listen and threads. Files are relative to `folder`.
void read_listen(const toml::table& root, const std::filesystem::path& folder, Config& config, Faults& faults);

// The keys `address` and `mode` of a section with a listener of its own: TCP or a unix socket.
[[nodiscard]] std::optional<Listen> read_own_listener(Section& section, const std::filesystem::path& folder,
                                                      std::string_view required);

// The key `address` of a section that takes a numeric address and a port only.
[[nodiscard]] std::optional<ListenAddress> read_address(Section& section, std::string_view required);

}  // namespace millrace::config
