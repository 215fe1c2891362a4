#include "service/limits/network.hpp"

#include <algorithm>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <charconv>
#include <string>

namespace millrace::limits {
namespace {

constexpr unsigned v4_prefix_bits = 24;
constexpr unsigned v6_prefix_bits = 48;

std::array<std::uint8_t, 16> bytes_of(const Address& address) {
    std::array<std::uint8_t, 16> out{};
    if (address.is_v6()) return address.to_v6().to_bytes();
    auto four = address.to_v4().to_bytes();
    std::copy(four.begin(), four.end(), out.begin());
    return out;
}

bool same_bits(const std::array<std::uint8_t, 16>& left, const std::array<std::uint8_t, 16>& right, unsigned bits) {
    unsigned whole = bits / 8;
    if (!std::equal(left.begin(), left.begin() + whole, right.begin())) return false;
    unsigned rest = bits % 8;
    return rest == 0 || (left[whole] >> (8 - rest)) == (right[whole] >> (8 - rest));
}

std::string_view trimmed(std::string_view text) {
    std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// An entry of X-Forwarded-For: an address, as some proxies write it with a port: "192.0.2.1:80", "[2001:db8::1]:80".
std::optional<Address> parse_entry(std::string_view text) {
    text = trimmed(text);
    if (!text.empty() && text.front() == '[') {
        std::size_t end = text.find(']');
        return end == std::string_view::npos ? std::nullopt : parse_address(text.substr(1, end - 1));
    }
    if (std::count(text.begin(), text.end(), ':') == 1) text = text.substr(0, text.find(':'));
    return parse_address(text);
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
    if (text.size() > 45) return std::nullopt;
    boost::system::error_code error;
    Address address = boost::asio::ip::make_address(std::string(text), error);
    if (error || (address.is_v6() && address.to_v6().scope_id() != 0)) return std::nullopt;
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
    return address;
}

std::optional<Network> Network::parse(std::string_view text) {
    std::size_t slash = text.find('/');
    auto address = parse_address(text.substr(0, slash));
    if (!address) return std::nullopt;
    Network out;
    out.bytes_ = bytes_of(*address);
    out.v6_ = address->is_v6();
    unsigned longest = out.v6_ ? 128 : 32;
    out.bits_ = longest;
    if (slash != std::string_view::npos) {
        std::string_view bits = text.substr(slash + 1);
        auto [end, errc] = std::from_chars(bits.data(), bits.data() + bits.size(), out.bits_);
        if (errc != std::errc{} || end != bits.data() + bits.size() || out.bits_ > longest) return std::nullopt;
    }
    auto rest = out.bytes_;
    for (unsigned bit = 0; bit < out.bits_; ++bit) rest[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
    if (rest != std::array<std::uint8_t, 16>{}) return std::nullopt;
    return out;
}

bool Network::has(const Address& address) const {
    return address.is_v6() == v6_ && same_bits(bytes_, bytes_of(address), bits_);
}

bool any_has(const std::vector<Network>& networks, const Address& address) {
    return std::any_of(networks.begin(), networks.end(), [&](const Network& network) { return network.has(address); });
}

Prefix prefix_of(const Address& address) {
    auto bytes = bytes_of(address);
    std::uint64_t value = address.is_v6() ? 6 : 4;
    for (std::size_t i = 0; i < (address.is_v6() ? v6_prefix_bits : v4_prefix_bits) / 8; ++i)
        value = value << 8U | bytes[i];
    return {value};
}

std::string prefix_text(const Address& address) {
    if (address.is_v4()) return boost::asio::ip::network_v4(address.to_v4(), v4_prefix_bits).canonical().to_string();
    return boost::asio::ip::network_v6(address.to_v6(), v6_prefix_bits).canonical().to_string();
}

Address client_address(const Address& peer, std::string_view forwarded, const std::vector<Network>& trusted_proxies) {
    Address client = peer;
    while (!forwarded.empty() && any_has(trusted_proxies, client)) {
        std::size_t comma = forwarded.rfind(',');
        std::string_view entry = comma == std::string_view::npos ? forwarded : forwarded.substr(comma + 1);
        forwarded = comma == std::string_view::npos ? std::string_view() : forwarded.substr(0, comma);
        auto address = parse_entry(entry);
        if (!address) break;
        client = *address;
    }
    return client;
}

}  // namespace millrace::limits
