#include "service/paywall/credential_cache.hpp"

#include <utility>

namespace millrace::paywall {

VerifiedCredential* CredentialCache::find(const Key& key) {
    if (auto entry = young_.find(key); entry != young_.end()) return &entry->second->credential;
    auto entry = old_.find(key);
    if (entry == old_.end()) return nullptr;
    VerifiedCredential kept = std::move(entry->second->credential);
    old_.erase(entry);
    add(key, std::move(kept));
    return &young_.find(key)->second->credential;
}

void CredentialCache::add(const Key& key, VerifiedCredential credential) {
    if (key.authorization.size() > longest) return;
    if (young_.size() >= generation_size) {
        old_.swap(young_);
        young_.clear();
    }
    auto entry = std::make_unique<Entry>(Entry{std::string(key.authorization), std::move(credential)});
    const Key own{entry->authorization, key.service};
    young_.erase(own);
    young_.emplace(own, std::move(entry));
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
