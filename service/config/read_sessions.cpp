#include "service/config/read_sessions.hpp"

#include <algorithm>

#include "service/config/read_keys.hpp"

namespace millrace::config {
namespace {

constexpr std::uint64_t msat_per_sat = 1000;
constexpr std::uint64_t max_deposit = max_price_msat / msat_per_sat * msat_per_sat;
constexpr std::uint64_t requests_of_a_deposit = 20;

}  // namespace

bool read_deposit(Reading& in, Asked key, Msat& out) {
    const auto deposit = in.section.integer(key.name, msat_per_sat, max_deposit);
    if (!deposit) return false;
    if (*deposit % msat_per_sat != 0)
        in.section.fault(key.name, "must be whole satoshi, a multiple of 1000: the scheme counts in them");
    out = Msat(*deposit);
    return true;
}

void PaymentSessions::check(Reading& in, PaymentSessions& sessions) {
    if (in.section.has("hold") && !sessions.event)
        in.section.fault("hold", "needs event_msat: only what is sold by the event waits for a further deposit");
}

void check_sessions(Section& service, const Schemes& schemes, Msat price, std::optional<PaymentSessions>& sessions) {
    if (!sessions) return;
    if (!schemes.payment) service.fault("session", "is a part of the Payment scheme: add \"payment\" to schemes");
    const std::uint64_t price_msat = std::max<std::uint64_t>(price.value(), 1);
    if (sessions->deposit == Msat(0)) {
        const std::uint64_t whole = (price_msat * requests_of_a_deposit + msat_per_sat - 1) / msat_per_sat;
        sessions->deposit = Msat(std::min(whole * msat_per_sat, max_deposit));
    } else if (sessions->deposit.value() < price_msat) {
        service.inside("session").fault("deposit_msat", "must be at least price_msat, " + std::to_string(price_msat) +
                                                            ": else it pays for no request at all");
    }
}

}  // namespace millrace::config
