// What one request uses up of the token or the session that it was let in by, from the head of its answer to its end. It
// decides without I/O what is to be on disk before what; whoever drives it records that, and says when it is.
//
//   answer_came()  the head is here: what it costs is pending, to be recorded before its first byte goes; or the answer
//   abandoned()    there is none, and the request is charged all the same (paywall/charging.hpp)
//   lease_bytes()  a body whose length nobody knew: what is to be recorded ahead of its next bytes
//   take_bytes()   how many of them may go
//   lease_events() events that are sold one by one: how many are to be recorded ahead of them
//   end_came()     the trailer: what it cost, where the upstream says so only there
//   end()          what was recorded and not needed is given back
//
// What is pending in the Reservation is what is to be recorded; commit() it when it is. One request, one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "service/http/message.hpp"
#include "service/paywall/ledger.hpp"
#include "service/paywall/usage.hpp"

namespace millrace::meter {

// Of a body whose length is not told, set aside at a time: what a crash may cost a token, and how often a long answer
// waits for the disk. Bytes.
inline constexpr std::uint64_t byte_lease = 1024 * 1024;
// The same of events.
inline constexpr std::uint64_t event_lease = 32;

// What a field of the upstream's says that a request cost, msat; empty where it is no whole number.
[[nodiscard]] std::optional<std::uint64_t> read_cost(std::string_view value);

struct AnswerHead {
    http::Framing framing = http::Framing::none;
    std::uint64_t length = 0;           // of a body with Framing::length
    std::optional<std::uint64_t> cost;  // that its head tells, msat
    bool cost_follows = false;          // it announces a trailer that may say something else
};

class Meter {
  public:
    struct Came {
        bool enough = true;               // false: the answer is longer than what is left, and is withheld
        bool too_dear = false;            // it costs more than was set aside, and draws no more than that
        std::uint64_t bytes_to_tell = 0;  // that are left, as the client is told
    };
    [[nodiscard]] Came answer_came(paywall::Reservation& use, const AnswerHead& head);
    // Of an answer that is withheld: all that is left of the bytes is pending for a request that may have changed
    // something: else a token with a byte left would act for ever. False: nothing is to be recorded.
    [[nodiscard]] static bool withheld(paywall::Reservation& use, bool safe);
    // Nobody will say what it cost: what was set aside for it is pending.
    void abandoned(paywall::Reservation& use, bool safe);

    // So many bytes are pending ahead of the next `size` of the body; 0: they are covered, or no more are left.
    [[nodiscard]] std::uint64_t lease_bytes(paywall::Reservation& use, std::size_t size) const;
    void bytes_leased(std::uint64_t bytes) { covered_ += bytes; }
    // How many of `size` bytes may go now: fewer than all where the token has no more.
    [[nodiscard]] std::size_t take_bytes(std::size_t size);

    // So many events are pending; 0: there is no money for one.
    [[nodiscard]] static std::uint64_t lease_events(paywall::Reservation& use, Msat price);
    void events_leased(std::uint64_t events) { events_paid_ += events; }
    // What could not be recorded is not taken.
    static void events_not_leased(paywall::Reservation& use, std::uint64_t events, Msat price);
    // False: none is paid for.
    [[nodiscard]] bool take_event();
    [[nodiscard]] std::uint64_t events_sent() const { return events_sent_; }
    // Events that were paid for and did not come: to be given back, msat.
    [[nodiscard]] std::uint64_t end_events(Msat price);

    struct End {
        paywall::Usage give_back;  // was recorded, and is not needed
        paywall::Usage take;       // is to be recorded yet
        bool too_dear = false;
    };
    // The end of the body, and with it what it cost, where it says so.
    [[nodiscard]] End end_came(paywall::Reservation& use, const std::optional<std::uint64_t>& cost);
    // The request is over, however it ended. `client_waited`: how long it let us wait until it took what it was sent.
    [[nodiscard]] End end(paywall::Reservation& use, bool safe, bool client_left,
                          std::chrono::steady_clock::duration client_waited);

  private:
    std::uint64_t covered_ = 0;      // bytes of the response's body that are recorded and not sent yet
    std::uint64_t body_sent_ = 0;    // that were, of what is covered
    std::uint64_t charged_ = 0;      // msat, recorded for this request
    bool cost_told_ = false;         // by the upstream
    std::uint64_t events_paid_ = 0;  // recorded and not sent yet
    std::uint64_t events_sent_ = 0;
};

// Header lines that tell the client what is left; `bytes`: of Came. What is held counts as left: it comes back where no
// trailer says that it cost more.
[[nodiscard]] std::string remaining_lines(const paywall::Reservation& use, std::uint64_t bytes);

}  // namespace millrace::meter
