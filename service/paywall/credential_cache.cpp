#include "service/paywall/credential_cache.hpp"

#include <cstring>

namespace millrace::paywall {

CredentialCache::Key CredentialCache::key(std::string_view authorization, std::size_t service) {
    Key key = crypto::sha256(as_bytes(authorization));
    // The service in front of the hash: a token for one service is no token for another.
    std::uint32_t number = static_cast<std::uint32_t>(service);
    for (std::size_t i = 0; i < sizeof number; ++i) key[i] = static_cast<std::uint8_t>(key[i] ^ (number >> (8 * i)));
    return key;
}

std::size_t CredentialCache::Hash::operator()(const Key& key) const noexcept {
    std::size_t out = 0;
    std::memcpy(&out, key.data() + 8, sizeof out);
    return out;
}

VerifiedCredential* CredentialCache::find(const Key& key) {
    if (auto entry = young_.find(key); entry != young_.end()) return &entry->second;
    auto entry = old_.find(key);
    if (entry == old_.end()) return nullptr;
    VerifiedCredential kept = std::move(entry->second);
    old_.erase(entry);
    add(key, std::move(kept));
    return &young_.find(key)->second;
}

void CredentialCache::add(const Key& key, VerifiedCredential credential) {
    if (young_.size() >= generation_size) {
        old_ = std::move(young_);
        young_ = {};
    }
    young_.insert_or_assign(key, std::move(credential));
}

void CredentialCache::clear() {
    young_.clear();
    old_.clear();
}

bool cacheable(const l402::Credential& credential) {
    for (const macaroon::Caveat& caveat : credential.macaroon.caveats) {
        if (caveat.text().find("_valid_until=") != std::string_view::npos) return false;
    }
    return true;
}

}  // namespace millrace::paywall
