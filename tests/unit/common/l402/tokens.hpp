// Tokens for tests, as they are minted now and as they were before.
#pragma once

#include <string>
#include <vector>

#include "common/crypto/hash.hpp"
#include "common/l402/token.hpp"

namespace millrace::test {

// Exactly these caveats, in this order, under an epoch key.
inline macaroon::Macaroon token_with(const SecretKey& epoch_key, const l402::Identifier& identifier,
                                     const std::vector<std::string>& caveats) {
    const auto id = identifier.encode();
    macaroon::Macaroon out = macaroon::Macaroon::create(crypto::hmac_sha256(epoch_key.reveal(), id), id, "lsat");
    for (const std::string& caveat : caveats) out.add_first_party_caveat(caveat);
    return out;
}

// What an older service added behind `services=` when it sold a token that the plugin had minted.
struct OldSale {
    std::optional<std::string> route = {};
    std::optional<std::string> quote = {};
    unsigned tier = 0;
    std::optional<std::string> capabilities = {};
    std::optional<Msat> max_price = {};
    std::optional<Msat> credit = {};
};

inline std::vector<std::string> caveats_of(const std::string& service, const OldSale& sale) {
    std::vector<std::string> out;
    if (sale.route) out.push_back(service + "_route=" + *sale.route);
    if (sale.quote) out.push_back(service + "_quote=" + *sale.quote);
    out.push_back("services=" + service + ':' + std::to_string(sale.tier));
    if (sale.capabilities) out.push_back(service + "_capabilities=" + *sale.capabilities);
    if (sale.max_price) out.push_back(service + "_max_price_msat=" + std::to_string(sale.max_price->value()));
    if (sale.credit) out.push_back(service + "_credit_msat=" + std::to_string(sale.credit->value()));
    return out;
}

}  // namespace millrace::test
