// Money: whole millisatoshi, never a double, never negative, never wrapping.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/result/error.hpp"

namespace millrace {

enum class MoneyErrc {
    not_an_amount = 1,  // not a whole number of msat, sat or btc
    out_of_range,       // more than 21 million bitcoin
};

template <>
struct ErrcText<MoneyErrc> {
    static constexpr const char* domain = "millrace.money";
    static const char* text(MoneyErrc errc);
};

class Msat {
  public:
    static constexpr std::uint64_t max_value = 21'000'000ULL * 100'000'000ULL * 1000ULL;

    constexpr Msat() = default;
    explicit constexpr Msat(std::uint64_t value) : value_(value) {}

    // What Core Lightning takes: "1000", "1000msat", "10sat", "0.00000010btc" (up to 11 decimals).
    // Errors: not_an_amount, out_of_range.
    static Result<Msat> parse(std::string_view text);

    [[nodiscard]] constexpr std::uint64_t value() const { return value_; }
    [[nodiscard]] std::string text() const { return std::to_string(value_) + "msat"; }

    // Empty where the result would be negative or would not fit.
    [[nodiscard]] constexpr std::optional<Msat> minus(Msat other) const {
        if (other.value_ > value_) return std::nullopt;
        return Msat(value_ - other.value_);
    }
    [[nodiscard]] constexpr std::optional<Msat> plus(Msat other) const {
        if (value_ > UINT64_MAX - other.value_) return std::nullopt;
        return Msat(value_ + other.value_);
    }

    constexpr auto operator<=>(const Msat&) const = default;

  private:
    std::uint64_t value_ = 0;
};

}  // namespace millrace
