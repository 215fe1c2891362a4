// What a stateless invoice carries: terms that fit are sealed and opened as the same, under their own hash and keys
// alone.
#include "plugin/invoicing/payment_secret.hpp"

#include <algorithm>
#include <array>

#include "common/crypto/hash.hpp"
#include "tests/fuzz/fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace millrace;
    using namespace millrace::invoicing;
    fuzz::Input input(data, size);
    const InvoiceKeys keys(SecretKey(input.array<std::array<std::uint8_t, 32>>()));
    const auto nonce = input.array<SecretNonce>();

    // Somebody else's secret, under the hash that would belong to it and under another.
    const PaymentSecret foreign(input.array<std::array<std::uint8_t, 32>>());
    const PaymentHash foreign_hash = crypto::payment_hash(keys.preimage(foreign, Kind::deposit));
    FUZZ_REQUIRE(!keys.open(foreign, PaymentHash()));
    if (const std::optional<Terms> opened = keys.open(foreign, foreign_hash)) {
        FUZZ_REQUIRE(opened->kind == Kind::deposit);
        // Whatever opens is what it was sealed from.
        SecretNonce own{};
        std::copy_n(foreign.view().begin(), own.size(), own.begin());
        FUZZ_REQUIRE(keys.seal(*opened, own) == foreign);
    }

    const Msat amount(input.number(6));
    const std::chrono::sys_seconds expires_at(std::chrono::seconds(static_cast<std::int64_t>(input.number(5))));
    const auto cltv = static_cast<std::uint32_t>(input.number(2));
    const auto epoch = static_cast<l402::KeyEpoch>(input.number(2));
    const Result<ServiceName> service = ServiceName::parse(input.rest_text());
    if (!service) return 0;
    const Terms terms{amount, expires_at, cltv, epoch, *service, cltv % 2 == 0 ? Kind::sale : Kind::deposit};
    const std::optional<PaymentSecret> secret = keys.seal(terms, nonce);
    const bool fits = amount.value() <= Terms::max_amount_msat && cltv <= Terms::max_min_final_cltv &&
                      epoch <= Terms::max_epoch && expires_at.time_since_epoch().count() <= UINT32_MAX;
    FUZZ_REQUIRE(secret.has_value() == fits);
    if (!secret) return 0;
    const PaymentHash hash = crypto::payment_hash(keys.preimage(*secret, terms.kind));
    FUZZ_REQUIRE(keys.open(*secret, hash) == terms);
    FUZZ_REQUIRE(!InvoiceKeys(SecretKey(std::array<std::uint8_t, 32>{1, 2, 3})).open(*secret, hash));
    for (std::size_t i = 0; i < PaymentSecret::length; ++i) {
        auto changed = secret->array();
        changed[i] ^= static_cast<std::uint8_t>(1U << i % 8);
        FUZZ_REQUIRE(!keys.open(PaymentSecret(changed), hash));
    }
    return 0;
}
