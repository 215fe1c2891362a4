#include "common/l402/token.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "common/crypto/hash.hpp"

namespace millrace::l402 {
namespace {

constexpr std::string_view location = "lsat";
constexpr std::string_view services_condition = "services";
constexpr std::string_view valid_until_suffix = "_valid_until";
constexpr std::string_view route_suffix = "_route";
constexpr std::string_view max_price_suffix = "_max_price_msat";
constexpr std::string_view credit_suffix = "_credit_msat";

struct Condition {
    std::string_view name;
    std::string_view value;
};

Condition split(std::string_view caveat) {
    const std::size_t equals = caveat.find('=');
    if (equals == std::string_view::npos) return {caveat, {}};
    return {caveat.substr(0, equals), caveat.substr(equals + 1)};
}

// The names of `name:tier[,name:tier...]`. Tiers are not compared: nothing is sold by tier.
std::set<std::string_view> service_names(std::string_view value) {
    std::set<std::string_view> out;
    while (!value.empty()) {
        const std::size_t comma = value.find(',');
        const std::string_view entry = value.substr(0, comma);
        out.insert(entry.substr(0, entry.find(':')));
        value = comma == std::string_view::npos ? std::string_view{} : value.substr(comma + 1);
    }
    return out;
}

bool is_subset(const std::set<std::string_view>& inner, const std::set<std::string_view>& outer) {
    return std::includes(outer.begin(), outer.end(), inner.begin(), inner.end());
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
            if (condition.name == services_condition) {
                if (auto refusal = narrow_services(service_names(condition.value))) return refusal;
            } else if (condition.name.ends_with(valid_until_suffix)) {
                const std::string_view service = condition.name.substr(0, condition.name.size() - valid_until_suffix.size());
                if (auto refusal = narrow_time(service, condition.value)) return refusal;
            } else if (condition.name.ends_with(route_suffix)) {
                const std::string_view service = condition.name.substr(0, condition.name.size() - route_suffix.size());
                if (auto refusal = narrow_route(service, condition.value)) return refusal;
            } else if (condition.name.ends_with(max_price_suffix)) {
                const std::string_view service = condition.name.substr(0, condition.name.size() - max_price_suffix.size());
                if (auto refusal = narrow_amount(grants_[service].max_price, condition.value)) return refusal;
            } else if (condition.name.ends_with(credit_suffix)) {
                const std::string_view service = condition.name.substr(0, condition.name.size() - credit_suffix.size());
                if (auto refusal = narrow_amount(grants_[service].credit, condition.value)) return refusal;
            }
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
        return place == grants_.end() ? Grant{} : place->second;
    }

    [[nodiscard]] std::optional<Refusal> permits_any() const {
        std::optional<Refusal> refusal = Refusal::wrong_scope;
        if (!services_) return refusal;
        for (const std::string_view service : *services_) {
            refusal = permits(service);
            if (!refusal) return std::nullopt;
        }
        return refusal;
    }

  private:
    std::optional<Refusal> narrow_route(std::string_view service, std::string_view value) {
        std::optional<std::string>& route = grants_[service].route;
        if (route && *route != value) return Refusal::widened;
        route = value;
        return std::nullopt;
    }

    static std::optional<Refusal> narrow_amount(std::optional<Msat>& limit, std::string_view value) {
        std::uint64_t msat = 0;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), msat);
        if (error != std::errc{} || end != value.data() + value.size()) msat = 0;
        if (limit && Msat(msat) > *limit) return Refusal::widened;
        limit = Msat(msat);
        return std::nullopt;
    }

    std::optional<Refusal> narrow_services(std::set<std::string_view> names) {
        if (services_ && !is_subset(names, *services_)) return Refusal::widened;
        services_ = std::move(names);
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
    std::optional<std::set<std::string_view>> services_;
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

macaroon::Macaroon mint(const SecretKey& key, const Identifier& identifier, const ServiceName& service) {
    const auto id = identifier.encode();
    const crypto::Digest root_key = crypto::hmac_sha256(key.reveal(), id);
    macaroon::Macaroon out = macaroon::Macaroon::create(root_key, id, std::string(location));
    out.add_first_party_caveat("services=" + service.text() + ":0");
    return out;
}

void narrow(macaroon::Macaroon& token, std::string_view service, const Grant& grant) {
    const std::string name(service);
    if (grant.route) token.add_first_party_caveat(name + std::string(route_suffix) + '=' + *grant.route);
    if (grant.max_price) {
        token.add_first_party_caveat(name + std::string(max_price_suffix) + '=' + std::to_string(grant.max_price->value()));
    }
    if (grant.credit) token.add_first_party_caveat(name + std::string(credit_suffix) + '=' + std::to_string(grant.credit->value()));
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
