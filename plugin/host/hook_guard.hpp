// The one door through which every answer to a hook leaves.
//
// lightningd aborts on a hook answer that is an error, that is malformed, or that lacks what its result needs
// (lightningd/plugin_hook.c, peer_htlcs.c), and a hook that is never answered ends in a forced close. Hence:
//   - a HookAnswer can only be one of three valid things, and only this file writes them;
//   - every call is answered exactly once: by answer(), or when its ticket is dropped (an exception, a forgotten branch),
//     or when its time is up; what is said then is `continue`, unless the HTLC was found to be ours: then it is failed,
//     which gives the payer the money back.
//
//   HookTicket ticket = guard.open(id, now);
//   ticket.claim(HookFail{amount, height});     // ours: from now on silence means failure
//   ticket.answer(HookContinue{payload});
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "common/codec/bytes.hpp"
#include "common/money/msat.hpp"

namespace millrace::host {

// Go on as if we were not there, or with another onion payload (a TLV stream without length prefix).
struct HookContinue {
    std::optional<Bytes> payload;
};

// BOLT 4 incorrect_or_unknown_payment_details: 0x400f, u64 htlc_msat, u32 height.
struct HookFail {
    Msat htlc_amount;
    std::uint32_t blockheight = 0;
};

using HookAnswer = std::variant<HookContinue, HookFail>;

using HookClock = std::chrono::steady_clock;

// The whole reply, with its terminator. `raw_id` is echoed as it is.
[[nodiscard]] std::string render_hook_reply(std::string_view raw_id, const HookAnswer& answer);

class HookTicket;

class HookGuard {
  public:
    // Longer than any answer of a healthy lightningd takes, far shorter than the 70 s for which parts of a payment are
    // held and than the shortest cltv.
    static constexpr std::chrono::seconds default_limit{20};

    // `send` writes one reply. `received` is when the call's bytes were read, `claimed` whether the HTLC was ours.
    using Send = std::function<void(std::string reply, HookClock::time_point received, bool claimed)>;

    explicit HookGuard(Send send, std::chrono::milliseconds limit = default_limit);

    // The answer for what is not ours: at once, nothing to remember.
    void pass(std::string_view raw_id, HookClock::time_point received);

    // A call that takes longer.
    [[nodiscard]] HookTicket open(std::string_view raw_id, HookClock::time_point received);

    // Answers what is overdue; how many those were.
    std::size_t expire(HookClock::time_point now);

    [[nodiscard]] std::size_t outstanding() const;

    // Writes nothing from now on: lightningd is gone, or what writes is about to go. (A plugin that goes away without an
    // answer is safe: lightningd takes that for `continue`, and asks again after a restart of its own.)
    void silence();

  private:
    friend class HookTicket;
    struct Core;
    std::shared_ptr<Core> core_;
};

// The duty to answer one call. Dropping it answers it.
class HookTicket {
  public:
    HookTicket(HookTicket&&) noexcept;
    HookTicket& operator=(HookTicket&&) noexcept;
    ~HookTicket();

    // From now on silence means this failure instead of `continue`.
    void claim(const HookFail& fail);

    // True where this was the first answer; later ones do nothing.
    bool answer(const HookAnswer& answer);

    [[nodiscard]] bool answered() const;

  private:
    friend class HookGuard;
    HookTicket(std::shared_ptr<HookGuard::Core> core, std::uint64_t number);

    std::shared_ptr<HookGuard::Core> core_;
    std::uint64_t number_ = 0;
};

}  // namespace millrace::host
