// What a token grants: the least of what was minted, what was paid and what its holders appended.
//
//   Limits limits = minted;
//   limits.no_more_than(paid);
//   limits.no_more_than(appended);
//
// A limit can only be made narrower, so that no caveat, and no fact that is missing, ever permits more. Claim::grant()
// (claim.hpp) alone computes grants.
#pragma once

#include <bitset>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/money/msat.hpp"

namespace millrace::l402 {

// One limit. A fresh one limits nothing.
template <class T>
class AtMost {
  public:
    AtMost() = default;
    explicit AtMost(T most) : most_(most) {}

    void no_more_than(T most) {
        if (!most_ || most < *most_) most_ = most;
    }
    void no_more_than(const AtMost& other) {
        if (other.most_) no_more_than(*other.most_);
    }
    [[nodiscard]] bool allows(T asked) const { return !most_ || asked <= *most_; }
    [[nodiscard]] const std::optional<T>& most() const { return most_; }
    bool operator==(const AtMost&) const = default;

  private:
    std::optional<T> most_;
};

constexpr unsigned max_tier = 255;
using Tiers = std::bitset<max_tier + 1>;

// Everything that limits a token beside its service. A fresh one limits nothing; each call leaves less, or the same.
class Limits {
  public:
    void no_more_than(const Limits& other);

    void price(Msat most) { price_.no_more_than(most); }                    // of a request
    void credit(Msat most) { credit_.no_more_than(most); }                  // of the balance
    void until(std::chrono::sys_seconds end) { until_.no_more_than(end); }  // valid before then
    void tier(unsigned number) { tiers_.set(number); }                      // opens no more than tokens of this tier
    void capabilities(std::vector<std::string> sorted);                     // none but these
    void route(std::string_view name);                                      // none but this; two of them: none at all

    [[nodiscard]] const AtMost<Msat>& price() const { return price_; }
    [[nodiscard]] const AtMost<Msat>& credit() const { return credit_; }
    [[nodiscard]] const AtMost<std::chrono::sys_seconds>& until() const { return until_; }
    [[nodiscard]] const Tiers& tiers() const { return tiers_; }
    [[nodiscard]] unsigned lowest_tier() const;  // 0 where none was said
    // Empty: all that the tiers have.
    [[nodiscard]] const std::optional<std::vector<std::string>>& capabilities() const { return capabilities_; }
    // Empty: every route. A name that no route has ("") opens none.
    [[nodiscard]] const std::optional<std::string>& route() const { return route_; }
    bool operator==(const Limits&) const = default;

  private:
    AtMost<Msat> price_;
    AtMost<Msat> credit_;
    AtMost<std::chrono::sys_seconds> until_;
    Tiers tiers_;
    std::optional<std::vector<std::string>> capabilities_;
    std::optional<std::string> route_;
};

// Nothing can be bought with it.
[[nodiscard]] Limits nothing();

// What is left of a token for one service. One that was not made by Claim::grant() is good for nothing.
struct Grant {
    unsigned tier = 0;                      // minted: what the token buys is looked up by this alone
    Limits limits = nothing();              // the meet
    AtMost<Msat> holders_price = {};        // appended: counts also where the price that was paid does not
    std::optional<std::string> quote = {};  // minted: the thing that it was bought for, at whatever price since
    bool minted_for_route = false;          // limits.route() is not its holders' doing
    bool operator==(const Grant&) const = default;
};

// What is known of a token's payment.
struct Payment {
    Msat base = {};  // what the service where it was bought asks for a request, in the minted tier; 0: not known
    // For tokens that were minted without price and credit:
    std::optional<Msat> amount = {};  // of the invoice, once its settlement was heard of
    bool given = false;               // away by an operator: up to the service's own terms
    bool operator==(const Payment&) const = default;
};

}  // namespace millrace::l402
