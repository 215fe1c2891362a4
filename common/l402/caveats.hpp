// The caveats that tokens are minted with and read by: `<service><suffix>=<value>`. See claim.hpp for what each does.
#pragma once

#include <string_view>

namespace millrace::l402::caveats {

inline constexpr std::string_view services = "services";  // no suffix: of all services
inline constexpr std::string_view valid_until = "_valid_until";
inline constexpr std::string_view route = "_route";
inline constexpr std::string_view quote = "_quote";
inline constexpr std::string_view price_of = "_price_of";
inline constexpr std::string_view max_price = "_max_price_msat";
inline constexpr std::string_view credit = "_credit_msat";
inline constexpr std::string_view capabilities = "_capabilities";

}  // namespace millrace::l402::caveats
