#include "service/limits/connections.hpp"

namespace millrace::limits {

std::optional<Connections::Place> Connections::enter(Prefix prefix, std::size_t most) {
    std::lock_guard lock(mutex_);
    if (most == 0) return std::nullopt;
    std::size_t& count = open_[prefix];
    if (count >= most) return std::nullopt;
    ++count;
    return std::optional<Place>(std::in_place, *this, prefix);
}

void Connections::leave(Prefix prefix) {
    std::lock_guard lock(mutex_);
    auto entry = open_.find(prefix);
    if (entry != open_.end() && --entry->second == 0) open_.erase(entry);
}

std::size_t Connections::networks() const {
    std::lock_guard lock(mutex_);
    return open_.size();
}

}  // namespace millrace::limits
