#include "plugin/invoicing/payment_secret.hpp"

#include <algorithm>
#include <string>

#include "common/crypto/hash.hpp"

namespace millrace::invoicing {
namespace {

constexpr std::size_t nonce_length = std::tuple_size_v<SecretNonce>;
constexpr std::size_t service_groups = 7;
constexpr std::size_t letters_per_group = 3;
constexpr std::string_view letters("\0abcdefghijklmnopqrstuvwxyz0123456789._-", 40);

using Info = std::array<std::uint8_t, 26>;

static_assert(service_groups * letters_per_group == ServiceName::max_length);

void put(std::span<std::uint8_t> out, std::uint64_t value) {
    for (std::size_t i = out.size(); i-- > 0; value >>= 8U) out[i] = static_cast<std::uint8_t>(value);
}

std::uint64_t get(ByteView in) {
    std::uint64_t value = 0;
    for (const std::uint8_t byte : in) value = value << 8U | byte;
    return value;
}

// The fields of info, by offset and length.
template <class Array>
auto amount_field(Array& info) {
    return std::span(info).subspan(0, 5);
}
template <class Array>
auto expiry_field(Array& info) {
    return std::span(info).subspan(5, 4);
}
template <class Array>
auto cltv_and_epoch_field(Array& info) {
    return std::span(info).subspan(9, 3);
}
template <class Array>
auto service_group(Array& info, std::size_t group) {
    return std::span(info).subspan(12 + 2 * group, 2);
}

void put_service(Info& info, std::string_view name) {
    for (std::size_t group = 0; group < service_groups; ++group) {
        std::uint64_t packed = 0;
        for (std::size_t i = 0; i < letters_per_group; ++i) {
            const std::size_t at = group * letters_per_group + i;
            packed = packed * letters.size() + (at < name.size() ? letters.find(name[at]) : 0);
        }
        put(service_group(info, group), packed);
    }
}

// Empty where a group is out of range or the name goes on behind its end.
std::optional<ServiceName> get_service(const Info& info) {
    std::string name;
    bool ended = false;
    for (std::size_t group = 0; group < service_groups; ++group) {
        const std::uint64_t packed = get(service_group(info, group));
        if (packed >= letters.size() * letters.size() * letters.size()) return std::nullopt;
        for (const std::uint64_t letter : {packed / (letters.size() * letters.size()),
                                           packed / letters.size() % letters.size(), packed % letters.size()}) {
            if (letter == 0) {
                ended = true;
            } else if (ended) {
                return std::nullopt;
            } else {
                name += letters[letter];
            }
        }
    }
    auto parsed = ServiceName::parse(name);
    if (!parsed) return std::nullopt;
    return *parsed;
}

std::array<std::uint8_t, 12> chacha_nonce(ByteView nonce) {
    std::array<std::uint8_t, 12> padded{};
    std::copy(nonce.begin(), nonce.end(), padded.begin());
    return padded;
}

}  // namespace

InvoiceKeys::InvoiceKeys(const SecretKey& root)
    : info_key_(crypto::derive_key(root, "payment secret")),
      sale_key_(crypto::derive_key(root, "preimage")),
      deposit_key_(crypto::derive_key(root, "deposit preimage")) {}

std::optional<PaymentSecret> InvoiceKeys::seal(const Terms& terms, const SecretNonce& nonce) const {
    const auto expires_at = terms.expires_at.time_since_epoch().count();
    if (terms.amount.value() > Terms::max_amount_msat || terms.min_final_cltv > Terms::max_min_final_cltv ||
        terms.epoch > Terms::max_epoch || expires_at < 0 || expires_at > UINT32_MAX) {
        return std::nullopt;
    }
    Info info{};
    put(amount_field(info), terms.amount.value());
    put(expiry_field(info), static_cast<std::uint64_t>(expires_at));
    put(cltv_and_epoch_field(info), std::uint64_t{terms.min_final_cltv} << 12U | terms.epoch);
    put_service(info, terms.service.text());
    crypto::chacha20_xor(info_key_, chacha_nonce(nonce), info);

    std::array<std::uint8_t, PaymentSecret::length> secret{};
    std::copy(nonce.begin(), nonce.end(), secret.begin());
    std::copy(info.begin(), info.end(), secret.begin() + nonce_length);
    return PaymentSecret(secret);
}

Preimage InvoiceKeys::preimage(const PaymentSecret& secret, Kind kind) const {
    const SecretKey& key = kind == Kind::deposit ? deposit_key_ : sale_key_;
    return Preimage(crypto::hmac_sha256(key.reveal(), secret.view()));
}

std::optional<Terms> InvoiceKeys::open(const PaymentSecret& secret, const PaymentHash& hash) const {
    const auto fits = [&](Kind kind) {
        return crypto::equal_constant_time(crypto::payment_hash(preimage(secret, kind)).view(), hash.view());
    };
    const bool sale = fits(Kind::sale);
    if (!sale && !fits(Kind::deposit)) return std::nullopt;
    Info info;
    std::copy(secret.view().begin() + nonce_length, secret.view().end(), info.begin());
    crypto::chacha20_xor(info_key_, chacha_nonce(secret.view().first(nonce_length)), info);

    auto service = get_service(info);
    if (!service) return std::nullopt;
    const std::uint64_t cltv_and_epoch = get(cltv_and_epoch_field(info));
    return Terms{Msat(get(amount_field(info))),
                 std::chrono::sys_seconds(std::chrono::seconds(get(expiry_field(info)))),
                 static_cast<std::uint32_t>(cltv_and_epoch >> 12U),
                 static_cast<l402::KeyEpoch>(cltv_and_epoch & Terms::max_epoch),
                 std::move(*service),
                 sale ? Kind::sale : Kind::deposit};
}

}  // namespace millrace::invoicing
