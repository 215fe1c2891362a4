// The open invoices of each network: handed out, not paid, and with half of their life before them. Every buyer gets
// one of its own; where a network may have no more, its oldest open one for the same offer is handed out once more.
//
//   key   := network prefix, seller, price, route, description, deposit        an offer to a network
//   entry := key, connection, state
//   state:   begin() -> under way --issued()--> open --paid(), or half of its life is over--> gone
//                           \-----failed()--> gone
//
//   own()      the open one that this connection was given for the offer
//   room()     whether the network may have one more; then begin() puts it under way
//   oldest()   the one that is handed out again where there is no room
//   join()     where none is open but one is under way: whoever asks is told when it is there
//
// Not thread-safe; knows no clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/gateway/messages.hpp"
#include "service/limits/network.hpp"

namespace millrace::paywall {

struct ChallengeKey {
    limits::Prefix prefix;
    std::string seller;
    std::uint64_t price_msat = 0;
    std::string route;
    std::string description;
    bool deposit = false;  // of a session: an invoice without a token
    bool operator==(const ChallengeKey&) const = default;
};

struct ChallengeKeyHash {
    std::size_t operator()(const ChallengeKey& key) const noexcept;
};

class ChallengeBook {
  public:
    using Time = std::chrono::system_clock::time_point;
    using Challenge = std::shared_ptr<const gateway::IssuedChallenge>;
    using Connection = std::uint64_t;  // 0: not a buyer's own
    using Place = std::uint64_t;       // of an entry; later ones are higher

    // What an asker is told in the end.
    struct Outcome {
        Challenge challenge;         // null where there is none
        bool reused = false;         // somebody was given it before
        std::optional<Error> error;  // why there is none
        std::chrono::seconds retry_after{1};
    };
    using Waiter = std::function<void(const Outcome&)>;

    struct Bounds {
        std::size_t per_prefix = 100;
        std::size_t in_all = 100'000;
    };
    enum class Full { prefix, book };

    explicit ChallengeBook(Bounds bounds) : bounds_(bounds) {}

    // Null where the connection has none.
    [[nodiscard]] Challenge own(const ChallengeKey& key, Connection connection, Time now);

    // Empty where the network may have one more.
    [[nodiscard]] std::optional<Full> room(const limits::Prefix& prefix, Time now);
    // The caller issues one, and then calls issued() or failed(). Counts as open from now on.
    [[nodiscard]] Place begin(const ChallengeKey& key, Connection connection);
    // Answer whom to tell beside the asker: with the first that is issued, or once nothing is under way any more.
    [[nodiscard]] std::vector<Waiter> issued(Place place, const Challenge& challenge, Time now);
    [[nodiscard]] std::vector<Waiter> failed(Place place);

    // Null where none is open.
    [[nodiscard]] Challenge oldest(const ChallengeKey& key, Time now);
    // Keeps `waiter` and answers true where one is under way.
    bool join(const ChallengeKey& key, const Waiter& waiter);

    // It is paid, or cannot be used any more: nobody is given it again.
    void paid(const PaymentHash& hash);
    // The keys have changed: none that was issued before is handed out again.
    void forget_issued();
    void set_bounds(Bounds bounds) { bounds_ = bounds; }

    [[nodiscard]] std::size_t size() const { return entries_.size(); }

  private:
    // All of one offer to one network.
    struct Sheet {
        std::set<Place> open;
        std::unordered_map<Connection, Place> own;
        std::size_t under_way = 0;
        std::vector<Waiter> waiters;  // only while something is under way and nothing is open
    };
    using Sheets = std::unordered_map<ChallengeKey, Sheet, ChallengeKeyHash>;
    struct Entry {
        Sheets::value_type* sheet = nullptr;  // in sheets_, for as long as there is an entry
        Connection connection = 0;
        Challenge challenge;  // null while it is under way
        Time fresh_until;     // handed out again until then: half of its life
    };
    using Entries = std::unordered_map<Place, Entry>;

    void forget_stale(Time now);
    void erase(Entries::iterator entry);
    [[nodiscard]] Sheet* find(const ChallengeKey& key);

    Bounds bounds_;
    Place next_ = 1;
    Sheets sheets_;
    Entries entries_;
    std::set<std::pair<Time, Place>> ends_;  // of the open ones
    std::unordered_map<limits::Prefix, std::size_t> of_prefix_;
    std::unordered_map<PaymentHash, Place> by_hash_;
};

}  // namespace millrace::paywall
