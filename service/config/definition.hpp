// The definition of a service in JSON: the keys of a [[service]] with their values, as they were written.
//
//   text, whole number, true and false, array  <->  the same
//   table, array of tables                     <->  object, array of objects
//
// JSON is read by way of TOML, by the readers of the file: there is one grammar of services, and one set of faults.
#pragma once

#include <toml++/toml.h>

#include <boost/json/object.hpp>
#include <chrono>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "service/config/config.hpp"
#include "service/config/environment.hpp"
#include "service/config/section.hpp"

namespace millrace::config {

[[nodiscard]] boost::json::object to_json(const toml::table& table);

// The definition without what may be a secret: values of upstream_headers and pricer.send that name no file and no
// variable become null.
[[nodiscard]] boost::json::object masked(boost::json::object definition);

// Tells versions of a definition apart: 16 hex digits.
[[nodiscard]] std::string version_of(const boost::json::object& definition);

// Of a service that was made through the admin API and is kept in the store.
struct StoredService {
    std::string name;
    boost::json::object definition;  // holds no secrets
    bool in_front = false;           // asked before the services of the file; otherwise behind them
    std::chrono::sys_seconds created_at = {};
    std::chrono::sys_seconds updated_at = {};
};

// Where a service comes from.
struct Origin {
    boost::json::object definition;                      // masked
    std::optional<StoredService> stored = std::nullopt;  // empty: the file
};

// For messages: stored service "extra".
[[nodiscard]] std::string stored_source(std::string_view name);

// Adds the stored services to those that were read from `file`: first those in front, each group in the given order.
// Files they name are relative to the file's folder. Empty where there are faults, all of which are noted.
[[nodiscard]] std::optional<Config> with_stored(Config from_file, const std::filesystem::path& file,
                                                std::span<const StoredService> stored, const Environment& environment,
                                                Faults& faults);

}  // namespace millrace::config
