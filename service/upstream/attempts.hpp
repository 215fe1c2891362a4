// Which addresses of an upstream one request tries, one after another, each once: those that are well in turn, and
// then, where none of them is left, the others all the same; what is known of them may be out of date.
//
//   Attempts attempts(3, turn);
//   while (auto index = attempts.next(well)) ...      bit i of `well`: address i is well
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace millrace::upstream {

class Attempts {
  public:
    // `turn` counts requests, so that those that are well take turns.
    Attempts(std::size_t addresses, std::uint32_t turn) : untried_((1U << addresses) - 1), turn_(turn) {}

    std::optional<std::size_t> next(std::uint32_t well) {
        if (untried_ == 0) return std::nullopt;
        std::uint32_t among = untried_ & well;
        if (among == 0) among = untried_;
        for (std::uint32_t skip = turn_ % static_cast<std::uint32_t>(std::popcount(among)); skip > 0; --skip)
            among &= among - 1;
        untried_ &= ~(among & (0U - among));
        return static_cast<std::size_t>(std::countr_zero(among));
    }

    [[nodiscard]] bool left() const { return untried_ != 0; }

  private:
    std::uint32_t untried_;
    std::uint32_t turn_;
};

}  // namespace millrace::upstream
