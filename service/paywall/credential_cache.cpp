#include "service/paywall/credential_cache.hpp"

#include <utility>

namespace millrace::paywall {

VerifiedCredential* CredentialCache::find(const Key& key) {
    if (auto entry = young_.find(key); entry != young_.end()) return &entry->second;
    auto entry = old_.find(key);
    if (entry == old_.end()) return nullptr;
    auto kept = old_.extract(entry);
    make_room();
    return &young_.insert(std::move(kept)).position->second;
}

void CredentialCache::add(const Key& key, VerifiedCredential credential) {
    if (key.authorization.size() > longest) return;
    make_room();
    young_.insert_or_assign(OwnKey{std::string(key.authorization), key.service}, std::move(credential));
}

void CredentialCache::make_room() {
    if (young_.size() < generation_size) return;
    old_.swap(young_);
    young_.clear();
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
