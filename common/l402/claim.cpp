#include "common/l402/claim.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "common/l402/caveats.hpp"

namespace millrace::l402 {
namespace {

using std::chrono::sys_seconds;
using Services = std::map<std::string_view, unsigned>;

// In the year 2255: later times do not fit into nanoseconds.
constexpr std::int64_t last_second = 9'000'000'000;

struct Condition {
    std::string_view name;
    std::string_view value;
};

Condition split(std::string_view caveat) {
    const std::size_t equals = caveat.find('=');
    if (equals == std::string_view::npos) return {caveat, {}};
    return {caveat.substr(0, equals), caveat.substr(equals + 1)};
}

std::vector<std::string_view> split_list(std::string_view value) {
    std::vector<std::string_view> out;
    while (!value.empty()) {
        const std::size_t comma = std::min(value.find(','), value.size());
        out.push_back(value.substr(0, comma));
        value.remove_prefix(std::min(comma + 1, value.size()));
    }
    return out;
}

template <class Number>
std::optional<Number> read_number(std::string_view text) {
    Number number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

// Of two tiers for one name the lower one counts; where one of them cannot be read, the name does not.
Services list_services(std::string_view value) {
    Services out;
    std::set<std::string_view> unreadable;
    for (const std::string_view entry : split_list(value)) {
        const std::size_t colon = entry.find(':');
        const std::string_view name = entry.substr(0, colon);
        const auto tier =
            colon == std::string_view::npos ? std::optional(0U) : read_number<unsigned>(entry.substr(colon + 1));
        if (!tier || *tier > max_tier) {
            unreadable.insert(name);
            continue;
        }
        const auto [place, added] = out.try_emplace(name, *tier);
        if (!added) place->second = std::min(place->second, *tier);
    }
    for (const std::string_view name : unreadable) out.erase(name);
    return out;
}

// No service that is not in `outer`, and none of a higher tier.
bool is_narrower(const Services& inner, const Services& outer) {
    return std::all_of(inner.begin(), inner.end(), [&outer](const auto& one) {
        const auto place = outer.find(one.first);
        return place != outer.end() && one.second <= place->second;
    });
}

Msat read_amount(std::string_view value) {
    return Msat(read_number<std::uint64_t>(value).value_or(0));
}

// Whether `value` is more than the one before it.
template <class T>
bool asks_for_more(std::optional<T>& last, const T& value) {
    const bool more = last && value > *last;
    last = value;
    return more;
}

}  // namespace

Claim::Claim(const macaroon::Macaroon& token, std::string_view service) {
    std::optional<Services> known;
    for (const macaroon::Caveat& caveat : token.caveats) {
        if (!caveat.first_party()) {
            refuse(Refusal::third_party);
            continue;
        }
        const Condition condition = split(caveat.text());
        if (condition.name == caveats::services)
            read_services(condition.value, service, known);
        else if (condition.name.starts_with(service))
            read(condition.name.substr(service.size()), condition.value);
    }
}

void Claim::read(std::string_view name, std::string_view value) {
    if (name == caveats::valid_until) return read_time(value);
    if (name == caveats::route) return read_route(value);
    if (name == caveats::quote) return read_opener(quote_, value);
    if (name == caveats::price_of) return read_opener(price_of_, value);
    if (name == caveats::max_price) return read_price(value);
    if (name == caveats::credit) return read_credit(value);
    if (name == caveats::capabilities) return read_capabilities(value);
}

void Claim::read_services(std::string_view value, std::string_view service, std::optional<Services>& known) {
    Services services = list_services(value);
    if (known && !is_narrower(services, *known)) refuse(Refusal::widened);
    const auto place = services.find(service);
    names_service_ = place != services.end();
    if (names_service_) {
        if (!known) tier_ = place->second;
        limits().tier(place->second);
    }
    known = std::move(services);
    appending_ = true;
}

void Claim::read_price(std::string_view value) {
    const Msat price = read_amount(value);
    if (!appending_) {
        minted_price_ = std::min(minted_price_.value_or(price), price);
        return;
    }
    // With a quote, tokens of before were minted with their price behind `services=`: the first one is no holder's.
    const bool minted_there = quote_ && !says_what_was_paid() && !last_price_;
    if (asks_for_more(last_price_, price)) refuse(Refusal::widened);
    appended_.price(price);
    if (!minted_there) holders_price_.no_more_than(price);
}

void Claim::read_credit(std::string_view value) {
    const Msat credit = read_amount(value);
    if (!appending_) {
        minted_credit_ = std::min(minted_credit_.value_or(credit), credit);
        return;
    }
    if (asks_for_more(last_credit_, credit)) refuse(Refusal::widened);
    appended_.credit(credit);
}

void Claim::read_time(std::string_view value) {
    const auto seconds = read_number<std::int64_t>(value);
    const sys_seconds end =
        seconds ? sys_seconds(std::chrono::seconds(std::min(*seconds, last_second))) : sys_seconds::min();
    if (asks_for_more(last_until_, end)) refuse(Refusal::widened);
    limits().until(end);
}

void Claim::read_route(std::string_view value) {
    if (last_route_ && *last_route_ != value) refuse(Refusal::widened);
    last_route_ = value;
    if (!appending_) minted_for_route_ = true;
    limits().route(value);
}

void Claim::read_opener(std::optional<std::string>& opener, std::string_view value) {
    if (opener ? *opener != value : appending_) return refuse(Refusal::widened);
    opener = value;
}

void Claim::read_capabilities(std::string_view value) {
    std::set<std::string> sorted;
    for (const std::string_view name : split_list(value)) {
        if (!name.empty()) sorted.emplace(name);
    }
    std::vector<std::string> names(sorted.begin(), sorted.end());
    const bool subset = !last_capabilities_ || std::includes(last_capabilities_->begin(), last_capabilities_->end(),
                                                             names.begin(), names.end());
    if (!subset) refuse(Refusal::widened);
    last_capabilities_ = names;
    limits().capabilities(std::move(names));
}

std::optional<Refusal> Claim::refusal(std::chrono::system_clock::time_point now) const {
    if (refusal_) return refusal_;
    // Every token that was minted here names its services; one that names none was never sold.
    if (!names_service_) return Refusal::wrong_scope;
    const sys_seconds second = std::chrono::floor<std::chrono::seconds>(now);
    for (const Limits* one : {&minted_, &appended_}) {
        if (one->until().most() && second >= *one->until().most()) return Refusal::expired;
    }
    return std::nullopt;
}

// A token says what was paid for it; the payment says it for tokens that do not. Price and balance follow from each other
// where only one of them was sold: a service may sell the other one since.
Limits Claim::paid(const Payment& payment) const {
    Limits out;
    if (minted_price_) {
        out.price(price_of_ ? std::max(*minted_price_, payment.base) : *minted_price_);
        out.credit(minted_credit_.value_or(*minted_price_));
    } else if (minted_credit_) {
        out.price(payment.base);
        out.credit(*minted_credit_);
    } else if (!payment.given) {
        out.price(std::max(payment.amount.value_or(Msat(0)), payment.base));
        out.credit(payment.amount.value_or(payment.base));
    }
    return out;
}

Grant Claim::grant(const Payment& payment) const {
    Grant out;
    out.tier = tier_;
    out.limits = minted_;
    out.limits.no_more_than(paid(payment));
    out.limits.no_more_than(appended_);
    out.holders_price = holders_price_;
    out.quote = quote_;
    out.minted_for_route = minted_for_route_;
    return out;
}

std::vector<std::string> services_of(const macaroon::Macaroon& token) {
    std::vector<std::string> out;
    for (const macaroon::Caveat& caveat : token.caveats) {
        const Condition condition = split(caveat.text());
        if (condition.name != caveats::services) continue;
        for (const auto& [name, tier] : list_services(condition.value)) out.emplace_back(name);
        break;
    }
    return out;
}

}  // namespace millrace::l402
