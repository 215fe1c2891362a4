#include "common/payment/binding.hpp"

#include <charconv>
#include <stdexcept>

namespace millrace::payment {
namespace {

constexpr std::string_view secret_info = "millrace/payment/challenge";
constexpr std::string_view prefix = "millrace:";

template <class Number>
bool parse_number(std::string_view text, Number& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size();
}

crypto::Digest secret_of(const SecretKey& epoch_key) {
    return crypto::hmac_sha256(epoch_key.reveal(), as_bytes(secret_info));
}

}  // namespace

std::string write_binding(const Binding& binding) {
    std::string out(prefix);
    out.append(std::to_string(binding.epoch)).append(":").append(binding.scope).append(":");
    out.append(std::to_string(binding.price.value()));
    return out;
}

std::optional<Binding> read_binding(std::string_view external_id) {
    if (!external_id.starts_with(prefix)) return std::nullopt;
    external_id.remove_prefix(prefix.size());
    const std::size_t first = external_id.find(':');
    const std::size_t last = external_id.rfind(':');
    if (first == last) return std::nullopt;
    Binding out;
    std::uint64_t price = 0;
    if (!parse_number(external_id.substr(0, first), out.epoch) || !parse_number(external_id.substr(last + 1), price))
        return std::nullopt;
    out.scope = external_id.substr(first + 1, last - first - 1);
    out.price = Msat(price);
    return out;
}

void sign_challenge(const l402::KeyRing& keys, Challenge& challenge) {
    const SecretKey* key = keys.find(keys.current);
    if (key == nullptr) throw std::invalid_argument("sign_challenge: no current key");
    challenge.id = challenge_id(secret_of(*key), challenge);
}

bool is_ours(const l402::KeyRing& keys, const Binding& binding, const Challenge& echo) {
    const SecretKey* key = keys.find(binding.epoch);
    if (key == nullptr) return false;
    // The parts are joined by bars. None that was made here holds one; with one, two readings would have the same id.
    for (const std::string* part : {&echo.realm, &echo.expires, &echo.digest, &echo.opaque})
        if (part->find('|') != std::string::npos) return false;
    const std::string id = challenge_id(secret_of(*key), echo);
    return crypto::equal_constant_time(as_bytes(id), as_bytes(echo.id));
}

}  // namespace millrace::payment
