// Who stays where connections are few: on the operator's own listeners, which nobody may shut by holding connections.
//
// A connection takes a seat, and keeps it from others only once it was let in: before, and again while its answer is
// under way to it, it gives way to one that comes later where no seat is left, the oldest one first. Of a peer with
// more seats than its share the oldest of its own gives way, so that a peer's own flood costs others nothing. On one
// thread.
//
//   Seats seats({64, 16});
//   auto taken = seats.take("127.0.0.1", [&] { socket.close(); });    the function is called where the seat is lost
//   if (!taken) ...                                                    all are kept
//   seats.keep(*taken);  ...  seats.leave(*taken);
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace millrace::limits {

class Seats {
  public:
    using Ticket = std::uint64_t;

    struct Bounds {
        std::size_t in_all = 64;
        std::size_t per_peer = 16;  // of one address, beside those that it keeps
    };

    explicit Seats(Bounds bounds) : bounds_(bounds) {}

    // `give_up` is called at most once, from within a later take(), and must not call back.
    [[nodiscard]] std::optional<Ticket> take(std::string peer, std::function<void()> give_up);

    // Of a connection that has lost its seat nothing happens.
    void keep(Ticket ticket) { set_kept(ticket, true); }
    void let_go(Ticket ticket) { set_kept(ticket, false); }
    void leave(Ticket ticket);

    [[nodiscard]] std::size_t taken() const { return seats_.size(); }
    // Whether all are kept: the next one must wait.
    [[nodiscard]] bool full() const;

  private:
    struct Seat {
        Ticket ticket;
        std::string peer;
        std::function<void()> give_up;
        bool kept = false;
    };

    void set_kept(Ticket ticket, bool kept);
    void free_one(const std::string* of_peer);

    Bounds bounds_;
    Ticket next_ = 1;
    std::vector<Seat> seats_;  // the oldest first
};

}  // namespace millrace::limits
