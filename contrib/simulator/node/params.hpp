// The parameters of one command, given by name or by position, checked as lightningd checks them.
//
//   Params in(command, value, checking);
//   const Msat amount = in.msat("amount_msat");
//   const auto label = in.optional_string("label");
//   if (in.ends(reply)) return;                    // a fault was answered, or this was only a `check`
//
// After a fault every getter answers a zero value; the first fault wins. null counts as absent.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"
#include "contrib/simulator/node/reply.hpp"

namespace millrace::sim {

class Params {
  public:
    // `usage` names the parameters in order: "amount_msat label [expiry]". `value` is an array or an object. Behind a "..." at
    // its end, others may be given by name.
    Params(std::string_view method, std::string_view usage, const boost::json::value& value, bool checking);

    // Those that are given by name and are not named in `usage`.
    [[nodiscard]] boost::json::object others() const;

    [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
    [[nodiscard]] const boost::json::value* find(std::string_view name) const;

    std::string string(std::string_view name);
    std::optional<std::string> optional_string(std::string_view name);
    std::uint64_t u64(std::string_view name);
    std::optional<std::uint64_t> optional_u64(std::string_view name, std::uint64_t max = UINT64_MAX);
    std::optional<bool> optional_boolean(std::string_view name);
    Msat msat(std::string_view name);
    std::optional<Msat> optional_msat(std::string_view name);
    // "any" gives none.
    std::optional<Msat> msat_or_any(std::string_view name);
    std::optional<Bytes> optional_hex(std::string_view name);
    const boost::json::array& array(std::string_view name);

    template <class Fixed>
    Fixed fixed(std::string_view name, std::string_view what) {
        const std::string text = string(name);
        if (fault_) return Fixed{};
        Result<Fixed> value = Fixed::from_hex(text);
        if (!value) {
            bad(name, what);
            return Fixed{};
        }
        return *value;
    }
    template <class Fixed>
    std::optional<Fixed> optional_fixed(std::string_view name, std::string_view what) {
        if (!has(name)) return std::nullopt;
        return fixed<Fixed>(name, what);
    }

    // Notes "<name>: <what>: invalid token '<the parameter's text>'".
    void bad(std::string_view name, std::string_view what);
    void refuse(std::string message);

    [[nodiscard]] bool fault() const { return fault_.has_value(); }

    // Answers the first fault, or where the command is only checked, that it is fine. True: the command is over.
    [[nodiscard]] bool ends(const Reply& reply) const;
    // The same, without the answer to a check: for a command that asks somebody else then.
    [[nodiscard]] bool faulty(const Reply& reply) const;
    [[nodiscard]] bool checking() const { return checking_; }

  private:
    const boost::json::value* require(std::string_view name);
    std::optional<std::uint64_t> integer(const boost::json::value& value) const;

    std::string method_;
    std::vector<std::string> names_;
    boost::json::object values_;
    bool checking_;
    std::optional<std::string> fault_;
};

// A number or text of an amount.
[[nodiscard]] std::optional<Msat> msat_of(const boost::json::value& value);
// A number, or text of one.
[[nodiscard]] std::optional<std::uint64_t> u64_of(const boost::json::value& value);

}  // namespace millrace::sim
