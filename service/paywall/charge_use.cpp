#include "service/paywall/charge_use.hpp"

#include <algorithm>

namespace millrace::paywall {

ChargeAdmission admit_charge(const ChargeUse& use, const std::optional<ChargeRecord>& earlier) {
    const bool in_time = use.at < use.expires || use.paid_in_time;
    if (!earlier) return in_time ? ChargeAdmission::first : ChargeAdmission::expired;
    // Who was told that nothing was used may come again as late as who lost a response.
    if (earlier->released)
        return in_time || use.at < earlier->replay_until ? ChargeAdmission::first : ChargeAdmission::expired;
    if (earlier->challenge_id != use.challenge_id || earlier->request != use.request)
        return ChargeAdmission::other_request;
    if (!use.repeatable) return ChargeAdmission::not_repeatable;
    if (earlier->replays >= max_replays || use.at >= earlier->replay_until) return ChargeAdmission::worn_out;
    return ChargeAdmission::replay;
}

std::chrono::sys_seconds replay_until(const ChargeUse& use) {
    return std::max(use.expires, use.at + replay_time);
}

crypto::Digest request_digest(std::string_view method, std::string_view host, std::string_view target,
                              std::string_view deciding) {
    // None of the three holds a line feed.
    std::string text(method);
    text.append("\n").append(host).append("\n").append(target);
    if (!deciding.empty()) text.append("\n").append(deciding);
    return crypto::sha256(as_bytes(text));
}

bool lets_through(ChargeAdmission admission) {
    return admission == ChargeAdmission::first || admission == ChargeAdmission::replay;
}

}  // namespace millrace::paywall
