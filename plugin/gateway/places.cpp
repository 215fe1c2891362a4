#include "plugin/gateway/places.hpp"

namespace millrace::gateway {

Places::Entered Places::enter(uid_t user) {
    std::size_t strangers = 0;
    std::optional<Id> oldest;
    for (const auto& [id, guest] : guests_) {
        if (guest.rank != Rank::stranger) continue;
        ++strangers;
        if (!oldest) oldest = id;
    }
    Entered out{++last_, strangers >= limits_.strangers ? oldest : std::nullopt};
    if (out.leaves) guests_.erase(*out.leaves);
    guests_.emplace(out.id, Guest{user, Rank::stranger});
    return out;
}

Places::Greeted Places::greet(Id id) {
    const auto self = guests_.find(id);
    if (self == guests_.end()) return {};
    if (self->second.rank != Rank::stranger) return {true, std::nullopt};
    std::size_t clients = 0;
    std::size_t own = 0;
    std::optional<Id> oldest;      // that has not subscribed
    std::optional<Id> oldest_own;  // the same, of this user
    for (const auto& [other, guest] : guests_) {
        if (guest.rank == Rank::stranger) continue;
        const bool same = guest.user == self->second.user;
        ++clients;
        if (same) ++own;
        if (guest.rank == Rank::subscriber) continue;
        if (!oldest) oldest = other;
        if (same && !oldest_own) oldest_own = other;
    }
    Greeted out{true, std::nullopt};
    if (own >= limits_.per_user) {
        out = {oldest_own.has_value(), oldest_own};
    } else if (clients >= limits_.clients) {
        out = {oldest.has_value(), oldest};
    }
    if (out.leaves) guests_.erase(*out.leaves);
    if (out.stays) self->second.rank = Rank::client;
    return out;
}

void Places::subscribe(Id id) {
    const auto self = guests_.find(id);
    if (self != guests_.end()) self->second.rank = Rank::subscriber;
}

void Places::leave(Id id) {
    guests_.erase(id);
}

}  // namespace millrace::gateway
