// How many connections each network has open, over all listeners. From any thread.
//
//   auto place = connections.enter(prefix_of(address), 1000);
//   if (!place) ...                                               the network has that many already
//   session.place = std::move(*place);                            kept for as long as the connection is open
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "service/limits/network.hpp"

namespace millrace::limits {

class Connections {
  public:
    // One connection of a network; gives its place up when it goes. One that was made by default counts nowhere.
    class Place {
      public:
        Place() = default;
        Place(Connections& connections, Prefix prefix) : connections_(&connections), prefix_(prefix) {}
        Place(Place&& other) noexcept
            : connections_(std::exchange(other.connections_, nullptr)), prefix_(other.prefix_) {}
        Place& operator=(Place&&) = delete;
        ~Place() {
            if (connections_) connections_->leave(prefix_);
        }

      private:
        Connections* connections_ = nullptr;
        Prefix prefix_;
    };

    // Empty where the network has `most` already. The place must not outlive this object.
    [[nodiscard]] std::optional<Place> enter(Prefix prefix, std::size_t most);

    // Networks that have a connection open.
    [[nodiscard]] std::size_t networks() const;

  private:
    void leave(Prefix prefix);

    mutable std::mutex mutex_;
    std::unordered_map<Prefix, std::size_t> open_;
};

}  // namespace millrace::limits
