// What becomes of the stored services when an operator adds, changes or removes one. Pure.
//
//   order := stored in front..., those of the file..., stored behind...     the first one that fits a request answers
//   it place := first | last | before NAME | after NAME                       NAME stored, or at the edge of the file's
//   own
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "service/admin/message.hpp"
#include "service/config/definition.hpp"

namespace millrace::admin {

struct Place {
    enum class Kind { unchanged, first, last, before, after };
    Kind kind = Kind::unchanged;  // of a new one: last
    std::string neighbour = {};
};

struct ServiceChange {
    enum class Kind { add, set, remove };
    Kind kind = Kind::add;
    std::string name = {};                              // set, remove
    boost::json::object definition = {};                // add, set
    Place place = {};                                   // add, set
    std::optional<std::string> version = std::nullopt;  // set, remove: only if it is still this one
    bool dry_run = false;                               // say what would be, and change nothing
    Role role = Role::write;
};

struct Refusal {
    unsigned status = 409;
    std::string detail;
    std::vector<config::Fault> faults = {};
};

// The services that are kept from then on.
struct Plan {
    std::string name;  // of the one that is changed
    std::vector<config::StoredService> stored;
};

// `from_file` was read from `file`. What a definition says is not looked at, but for its name.
[[nodiscard]] std::variant<Plan, Refusal> plan(const ServiceChange& change,
                                               const std::vector<config::Service>& from_file,
                                               const std::filesystem::path& file,
                                               const std::vector<config::StoredService>& stored,
                                               std::chrono::sys_seconds now);

// What was done, or with dry_run would have been.
struct Changed {
    std::string name;
    std::shared_ptr<const config::Config> config;  // in which the service is, or was
};
using ServiceOutcome = std::variant<Changed, Refusal>;

}  // namespace millrace::admin
