#include "common/l402/token.hpp"

#include "common/crypto/hash.hpp"
#include "common/l402/caveats.hpp"

namespace millrace::l402 {
namespace {

constexpr std::string_view location = "lsat";

std::string join(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) out.append(out.empty() ? "" : ",").append(name);
    return out;
}

}  // namespace

const SecretKey* KeyRing::find(KeyEpoch epoch) const {
    const auto place = keys.find(epoch);
    return place == keys.end() ? nullptr : &place->second;
}

macaroon::Macaroon mint(const SecretKey& key, const Identifier& identifier, const ServiceName& service,
                        const Sale& sale) {
    const auto id = identifier.encode();
    const crypto::Digest root_key = crypto::hmac_sha256(key.reveal(), id);
    macaroon::Macaroon out = macaroon::Macaroon::create(root_key, id, std::string(location));
    auto add = [&out, &service](std::string_view suffix, const std::string& value) {
        out.add_first_party_caveat(service.text() + std::string(suffix) + '=' + value);
    };
    if (sale.route) add(caveats::route, *sale.route);
    if (sale.quote) add(caveats::quote, *sale.quote);
    if (sale.price_of) add(caveats::price_of, *sale.price_of);
    if (sale.price || !sale.credit) add(caveats::max_price, std::to_string(sale.price.value_or(Msat(0)).value()));
    if (sale.credit) add(caveats::credit, std::to_string(sale.credit->value()));
    if (sale.until) add(caveats::valid_until, std::to_string(sale.until->time_since_epoch().count()));
    out.add_first_party_caveat(std::string(caveats::services) + '=' + service.text() + ':' + std::to_string(sale.tier));
    // Behind it, as Aperture has it: the capabilities of a tier can only become fewer.
    if (sale.capabilities) add(caveats::capabilities, join(*sale.capabilities));
    return out;
}

std::optional<Refusal> verify(const Credential& credential, const KeyRing& keys, Proof proof) {
    const SecretKey* key = keys.find(credential.identifier.epoch());
    if (key == nullptr) return Refusal::unknown_key;
    const crypto::Digest root_key = crypto::hmac_sha256(key->reveal(), credential.macaroon.identifier);
    if (!credential.macaroon.verifies(root_key)) return Refusal::bad_signature;
    const bool paid =
        proof == Proof::settlement || crypto::payment_hash(credential.preimage) == credential.identifier.payment_hash;
    return paid ? std::nullopt : std::optional(Refusal::bad_preimage);
}

std::optional<Refusal> verify(const Credential& credential, const KeyRing& keys, std::string_view service,
                              std::chrono::system_clock::time_point now, Proof proof) {
    if (const auto refusal = verify(credential, keys, proof)) return refusal;
    return Claim(credential.macaroon, service).refusal(now);
}

std::optional<Refusal> verify_any_service(const Credential& credential, const KeyRing& keys,
                                          std::chrono::system_clock::time_point now) {
    if (const auto refusal = verify(credential, keys)) return refusal;
    std::optional<Refusal> refusal = Refusal::wrong_scope;
    for (const std::string& service : services_of(credential.macaroon)) {
        const std::optional<Refusal> of_this = Claim(credential.macaroon, service).refusal(now);
        if (!of_this) return std::nullopt;
        // "Out of scope" says less than why a service that the token still names is refused.
        if (refusal == Refusal::wrong_scope) refusal = of_this;
    }
    return refusal;
}

}  // namespace millrace::l402
