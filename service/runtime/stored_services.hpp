// The services that the store holds, beside those of the file: at the start, in checks, and without a running service.
//
// A stored service that is not valid any more (the file has changed, a variable is gone, another version of millraced)
// keeps the service from starting: left out, its requests would fall to whatever service comes next, at another price
// or for nothing.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "service/config/config.hpp"
#include "service/config/definition.hpp"
#include "service/config/environment.hpp"

namespace millrace::runtime {

// Errors: bad_value, with all faults and what to do.
[[nodiscard]] Result<config::Config> with_stored(config::Config from_file, const std::filesystem::path& file,
                                                 std::span<const config::StoredService> stored,
                                                 const config::Environment& environment);

// Whether the file would start with the services in its store; how many those are. A store that is not there yet holds
// none. Nothing is written. Errors: of the store; as with_stored().
[[nodiscard]] Result<std::size_t> check_stored(const config::Config& from_file, const std::filesystem::path& file,
                                               const config::Environment& environment);

// Takes a stored service out while no service runs, with a row in the audit table. Answers its definition. Errors: of
// the store; bad_value where there is none of this name.
[[nodiscard]] Result<std::string> remove_stored(const config::Config& from_file, const std::string& name);

}  // namespace millrace::runtime
