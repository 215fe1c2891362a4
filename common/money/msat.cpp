#include "common/money/msat.hpp"

#include <algorithm>

namespace millrace {
namespace {

struct Unit {
    std::string_view suffix;
    unsigned decimals;  // of one unit that make a millisatoshi
};

// "msat" before "sat": the longer suffix is tried first.
constexpr Unit units[] = {{"msat", 0}, {"sat", 3}, {"btc", 11}};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

}  // namespace

const char* ErrcText<MoneyErrc>::text(MoneyErrc errc) {
    switch (errc) {
        case MoneyErrc::not_an_amount:
            return "not an amount (1000, 1000msat, 10sat or 0.00000010btc)";
        case MoneyErrc::out_of_range:
            return "more than 21 million bitcoin";
    }
    return "unknown money error";
}

Result<Msat> Msat::parse(std::string_view text) {
    std::string_view number = text;
    unsigned decimals = 0;
    for (const Unit& unit : units) {
        if (!text.ends_with(unit.suffix)) continue;
        number.remove_suffix(unit.suffix.size());
        decimals = unit.decimals;
        break;
    }
    const std::size_t point = number.find('.');
    const std::string_view whole = number.substr(0, point);
    const std::string_view fraction = point == std::string_view::npos ? std::string_view{} : number.substr(point + 1);
    const bool digits_only =
        std::all_of(whole.begin(), whole.end(), is_digit) && std::all_of(fraction.begin(), fraction.end(), is_digit);
    const bool point_is_right = point == std::string_view::npos || (!fraction.empty() && fraction.size() <= decimals);
    if (whole.empty() || !digits_only || !point_is_right)
        return fail(MoneyErrc::not_an_amount, std::string(text.substr(0, 64)));

    std::uint64_t value = 0;
    const auto append = [&value](char digit) {
        const auto added = static_cast<std::uint64_t>(digit - '0');
        if (value > (max_value - added) / 10)
            return false;  // asked before: ten times max_value does not fit into 64 bits
        value = value * 10 + added;
        return true;
    };
    for (const char c : whole) {
        if (!append(c)) return fail(MoneyErrc::out_of_range, std::string(text.substr(0, 64)));
    }
    for (unsigned i = 0; i < decimals; ++i) {
        if (!append(i < fraction.size() ? fraction[i] : '0'))
            return fail(MoneyErrc::out_of_range, std::string(text.substr(0, 64)));
    }
    return Msat(value);
}

}  // namespace millrace
