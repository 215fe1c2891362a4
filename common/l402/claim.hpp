// What a token says of itself, for one service: read once, believed once its signature was verified (token.hpp).
//
//   token    := minted appended
//   minted   := the caveats up to and including the first `services=`: no holder can put one there
//   appended := the caveats behind it, which anybody who has the token can add
//
//   services=<name>:<tier>[,...]   tier: 0 to 255; none: 0; unreadable: the name does not count. Each later list names
//                                  no other service and no higher tier
//   <name>_capabilities=<a>,<b>    each later one a subset
//   <name>_route=<route>           each later one the same
//   <name>_valid_until=<seconds>   unix time; each later one not later
//   <name>_max_price_msat=<n>      the least of them; none of the appended ones higher than one before
//   <name>_credit_msat=<n>         likewise
//
// These open something, and do so in front of the first `services=` alone; behind it they repeat what stands there:
//
//   <name>_route=<route>           opens a route whose tokens are its own
//   <name>_quote=<digits>          opens the thing that it was bought for, whatever that costs since
//   <name>_price_of=<service>      good for what the service asks for every request, whatever that is since
//
// A number that cannot be read is 0, a time that cannot be read is over. Unknown caveats, `preimage=` among them, are
// skipped.
//
// Every token is minted with `_max_price_msat` or `_credit_msat`. Tokens of before have these behind `services=`, where a
// holder can put them too, or have none: then Payment says what was paid, and what stands there only lowers it.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/l402/grant.hpp"
#include "common/l402/refusal.hpp"
#include "common/macaroon/macaroon.hpp"

namespace millrace::l402 {

class Claim {
  public:
    Claim(const macaroon::Macaroon& token, std::string_view service);

    // third_party, wrong_scope, widened or expired, whatever was paid; empty where the token is good for the service.
    [[nodiscard]] std::optional<Refusal> refusal(std::chrono::system_clock::time_point now) const;

    [[nodiscard]] bool names_service() const { return names_service_; }  // false: refusal() is wrong_scope, or worse
    [[nodiscard]] unsigned tier() const { return tier_; }                // minted
    [[nodiscard]] const std::optional<std::string>& price_of() const { return price_of_; }
    // False: of before, Payment::amount and Payment::given count.
    [[nodiscard]] bool says_what_was_paid() const { return minted_price_ || minted_credit_; }

    // The least of what was minted, what was paid and what was appended.
    [[nodiscard]] Grant grant(const Payment& payment) const;

  private:
    // Names with their tier, as one caveat has them.
    using Services = std::map<std::string_view, unsigned>;

    void read(std::string_view name, std::string_view value);
    void read_services(std::string_view value, std::string_view service, std::optional<Services>& known);
    void read_price(std::string_view value);
    void read_credit(std::string_view value);
    void read_time(std::string_view value);
    void read_route(std::string_view value);
    void read_opener(std::optional<std::string>& opener, std::string_view value);
    void read_capabilities(std::string_view value);
    [[nodiscard]] Limits& limits() { return appending_ ? appended_ : minted_; }
    [[nodiscard]] Limits paid(const Payment& payment) const;
    void refuse(Refusal refusal) {
        if (!refusal_) refusal_ = refusal;
    }

    std::optional<Refusal> refusal_;
    bool appending_ = false;  // the first `services=` has been read
    bool names_service_ = false;
    unsigned tier_ = 0;
    std::optional<Msat> minted_price_;
    std::optional<Msat> minted_credit_;
    std::optional<std::string> price_of_;
    std::optional<std::string> quote_;
    bool minted_for_route_ = false;
    Limits minted_;
    Limits appended_;
    AtMost<Msat> holders_price_;
    // What was read last, to know what asks for more.
    std::optional<Msat> last_price_;
    std::optional<Msat> last_credit_;
    std::optional<std::chrono::sys_seconds> last_until_;
    std::optional<std::vector<std::string>> last_capabilities_;
    std::optional<std::string> last_route_;
};

// The names of a token's first `services=`, in alphabetical order.
[[nodiscard]] std::vector<std::string> services_of(const macaroon::Macaroon& token);

}  // namespace millrace::l402
