// Which token keys there are: epochs, numbered from 1. The newest signs, all that are not retired verify.
//
// The keys themselves come from lightningd's makesecret; only this table is kept, in lightningd's datastore, and only once
// it says more than "epoch 1, never rotated".
//
//   datastore key ["millrace", "keys"], text:
//   {"version":1, "epochs":[{"epoch":1, "created_at":unix?, "retired_at":unix?}, ...]}      ascending, none left out
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/l402/identifier.hpp"
#include "common/result/error.hpp"

namespace millrace::invoicing {

enum class EpochErrc {
    unreadable = 1,  // the table in the datastore is not one, or is of a newer version
    unknown_epoch,   // no such epoch
    retired_epoch,   // retired already
    current_epoch,   // the epoch that signs cannot be retired
    exhausted,       // no number left for another epoch
};

struct Epoch {
    l402::KeyEpoch epoch = 0;
    std::optional<std::chrono::sys_seconds> created_at;  // unknown for the first
    std::optional<std::chrono::sys_seconds> retired_at;
    bool operator==(const Epoch&) const = default;
};

class KeyEpochs {
  public:
    // Epoch 1 alone.
    KeyEpochs();

    // Errors: unreadable.
    static Result<KeyEpochs> parse(std::string_view text);
    [[nodiscard]] std::string text() const;

    [[nodiscard]] const std::vector<Epoch>& all() const { return epochs_; }
    [[nodiscard]] l402::KeyEpoch current() const { return epochs_.back().epoch; }
    [[nodiscard]] bool usable(l402::KeyEpoch epoch) const;

    // With one epoch more. Errors: exhausted.
    [[nodiscard]] Result<KeyEpochs> rotated(std::chrono::sys_seconds now) const;

    // With that epoch retired. Errors: unknown_epoch, retired_epoch, current_epoch.
    [[nodiscard]] Result<KeyEpochs> retired(l402::KeyEpoch epoch, std::chrono::sys_seconds now) const;

    bool operator==(const KeyEpochs&) const = default;

  private:
    std::vector<Epoch> epochs_;
};

}  // namespace millrace::invoicing

namespace millrace {
template <>
struct ErrcText<invoicing::EpochErrc> {
    static constexpr const char* domain = "millrace.epochs";
    static const char* text(invoicing::EpochErrc errc);
};
}  // namespace millrace
