#include "service/limits/seats.hpp"

namespace millrace::limits {

std::optional<Seats::Ticket> Seats::take(std::string peer, std::function<void()> give_up) {
    if (full()) return std::nullopt;
    const auto of_peer = static_cast<std::size_t>(
        std::count_if(seats_.begin(), seats_.end(), [&](const Seat& seat) { return !seat.kept && seat.peer == peer; }));
    if (of_peer >= bounds_.per_peer) free_one(&peer);
    if (seats_.size() >= bounds_.in_all) free_one(nullptr);
    const Ticket ticket = next_++;
    seats_.push_back({ticket, std::move(peer), std::move(give_up), false});
    return ticket;
}

// Takes the seat of the oldest that does not keep it.
void Seats::free_one(const std::string* of_peer) {
    auto oldest = std::find_if(seats_.begin(), seats_.end(),
                               [&](const Seat& seat) { return !seat.kept && (!of_peer || seat.peer == *of_peer); });
    if (oldest == seats_.end()) return;
    std::function<void()> give_up = std::move(oldest->give_up);
    seats_.erase(oldest);
    give_up();
}

bool Seats::full() const {
    return seats_.size() >= bounds_.in_all &&
           std::all_of(seats_.begin(), seats_.end(), [](const Seat& seat) { return seat.kept; });
}

void Seats::set_kept(Ticket ticket, bool kept) {
    for (Seat& seat : seats_) {
        if (seat.ticket == ticket) seat.kept = kept;
    }
}

void Seats::leave(Ticket ticket) {
    std::erase_if(seats_, [ticket](const Seat& seat) { return seat.ticket == ticket; });
}

}  // namespace millrace::limits
