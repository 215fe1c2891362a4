#include "service/paywall/work_desk.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <optional>

#include "common/codec/base64.hpp"
#include "common/crypto/hash.hpp"
#include "common/l402/work.hpp"

namespace millrace::paywall {
namespace {

constexpr std::size_t own_caveats = 3;

std::string_view word(config::WorkBuys buys) {
    return buys == config::WorkBuys::request ? ",request" : ",invoice";
}

// The number between `before` and `after`, where that is all of it.
std::optional<std::uint64_t> number_in(std::string_view text, std::string_view before, std::string_view after) {
    if (!text.starts_with(before) || !text.ends_with(after) || text.size() <= before.size() + after.size())
        return std::nullopt;
    text = text.substr(before.size(), text.size() - before.size() - after.size());
    std::uint64_t out = 0;
    const auto [end, errc] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (errc != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return out;
}

crypto::Digest root_key(const SecretKey& key, ByteView identifier) {
    return crypto::hmac_sha256(key.reveal(), identifier);
}

}  // namespace

unsigned work_bits(const config::Work& settings, std::uint64_t tasks_in_window) {
    const auto honoured = std::max<std::uint64_t>(
        1, static_cast<std::uint64_t>(std::chrono::nanoseconds(work_window) / settings.in_all.each()));
    const auto doublings = static_cast<unsigned>(std::bit_width(tasks_in_window / honoured));
    return std::min(std::max(settings.bits, settings.max_bits), settings.bits + doublings);
}

std::uint64_t WorkDesk::count_task(Time now) {
    if (now >= window_ + work_window || now < window_) {
        before_ = now < window_ + 2 * work_window && now >= window_ ? tasks_ : 0;
        tasks_ = 0;
        window_ = now;
    }
    return std::max(++tasks_, before_);
}

WorkDesk::Task WorkDesk::set(const config::Work& settings, const std::string& service, config::WorkBuys buys,
                             Time now) {
    const l402::Identifier identifier{PaymentHash{}, TokenId(crypto::random_bytes<TokenId::length>())};
    unsigned bits = 0;
    {
        std::lock_guard lock(mutex_);
        bits = work_bits(settings, count_task(now));
    }
    const auto bytes = identifier.encode();
    macaroon::Macaroon task = macaroon::Macaroon::create(root_key(key_, bytes), bytes, "lsat");
    const Time end = now + settings.lifetime;
    task.add_first_party_caveat("services=" + service + ":0");
    task.add_first_party_caveat(service + "_valid_until=" + std::to_string(end.time_since_epoch().count()));
    task.add_first_party_caveat(service + "_work=" + std::to_string(bits) + std::string(word(buys)));
    return {codec::to_base64(macaroon::encode_v2(task)), bits};
}

void WorkDesk::forget_expired(Time now) {
    while (!order_.empty() && order_.front().first < now) {
        spent_.erase(order_.front().second);
        order_.pop_front();
    }
}

WorkVerdict WorkDesk::use(const config::Work& settings, const macaroon::Macaroon& solution, const std::string& service,
                          config::WorkBuys buys, Time now, limits::Clock::time_point tick) {
    const auto identifier = l402::Identifier::decode(solution.identifier);
    if (!identifier || !solution.verifies(root_key(key_, solution.identifier))) return WorkVerdict::refused;
    const auto& caveats = solution.caveats;
    const bool first_party = std::all_of(caveats.begin(), caveats.end(), [](const auto& c) { return c.first_party(); });
    if (!first_party || caveats.size() != own_caveats + 1 || caveats[0].text() != "services=" + service + ":0")
        return WorkVerdict::refused;
    const auto end = number_in(caveats[1].text(), service + "_valid_until=", "");
    const auto bits = number_in(caveats[2].text(), service + "_work=", word(buys));
    const auto solved = l402::parse_work_caveat(caveats[3].text());
    if (!end || !bits || !solved || solved->bits != *bits) return WorkVerdict::refused;
    const Time expires{std::chrono::seconds(*end)};
    if (now >= expires || l402::leading_zero_bits(l402::work_digest(identifier->token_id, solved->nonce)) < *bits)
        return WorkVerdict::refused;

    std::lock_guard lock(mutex_);
    forget_expired(now);
    if (spent_.contains(identifier->token_id)) return WorkVerdict::refused;
    if (spent_.size() >= max_spent || honoured_.take(settings.in_all, tick)) return WorkVerdict::busy;
    spent_.insert(identifier->token_id);
    order_.emplace_back(expires, identifier->token_id);
    return WorkVerdict::good;
}

void WorkDesk::give_back(const config::Work& settings, const TokenId& task) {
    std::lock_guard lock(mutex_);
    if (spent_.erase(task) == 1) honoured_.put_back(settings.in_all);
}

}  // namespace millrace::paywall
