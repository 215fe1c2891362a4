// The `filter` of a call (lightningd-rpc.7, "FILTERS"): which members of the result the caller wants. lightningd filters the
// results of its own commands; a plugin's it copies as they are, so the plugin does it, in the same way (common/json_filter.c):
//
//   {"gateway": {"listening": true}, "clients": [{"client": true}]}
//
// An object keeps the members that are named, `true` keeps all of one, an array has one filter for all its elements. Values that
// are neither object nor array pass where they are reached. An object where an array was expected, or the reverse, has
// nothing in it, and the result then says so in `warning_parameter_filter`.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/gateway/messages.hpp"

namespace millrace::host {

class Filter {
  public:
    // Errors: bad_params, as lightningd's own.
    static std::variant<Filter, gateway::RpcError> parse(const boost::json::value& value);

    [[nodiscard]] boost::json::object apply(const boost::json::object& result) const;

  private:
    [[nodiscard]] bool leaf() const { return !element_ && members_.empty(); }
    [[nodiscard]] const Filter* member(std::string_view name) const;
    std::optional<gateway::RpcError> build(const boost::json::value& value);
    // `misuse`: where the filter first took an object for an array or the reverse.
    [[nodiscard]] boost::json::value pick(const boost::json::value& value, const std::string& where,
                                          std::optional<std::string>& misuse) const;

    std::unique_ptr<Filter> element_;  // of an array
    std::vector<std::pair<std::string, Filter>> members_;
};

}  // namespace millrace::host
