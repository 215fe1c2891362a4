#include "service/meter/meter.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "service/paywall/charging.hpp"

namespace millrace::meter {

using paywall::Reservation;

std::optional<std::uint64_t> read_cost(std::string_view value) {
    std::uint64_t cost = 0;
    auto [end, errc] = std::from_chars(value.data(), value.data() + value.size(), cost);
    if (errc != std::errc{} || end != value.data() + value.size() || value.empty()) return std::nullopt;
    return cost;
}

Meter::Came Meter::answer_came(Reservation& use, const AnswerHead& head) {
    Came came;
    if (use.quota().credit) {
        if (head.cost) {
            cost_told_ = true;
            came.too_dear = !use.settle(*head.cost, head.framing == http::Framing::chunked);
        }
        // A trailer may say it yet, or say something else.
        if (head.cost_follows) cost_told_ = false;
        if (head.framing != http::Framing::chunked) use.release_held();
        charged_ = use.pending().spent_msat;
    }
    const bool length_known = head.framing == http::Framing::length || head.framing == http::Framing::none;
    if (use.quota().bytes) {
        const std::uint64_t length = head.framing == http::Framing::length ? head.length : 0;
        const std::uint64_t raised = length_known ? 0 : use.raise_bytes(byte_lease);
        came.enough = length_known ? use.set_bytes(length) : raised > 0;
        if (came.enough) covered_ = length_known ? length : raised;
    }
    came.bytes_to_tell = use.left().bytes + (head.framing == http::Framing::length ? 0 : covered_);
    return came;
}

bool Meter::withheld(Reservation& use, bool safe) {
    if (safe) return false;
    (void)use.add_bytes_up_to(std::numeric_limits<std::uint64_t>::max());
    return true;
}

void Meter::abandoned(Reservation& use, bool safe) {
    charged_ = use.pending().spent_msat + use.draw(use.held()).msat;
    if (use.quota().bytes && !safe) (void)use.raise_bytes(byte_lease);
}

std::uint64_t Meter::lease_bytes(Reservation& use, std::size_t size) const {
    if (!use.quota().bytes || covered_ >= size) return 0;
    return use.add_bytes_up_to(std::max<std::uint64_t>(byte_lease, size - covered_));
}

std::size_t Meter::take_bytes(std::size_t size) {
    const std::uint64_t allowed = std::min<std::uint64_t>(covered_, size);
    covered_ -= allowed;
    body_sent_ += allowed;
    return static_cast<std::size_t>(allowed);
}

std::uint64_t Meter::lease_events(Reservation& use, Msat price) {
    const std::uint64_t there = std::min(event_lease, use.left().spent_msat / price.value());
    // Another request of the session may be faster.
    return there > 0 && use.add_msat(there * price.value()) ? there : 0;
}

void Meter::events_not_leased(Reservation& use, std::uint64_t events, Msat price) {
    use.take_back_msat(events * price.value());
}

bool Meter::take_event() {
    if (events_paid_ == 0) return false;
    --events_paid_;
    ++events_sent_;
    return true;
}

std::uint64_t Meter::end_events(Msat price) {
    const std::uint64_t unused = events_paid_ * price.value();
    events_paid_ = 0;
    return unused;
}

Meter::End Meter::end_came(Reservation& use, const std::optional<std::uint64_t>& cost) {
    End out;
    cost_told_ = true;  // there or not: nothing more will be said
    if (!cost) return out;
    use.forgive_debt();  // of the cost that the head told
    if (*cost < charged_) {
        out.give_back.spent_msat = charged_ - *cost;
        return out;
    }
    const auto drawn = use.draw(*cost - charged_);
    out.too_dear = !drawn.all;
    out.take.spent_msat = drawn.msat;
    if (drawn.msat == 0) use.commit();  // a debt alone, of which there is nothing to record
    return out;
}

Meter::End Meter::end(Reservation& use, bool safe, bool client_left,
                      std::chrono::steady_clock::duration client_waited) {
    End out;
    if (covered_ > 0 && paywall::gives_back({safe, client_left, body_sent_})) out.give_back.bytes = covered_;
    covered_ = 0;
    // The cost will not be told any more, and it is the client's doing: what was held for it is drawn.
    if (use.held() > 0 && !cost_told_ && paywall::takes_held(client_left, client_waited))
        out.take.spent_msat = use.draw(use.held()).msat;
    return out;
}

std::string remaining_lines(const Reservation& use, std::uint64_t bytes) {
    std::string out;
    auto append = [&out](std::string_view what, std::uint64_t left) {
        out.append("X-L402-Remaining-").append(what).append(": ").append(std::to_string(left)).append("\r\n");
    };
    const paywall::Usage left = use.left();
    if (use.quota().uses) append("Uses", left.uses);
    if (use.quota().bytes) append("Bytes", bytes);
    if (use.quota().credit) append("Msat", left.spent_msat + use.held());
    return out;
}

}  // namespace millrace::meter
