// Whether a request that was let through is charged: decided by what became of it, and by nothing else. Pure.
//
//   what came back                               nothing sent   a part sent   all sent
//   a final head below 500                       charged        charged       charged
//   a final head of 500 or above                 free           free          free
//   no answer, or one that cannot be read        free           free          free
//   no answer yet, and the client left           free           free          charged
//   no answer, and the client's body broke off   free           free          -
//
// "Sent" is what the upstream was sent of the request. What is charged is a use, the price or the cost of a balance,
// bytes, a charge of the Payment scheme, a session's price, a free request: all alike. The upstream may have acted on
// what is free here by the last three lines only where it acts on a part of a request or fails; the manual says so.
#pragma once

#include <chrono>
#include <cstdint>

namespace millrace::paywall {

enum class Sent { nothing, part, whole };

enum class Came {
    head,         // of a final response
    nothing,      // the upstream was not reached, broke off, fell silent, sent what cannot be read
    client_left,  // nothing yet; the client reset the connection, or closed its side and did not wait
    client_erred  // nothing yet; the client's body is malformed, too long, or broke off
};

// What became of one request.
struct Fate {
    Sent sent = Sent::nothing;
    Came came = Came::nothing;
    unsigned status = 0;  // of the head
    bool operator==(const Fate&) const = default;
};

[[nodiscard]] bool is_charged(const Fate& fate);

// Of the bytes that were set aside for a body and did not go to the client, whether they are given back. Those that
// went are counted; where none did because the client left, a request that may have changed something (RFC 9110 §9.2.1)
// keeps what was set aside for its answer: else leaving would be a way to act for nothing.
struct UnsentBytes {
    bool safe_method = true;
    bool client_left = false;
    std::uint64_t sent = 0;
};
[[nodiscard]] bool gives_back(const UnsentBytes& bytes);

// Of what is held for a cost that the upstream tells behind its answer, and did not come to tell: whether it is drawn.
// Where the client left, or held the answer up for so long that the upstream may have given it up, it is: else not to
// wait for the end would be a way to pay the price alone. `client_waited`: how long writes to it waited, in all.
inline constexpr std::chrono::milliseconds patience_with_client{1000};
[[nodiscard]] bool takes_held(bool client_left, std::chrono::steady_clock::duration client_waited);

}  // namespace millrace::paywall
