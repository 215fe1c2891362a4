#include "service/config/read_sessions.hpp"

#include <algorithm>
#include <array>

namespace millrace::config {
namespace {

constexpr std::uint64_t msat_per_sat = 1000;
constexpr std::uint64_t max_deposit = max_price_msat / msat_per_sat * msat_per_sat;
constexpr std::uint64_t requests_of_a_deposit = 20;
constexpr std::chrono::hours longest_idle{24 * 30};
constexpr std::array offers = {PaymentSessions::Offer::any, PaymentSessions::Offer::asked,
                               PaymentSessions::Offer::alone};
constexpr std::string_view former_any = "always";

PaymentSessions::Offer read_offer(Section& section) {
    const auto text = section.text("offer");
    if (!text || *text == former_any) return PaymentSessions::Offer::any;
    for (const PaymentSessions::Offer offer : offers) {
        if (name(offer) == *text) return offer;
    }
    section.fault("offer", "must be \"any\", \"asked\" or \"alone\", not \"" + *text + '"');
    return PaymentSessions::Offer::any;
}

std::chrono::seconds read_idle(Section& section) {
    std::chrono::milliseconds idle = PaymentSessions{}.idle_timeout;
    section.duration("idle_timeout", idle);
    const auto whole = std::chrono::floor<std::chrono::seconds>(idle);
    if (whole < std::chrono::seconds(1) || whole > longest_idle)
        section.fault("idle_timeout",
                      "must be from \"1s\" to \"30d\", for which time a return invoice must be payable");
    return whole;
}

Msat read_deposit(Section& section, std::uint64_t price_msat) {
    const std::uint64_t by_default =
        std::min((price_msat * requests_of_a_deposit + msat_per_sat - 1) / msat_per_sat * msat_per_sat, max_deposit);
    const auto deposit = section.integer("deposit_msat", msat_per_sat, max_deposit);
    if (!deposit) return Msat(by_default);
    if (*deposit % msat_per_sat != 0)
        section.fault("deposit_msat", "must be whole satoshi, a multiple of 1000: the scheme counts in them");
    if (*deposit < price_msat)
        section.fault("deposit_msat", "must be at least price_msat, " + std::to_string(price_msat) +
                                          ": else it pays for no request at all");
    return Msat(*deposit);
}

}  // namespace

std::string_view name(PaymentSessions::Offer offer) {
    switch (offer) {
        case PaymentSessions::Offer::any:
            return "any";
        case PaymentSessions::Offer::asked:
            return "asked";
        case PaymentSessions::Offer::alone:
            return "alone";
    }
    return "any";
}

std::optional<PaymentSessions> read_sessions(Section& section, const Schemes& schemes,
                                             std::optional<std::uint64_t> price_msat) {
    const toml::table* table = section.table("session", "{ deposit_msat = 20000, idle_timeout = \"5m\" }");
    if (!table) return std::nullopt;
    if (!schemes.payment) section.fault("session", "is a part of the Payment scheme: add \"payment\" to schemes");
    Section in = section.below("session", *table);
    PaymentSessions out;
    out.deposit = read_deposit(in, price_msat.value_or(1));
    out.idle_timeout = read_idle(in);
    out.offer = read_offer(in);
    if (const auto event = in.integer("event_msat", 1, max_price_msat)) out.event = Msat(*event);
    in.duration("hold", out.hold);
    if (in.has("hold") && !out.event)
        in.fault("hold", "needs event_msat: only what is sold by the event waits for a further deposit");
    in.no_others();
    return out;
}

}  // namespace millrace::config
