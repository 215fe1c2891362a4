#include "service/admit/step.hpp"

#include "service/relay/header_rules.hpp"

namespace millrace::admit {

Step refuse(const paywall::Refusal& why, std::string detail) {
    return {Refuse{why, std::move(detail)}, why.counted};
}

std::string payment_lines(const RequestFacts& request, const PaymentHash& hash) {
    const config::Service& service = request.service();
    std::string lines = relay::charge_header_lines(hash, service.name.text());
    if (const config::Tier* tier = service.tier(request.quote.offer_tier))
        lines += relay::tier_header_lines(tier->name, tier->capabilities);
    return lines;
}

http::Problem unavailable(std::string detail) {
    http::Problem problem{503, std::move(detail)};
    problem.retry_after = 5;
    return problem;
}

void lasts_as_a_token(const RequestFacts& request, Pass& pass, unsigned tier, paywall::Time now) {
    if (const auto lasts = request.service().timeout_of(tier)) pass.until = now + *lasts;
}

bool was_paid_in_time(const Known& known, const PaymentHash& hash, std::chrono::sys_seconds expires) {
    const auto settled_at = known.facts(hash).settled_at;
    return settled_at && *settled_at <= expires + paywall::settle_time;
}

std::optional<http::Problem> limit_use(const RequestFacts& request, const Pass& pass, limits::UseLimits& limits,
                                       limits::Clock::time_point tick) {
    const config::Service& service = request.service();
    const limits::Use use{service.name.text(), pass.payer, limits::prefix_of(request.client)};
    const auto wait = limits.take(service.limits, use, tick);
    if (!wait) return std::nullopt;
    http::Problem problem{
        429, "This service is asked more often than it allows. Nothing was used up: repeat the request later."};
    problem.retry_after =
        static_cast<unsigned>(std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(*wait).count()));
    return problem;
}

}  // namespace millrace::admit
