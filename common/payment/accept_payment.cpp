#include "common/payment/accept_payment.hpp"

#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>
#include <optional>

#include "common/codec/field_value.hpp"

namespace millrace::payment {
namespace {

using codec::trim;

// Cuts `in` at the first `separator` and answers what stood before it.
std::string_view cut(std::string_view& in, char separator) {
    const std::size_t end = std::min(in.find(separator), in.size());
    const std::string_view out = in.substr(0, end);
    in.remove_prefix(std::min(end + 1, in.size()));
    return out;
}

bool is_name(std::string_view text) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    };
    return text == "*" || (!text.empty() && std::all_of(text.begin(), text.end(), allowed));
}

// RFC 9110 §12.4.2: 0 or 1, with up to three decimals.
std::optional<unsigned> parse_quality(std::string_view text) {
    if (text.empty() || (text.front() != '0' && text.front() != '1')) return std::nullopt;
    unsigned out = text.front() == '1' ? 1000 : 0;
    text.remove_prefix(1);
    if (text.empty()) return out;
    if (text.front() != '.' || text.size() > 4) return std::nullopt;
    unsigned weight = 100;
    for (const char c : text.substr(1)) {
        if (c < '0' || c > '9') return std::nullopt;
        out += weight * static_cast<unsigned>(c - '0');
        weight /= 10;
    }
    if (out > 1000) return std::nullopt;
    return out;
}

std::optional<PaymentRange> parse_range(std::string_view element) {
    const std::string_view token = trim(cut(element, ';'));
    const std::size_t slash = token.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    PaymentRange out{std::string(token.substr(0, slash)), std::string(token.substr(slash + 1))};
    if (!is_name(out.method) || !is_name(out.intent)) return std::nullopt;
    while (!element.empty()) {
        std::string_view parameter = trim(cut(element, ';'));
        const std::string_view name = trim(cut(parameter, '='));
        if (!boost::iequals(name, "q")) continue;
        const std::optional<unsigned> quality = parse_quality(trim(parameter));
        if (!quality) return std::nullopt;
        out.quality = *quality;
    }
    return out;
}

// The more, the more specific; 0: does not fit.
unsigned specificity(const PaymentRange& range, std::string_view method, std::string_view intent) {
    const bool any_method = range.method == "*";
    const bool any_intent = range.intent == "*";
    if ((!any_method && range.method != method) || (!any_intent && range.intent != intent)) return 0;
    return 1U + (any_method ? 0U : 2U) + (any_intent ? 0U : 1U);
}

}  // namespace

Result<std::vector<PaymentRange>> parse_accept_payment(std::string_view value) {
    std::vector<PaymentRange> out;
    while (!value.empty()) {
        const std::string_view element = trim(cut(value, ','));
        if (element.empty()) continue;
        std::optional<PaymentRange> range = parse_range(element);
        if (!range) return fail(Errc::malformed_preferences, "each element must be like lightning/charge;q=0.5");
        out.push_back(std::move(*range));
    }
    return out;
}

unsigned quality_of(std::span<const PaymentRange> ranges, std::string_view method, std::string_view intent) {
    unsigned best = 0;
    unsigned quality = 0;
    for (const PaymentRange& range : ranges) {
        const unsigned fit = specificity(range, method, intent);
        if (fit <= best) continue;
        best = fit;
        quality = range.quality;
    }
    return quality;
}

std::vector<Offer> negotiate(std::span<const PaymentRange> ranges, std::span<const Offer> offers) {
    std::vector<Offer> out(offers.begin(), offers.end());
    if (ranges.empty()) return out;
    const auto quality = [ranges](const Offer& offer) { return quality_of(ranges, offer.method, offer.intent); };
    std::erase_if(out, [&](const Offer& offer) { return quality(offer) == 0; });
    std::stable_sort(out.begin(), out.end(),
                     [&](const Offer& left, const Offer& right) { return quality(left) > quality(right); });
    return out;
}

}  // namespace millrace::payment
