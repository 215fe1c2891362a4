// Who may be connected to the gateway, so that nobody who can open the socket locks out the service.
//
//   connected ──▶ stranger ── hello ──▶ client ── subscribe ──▶ subscriber
//
// A stranger has a few seconds for its hello; beyond so many strangers the oldest makes room. A user (uid) has no more than
// a part of the places for clients, so that another user always finds some; where there is none left, the oldest client that
// has not subscribed makes room. A subscriber stays: that is how a service is known. No I/O: it is told what happened, and says who goes.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>

namespace millrace::gateway {

class Places {
  public:
    struct Limits {
        std::size_t strangers = 16;
        std::size_t clients = 64;   // subscribers among them
        std::size_t per_user = 48;  // of the clients
        std::chrono::milliseconds hello_patience{5000};
    };
    using Id = std::uint64_t;  // in the order in which they came

    explicit Places(Limits limits) : limits_(limits) {}

    // A stranger came: its id, and the stranger that makes room for it.
    struct Entered {
        Id id = 0;
        std::optional<Id> leaves;
    };
    [[nodiscard]] Entered enter(uid_t user);

    // A stranger said hello. Empty: it may stay, and `leaves` makes room for it. Otherwise why it may not.
    struct Greeted {
        bool stays = false;
        std::optional<Id> leaves;
    };
    [[nodiscard]] Greeted greet(Id id);

    void subscribe(Id id);
    void leave(Id id);

    [[nodiscard]] const Limits& limits() const { return limits_; }

  private:
    enum class Rank { stranger, client, subscriber };
    struct Guest {
        uid_t user = 0;
        Rank rank = Rank::stranger;
    };

    Limits limits_;
    std::map<Id, Guest> guests_;
    Id last_ = 0;
};

}  // namespace millrace::gateway
