// The parameters of a command, positional or by name, read as Core Lightning reads its own (common/json_param.c): null is
// absent, numbers may come as text, and what is wrong is said with the parameter's name.
//
//   Arguments in(parameters, params);
//   request.amount = in.msat("amount_msat");
//   if (in.fault()) return *in.fault();        // {-32602, "missing required parameter: amount_msat"}
//
// The first fault wins; after one every getter answers a zero value.
#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/gateway/messages.hpp"
#include "common/money/msat.hpp"

namespace millrace::host {

struct Parameter {
    std::string_view name;
    bool required = false;
};

// "amount_msat [description] [expiry]"
[[nodiscard]] std::string usage_of(const std::vector<Parameter>& parameters);

class Arguments {
  public:
    // `params` is an array or an object, and must outlive this.
    Arguments(const std::vector<Parameter>& parameters, const boost::json::value& params);

    [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }

    // Each answers the zero value where the parameter is absent.
    Msat msat(std::string_view name);
    std::uint64_t u64(std::string_view name, std::uint64_t least, std::uint64_t most);
    // Numbers and booleans are taken as the text they were written as: lightning-cli sends `123` as a number.
    std::string text(std::string_view name);

    // "<name>: <what would be right>: invalid token '...'". A text that may be a secret is not repeated: `show` false.
    void refuse(std::string_view name, std::string_view expectation, bool show = true);

    [[nodiscard]] const std::optional<gateway::RpcError>& fault() const { return fault_; }

  private:
    [[nodiscard]] const boost::json::value* find(std::string_view name) const;
    void note(std::string message);

    const std::vector<Parameter>& parameters_;
    std::vector<const boost::json::value*> values_;  // by position in parameters_; null where absent
    std::optional<gateway::RpcError> fault_;
};

}  // namespace millrace::host
