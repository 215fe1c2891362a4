// Reading JSON objects from outside into structs: one reader an object, the first fault wins and names its member.
//
//   json::Fields in(value, "issue");
//   request.amount = in.msat("amount_msat");
//   request.expiry = in.optional_seconds("expiry");
//   in.no_others();                                   // requests: unknown members are faults
//   if (auto fault = in.fault()) return *fault;       // Error: "issue: amount_msat: missing"
//
// After a fault every getter answers a zero value, so that reading needs one check at the end.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"
#include "common/result/error.hpp"

namespace millrace::json {

enum class Errc {
    not_an_object = 1,
    missing,
    wrong_type,
    out_of_range,
    unknown_member,
};

class Fields {
  public:
    // `what` names the object in messages. `value` must outlive the reader.
    Fields(const boost::json::value& value, std::string_view what);

    [[nodiscard]] bool has(std::string_view name);  // present and not null

    std::uint64_t u64(std::string_view name, std::uint64_t max = UINT64_MAX);
    std::optional<std::uint64_t> optional_u64(std::string_view name, std::uint64_t max = UINT64_MAX);
    double number(std::string_view name);
    bool boolean(std::string_view name);
    std::optional<bool> optional_boolean(std::string_view name);
    std::string string(std::string_view name);
    std::optional<std::string> optional_string(std::string_view name);
    // An integer, or text as Core Lightning takes it ("1000msat", "10sat").
    Msat msat(std::string_view name);
    std::optional<Msat> optional_msat(std::string_view name);
    std::chrono::sys_seconds time(std::string_view name);  // unix seconds
    std::optional<std::chrono::seconds> optional_seconds(std::string_view name);
    const boost::json::array& array(std::string_view name);
    const boost::json::object& object(std::string_view name);
    std::vector<std::string> strings(std::string_view name);
    ServiceName service(std::string_view name);

    // A fixed-length type written in hex: PaymentHash, SecretKey, ...
    template <class Fixed>
    Fixed hex(std::string_view name) {
        Result<Fixed> value = Fixed::from_hex(string(name));
        if (!value) {
            note(Errc::out_of_range, name, "must be " + std::to_string(Fixed::length * 2) + " hex digits");
            return Fixed{};
        }
        return *value;
    }

    // Faults on any member that no getter asked for.
    void no_others();

    // Notes a fault of the caller's own finding.
    void note(Errc errc, std::string_view name, std::string_view detail);

    [[nodiscard]] const std::optional<Error>& fault() const { return fault_; }

  private:
    const boost::json::value* find(std::string_view name);     // null where absent or null
    const boost::json::value* require(std::string_view name);  // notes a fault where absent

    const boost::json::object* object_ = nullptr;
    std::string what_;
    std::vector<std::string_view> asked_;
    std::optional<Error> fault_;
};

}  // namespace millrace::json

namespace millrace {
template <>
struct ErrcText<json::Errc> {
    static constexpr const char* domain = "millrace.json";
    static const char* text(json::Errc errc);
};
}  // namespace millrace
