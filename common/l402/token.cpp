#include "common/l402/token.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "common/crypto/hash.hpp"

namespace millrace::l402 {
namespace {

constexpr std::string_view location = "lsat";
constexpr std::string_view services_condition = "services";
constexpr std::string_view valid_until_suffix = "_valid_until";
constexpr std::string_view route_suffix = "_route";
constexpr std::string_view max_price_suffix = "_max_price_msat";
constexpr std::string_view credit_suffix = "_credit_msat";
constexpr std::string_view capabilities_suffix = "_capabilities";
constexpr std::string_view quote_suffix = "_quote";
constexpr unsigned max_tier = 255;

struct Condition {
    std::string_view name;
    std::string_view value;
};

Condition split(std::string_view caveat) {
    const std::size_t equals = caveat.find('=');
    if (equals == std::string_view::npos) return {caveat, {}};
    return {caveat.substr(0, equals), caveat.substr(equals + 1)};
}

// `name:tier[,name:tier...]`, each name with its lowest tier. A tier that is missing or none is the lowest one.
using Services = std::map<std::string_view, unsigned>;

std::vector<std::string_view> split_list(std::string_view value) {
    std::vector<std::string_view> out;
    while (!value.empty()) {
        const std::size_t comma = std::min(value.find(','), value.size());
        out.push_back(value.substr(0, comma));
        value.remove_prefix(std::min(comma + 1, value.size()));
    }
    return out;
}

unsigned read_tier(std::string_view text) {
    unsigned tier = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), tier);
    const bool good = error == std::errc{} && end == text.data() + text.size() && tier <= max_tier;
    return good ? tier : 0;
}

Services read_services(std::string_view value) {
    Services out;
    for (const std::string_view entry : split_list(value)) {
        const std::size_t colon = entry.find(':');
        const unsigned tier = colon == std::string_view::npos ? 0 : read_tier(entry.substr(colon + 1));
        const auto [place, added] = out.try_emplace(entry.substr(0, colon), tier);
        if (!added) place->second = std::min(place->second, tier);
    }
    return out;
}

// No service that is not in `outer`, and none of a higher tier.
bool is_narrower(const Services& inner, const Services& outer) {
    return std::all_of(inner.begin(), inner.end(), [&outer](const auto& one) {
        const auto place = outer.find(one.first);
        return place != outer.end() && one.second <= place->second;
    });
}

std::vector<std::string> read_capabilities(std::string_view value) {
    const std::vector<std::string_view> names = split_list(value);
    std::set<std::string> sorted;
    for (const std::string_view name : names) {
        if (!name.empty()) sorted.emplace(name);
    }
    return {sorted.begin(), sorted.end()};
}

std::string join(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) out.append(out.empty() ? "" : ",").append(name);
    return out;
}

// What the caveats leave of the token, or why it is refused.
class CaveatReader {
  public:
    explicit CaveatReader(std::chrono::system_clock::time_point now)
        : now_(std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count()) {}

    std::optional<Refusal> read(const macaroon::Macaroon& macaroon) {
        for (const macaroon::Caveat& caveat : macaroon.caveats) {
            if (!caveat.first_party()) return Refusal::third_party;
            const Condition condition = split(caveat.text());
            if (auto refusal = narrow(condition)) return refusal;
        }
        return std::nullopt;
    }

    // Every token that was minted here names its services; one that names none was never sold.
    [[nodiscard]] std::optional<Refusal> permits(std::string_view service) const {
        if (!services_ || !services_->contains(service)) return Refusal::wrong_scope;
        const auto until = valid_until_.find(service);
        if (until != valid_until_.end() && now_ >= until->second) return Refusal::expired;
        return std::nullopt;
    }

    [[nodiscard]] Grant grant(std::string_view service) const {
        const auto place = grants_.find(service);
        Grant out = place == grants_.end() ? Grant{} : place->second;
        if (services_ && services_->contains(service)) out.tier = services_->at(service);
        return out;
    }

    [[nodiscard]] std::optional<Refusal> permits_any() const {
        std::optional<Refusal> refusal = Refusal::wrong_scope;
        if (!services_) return refusal;
        for (const auto& [service, tier] : *services_) {
            refusal = permits(service);
            if (!refusal) return std::nullopt;
        }
        return refusal;
    }

  private:
    // An unknown condition leaves everything as it is.
    std::optional<Refusal> narrow(const Condition& condition) {
        if (condition.name == services_condition) return narrow_services(read_services(condition.value));
        struct Kind {
            std::string_view suffix;
            std::optional<Refusal> (CaveatReader::*narrow)(std::string_view service, std::string_view value);
        };
        static constexpr Kind kinds[] = {
            {valid_until_suffix, &CaveatReader::narrow_time},     {route_suffix, &CaveatReader::narrow_route},
            {max_price_suffix, &CaveatReader::narrow_price},      {credit_suffix, &CaveatReader::narrow_credit},
            {capabilities_suffix, &CaveatReader::narrow_capabilities}, {quote_suffix, &CaveatReader::narrow_quote}};
        for (const Kind& kind : kinds) {
            if (!condition.name.ends_with(kind.suffix)) continue;
            const std::string_view service = condition.name.substr(0, condition.name.size() - kind.suffix.size());
            return (this->*kind.narrow)(service, condition.value);
        }
        return std::nullopt;
    }

    // Whether what is being read was minted, and cannot be of the token's holder.
    [[nodiscard]] bool before_services() const { return !services_; }

    std::optional<Refusal> narrow_route(std::string_view service, std::string_view value) {
        Grant& grant = grants_[service];
        if (grant.route && *grant.route != value) return Refusal::widened;
        if (before_services()) grant.minted_for_route = true;
        grant.route = value;
        return std::nullopt;
    }

    std::optional<Refusal> narrow_quote(std::string_view service, std::string_view value) {
        std::optional<std::string>& quote = grants_[service].quote;
        if (quote ? *quote != value : !before_services()) return Refusal::widened;
        quote = value;
        return std::nullopt;
    }

    std::optional<Refusal> narrow_capabilities(std::string_view service, std::string_view value) {
        std::optional<std::vector<std::string>>& known = grants_[service].capabilities;
        std::vector<std::string> left = read_capabilities(value);
        if (known && !std::includes(known->begin(), known->end(), left.begin(), left.end())) return Refusal::widened;
        known = std::move(left);
        return std::nullopt;
    }

    std::optional<Refusal> narrow_price(std::string_view service, std::string_view value) {
        return narrow_amount(grants_[service].max_price, value);
    }

    std::optional<Refusal> narrow_credit(std::string_view service, std::string_view value) {
        return narrow_amount(grants_[service].credit, value);
    }

    static std::optional<Refusal> narrow_amount(std::optional<Msat>& limit, std::string_view value) {
        std::uint64_t msat = 0;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), msat);
        if (error != std::errc{} || end != value.data() + value.size()) msat = 0;
        if (limit && Msat(msat) > *limit) return Refusal::widened;
        limit = Msat(msat);
        return std::nullopt;
    }

    std::optional<Refusal> narrow_services(Services services) {
        if (services_ && !is_narrower(services, *services_)) return Refusal::widened;
        services_ = std::move(services);
        return std::nullopt;
    }

    std::optional<Refusal> narrow_time(std::string_view service, std::string_view value) {
        std::int64_t until = 0;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), until);
        // A limit that cannot be read is one that cannot be kept.
        if (error != std::errc{} || end != value.data() + value.size()) return Refusal::expired;
        const auto [place, added] = valid_until_.try_emplace(service, until);
        if (!added && until > place->second) return Refusal::widened;
        place->second = until;
        return std::nullopt;
    }

    std::int64_t now_;
    std::optional<Services> services_;
    std::map<std::string_view, std::int64_t> valid_until_;
    std::map<std::string_view, Grant> grants_;
};

std::optional<Refusal> verify_chain(const Credential& credential, const KeyRing& keys) {
    const SecretKey* key = keys.find(credential.identifier.epoch());
    if (key == nullptr) return Refusal::unknown_key;
    const crypto::Digest root_key = crypto::hmac_sha256(key->reveal(), credential.macaroon.identifier);
    if (!credential.macaroon.verifies(root_key)) return Refusal::bad_signature;
    return std::nullopt;
}

std::optional<Refusal> verify_preimage(const Credential& credential) {
    if (crypto::payment_hash(credential.preimage) != credential.identifier.payment_hash) return Refusal::bad_preimage;
    return std::nullopt;
}

}  // namespace

const SecretKey* KeyRing::find(KeyEpoch epoch) const {
    const auto place = keys.find(epoch);
    return place == keys.end() ? nullptr : &place->second;
}

macaroon::Macaroon mint(const SecretKey& key, const Identifier& identifier, const ServiceName& service, const Grant& sold) {
    const auto id = identifier.encode();
    const crypto::Digest root_key = crypto::hmac_sha256(key.reveal(), id);
    macaroon::Macaroon out = macaroon::Macaroon::create(root_key, id, std::string(location));
    const std::string& name = service.text();
    if (sold.route) out.add_first_party_caveat(name + std::string(route_suffix) + '=' + *sold.route);
    if (sold.quote) out.add_first_party_caveat(name + std::string(quote_suffix) + '=' + *sold.quote);
    out.add_first_party_caveat("services=" + name + ':' + std::to_string(sold.tier));
    Grant rest = sold;
    rest.route.reset();
    narrow(out, name, rest);
    return out;
}

bool is_narrowing(const Grant& sold) {
    return !sold.route && !sold.quote && sold.tier == 0;
}

void narrow(macaroon::Macaroon& token, std::string_view service, const Grant& grant) {
    const std::string name(service);
    auto add = [&token, &name](std::string_view suffix, const std::string& value) {
        token.add_first_party_caveat(name + std::string(suffix) + '=' + value);
    };
    if (grant.route) add(route_suffix, *grant.route);
    if (grant.capabilities) add(capabilities_suffix, join(*grant.capabilities));
    if (grant.max_price) add(max_price_suffix, std::to_string(grant.max_price->value()));
    if (grant.credit) add(credit_suffix, std::to_string(grant.credit->value()));
}

Claim claim_of(const macaroon::Macaroon& token, std::string_view service) {
    Claim out;
    bool named = false;
    for (const macaroon::Caveat& caveat : token.caveats) {
        const Condition condition = split(caveat.text());
        if (condition.name == services_condition) {
            const Services services = read_services(condition.value);
            const auto place = services.find(service);
            if (place != services.end()) out.tier = place->second;
            named = true;
        } else if (!named && condition.name.ends_with(quote_suffix) &&
                   condition.name.substr(0, condition.name.size() - quote_suffix.size()) == service) {
            out.quote = condition.value;
        }
    }
    return out;
}

std::string_view name(Refusal refusal) {
    switch (refusal) {
        case Refusal::unknown_key: return "unknown_key";
        case Refusal::bad_signature: return "bad_signature";
        case Refusal::bad_preimage: return "bad_preimage";
        case Refusal::third_party: return "third_party";
        case Refusal::wrong_scope: return "wrong_scope";
        case Refusal::widened: return "widened";
        case Refusal::expired: return "expired";
    }
    return "unknown";
}

std::string_view explain(Refusal refusal) {
    switch (refusal) {
        case Refusal::unknown_key: return "the token was signed with a key that is not, or no longer, accepted";
        case Refusal::bad_signature: return "the token was not issued here, or was changed";
        case Refusal::bad_preimage: return "the preimage is not the proof of payment of this token";
        case Refusal::third_party: return "the token has a third-party caveat, which is not supported";
        case Refusal::wrong_scope: return "the token was bought for another service";
        case Refusal::widened: return "a caveat of the token asks for more than an earlier one grants";
        case Refusal::expired: return "the time that the token bought has passed";
    }
    return "the token is refused";
}

std::optional<Refusal> verify(const Credential& credential, const KeyRing& keys, std::string_view service,
                              std::chrono::system_clock::time_point now, Grant* grant) {
    if (auto refusal = verify_chain(credential, keys)) return refusal;
    if (auto refusal = verify_preimage(credential)) return refusal;
    CaveatReader caveats(now);
    if (auto refusal = caveats.read(credential.macaroon)) return refusal;
    if (grant != nullptr) *grant = caveats.grant(service);
    return caveats.permits(service);
}

std::optional<Refusal> verify_settled(const Credential& credential, const KeyRing& keys, std::string_view service,
                                      std::chrono::system_clock::time_point now, Grant* grant) {
    if (auto refusal = verify_chain(credential, keys)) return refusal;
    CaveatReader caveats(now);
    if (auto refusal = caveats.read(credential.macaroon)) return refusal;
    if (grant != nullptr) *grant = caveats.grant(service);
    return caveats.permits(service);
}

std::optional<Refusal> verify_any_service(const Credential& credential, const KeyRing& keys, std::chrono::system_clock::time_point now) {
    if (auto refusal = verify_chain(credential, keys)) return refusal;
    if (auto refusal = verify_preimage(credential)) return refusal;
    CaveatReader caveats(now);
    if (auto refusal = caveats.read(credential.macaroon)) return refusal;
    return caveats.permits_any();
}

}  // namespace millrace::l402
