// Internet addresses as limits see them.
//
//   Network::parse("10.0.0.0/8")      CIDR (RFC 4632, RFC 4291 §2.3); an address alone stands for itself
//   prefix_of(address)                whom one limit is for: the /24 of an IPv4 address, the /48 of an IPv6 one
#pragma once

#include <array>
#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::limits {

using Address = boost::asio::ip::address;

// The text of an address, without port; IPv4 addresses that are mapped into IPv6 as IPv4.
[[nodiscard]] std::optional<Address> parse_address(std::string_view text);

class Network {
  public:
    // Empty where it is none, or where bits beyond the prefix are set.
    [[nodiscard]] static std::optional<Network> parse(std::string_view text);

    [[nodiscard]] bool has(const Address& address) const;
    bool operator==(const Network&) const = default;

  private:
    std::array<std::uint8_t, 16> bytes_{};  // IPv4 in the first four
    unsigned bits_ = 0;
    bool v6_ = false;
};

[[nodiscard]] bool any_has(const std::vector<Network>& networks, const Address& address);

// Seven bytes: the family and the prefix.
struct Prefix {
    std::uint64_t value = 0;
    bool operator==(const Prefix&) const = default;
};
[[nodiscard]] Prefix prefix_of(const Address& address);
// The same in words: "203.0.113.0/24", "2001:db8::/48".
[[nodiscard]] std::string prefix_text(const Address& address);

// Who sent a request: the peer, unless that is a trusted proxy; then the last address in X-Forwarded-For that is none.
// `forwarded` is the field's value, several joined by commas. What follows an entry that is no address is not believed.
[[nodiscard]] Address client_address(const Address& peer, std::string_view forwarded,
                                     const std::vector<Network>& trusted_proxies);

}  // namespace millrace::limits

template <>
struct std::hash<millrace::limits::Prefix> {
    std::size_t operator()(const millrace::limits::Prefix& prefix) const noexcept {
        std::uint64_t x = prefix.value * 0x9E3779B97F4A7C15ULL;
        return static_cast<std::size_t>(x ^ (x >> 32U));
    }
};
