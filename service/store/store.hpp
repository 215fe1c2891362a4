// Facts about money and time that outlive the process: settlements, first uses, what tokens have used of their quotas,
// up to where the node's settlements are known, what an operator has revoked, and the record of what operators did.
//
// Reading answers from memory and may be done from any thread. Writing is queued; `done` is called from the store's own
// thread once the fact is on disk (and readable), or could not be written.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/gateway/messages.hpp"
#include "common/ids/ids.hpp"
#include "common/l402/identifier.hpp"
#include "common/result/error.hpp"
#include "service/config/definition.hpp"
#include "service/paywall/charge_use.hpp"
#include "service/paywall/free_use.hpp"
#include "service/paywall/payment_facts.hpp"
#include "service/paywall/usage.hpp"
#include "service/paywall/usage_retention.hpp"
#include "service/store/session_store.hpp"

namespace millrace::store {

enum class Errc {
    cannot_open = 1,  // no such folder, no permission, not a database
    foreign,          // a database, but not a Millrace store
    newer,            // written by a newer version of Millrace
    in_use,           // another process has it open
    write_failed,     // a transaction could not be committed
    read_failed,      // a query did not work
    corrupt,          // the file is damaged
};

// What one token has used.
struct TokenUsage {
    PaymentHash hash;
    paywall::Usage used;
};

enum class UsageChange { used, given_back };

// By the name that tokens are sold in: those whose clock started before this have ended for good.
using EndedBefore = std::map<std::string, std::chrono::sys_seconds, std::less<>>;

struct Figures {
    std::uint64_t commits = 0;
    std::uint64_t writes = 0;      // rows asked for
    std::uint64_t failures = 0;    // commits that failed
    std::uint64_t queued = 0;      // rows waiting now
    std::uint64_t first_uses = 0;  // tokens used for the first time, since the store was opened
    std::uint64_t grants = 0;      // tokens given away, since then
    std::uint64_t answered = 0;    // uses that were answered before they were on disk, since then
    std::uint64_t ahead = 0;       // of them, those that are not on disk now: what a crash would forget
    double commit_seconds = 0;     // spent in commits
};

// A token that an operator gave away.
struct TokenGrant {
    PaymentHash hash;  // of a preimage that was drawn for it
    TokenId token_id;
    std::string service;  // or realm, in whose name it is
    std::string route;    // empty: not for a route alone
    paywall::GrantTerms terms;
    std::string reason;
    std::chrono::sys_seconds granted_at;
};

// A row of the audit table: what was done or asked for, by whom, to what.
struct AuditEntry {
    std::chrono::sys_seconds at;
    std::string role;
    std::string action;
    std::string subject;
    std::string detail;
};

class Store {
  public:
    virtual ~Store() = default;

    [[nodiscard]] virtual paywall::PaymentFacts facts(const PaymentHash& hash) const = 0;

    // Begins a subscription: the first pay_index of this node that has not been stored; 1 for a node not heard of yet.
    // Once a settlement of one subscription could not be stored, all later ones of it fail too, so that the cursor
    // never passes a gap: the next subscription begins with it.
    [[nodiscard]] virtual std::uint64_t resume_from(std::string_view node_id) = 0;

    // The node that this store's sales are of: the one whose sales came last, or the only one that was remembered;
    // empty for a new store. Any thread.
    [[nodiscard]] virtual std::optional<std::string> home_node() const = 0;
    // Makes it the home node from now on, and writes it down.
    using RememberedDone = std::function<void(Result<void>)>;
    virtual void remember_node(std::string node_id, RememberedDone done) = 0;

    // Records when a token was first used, unless that is known already. `done` gets what is true then.
    using FirstUseDone = std::function<void(Result<std::chrono::sys_seconds>)>;
    virtual void record_first_use(const l402::Identifier& token, std::string_view service, std::chrono::sys_seconds at,
                                  FirstUseDone done) = 0;

    // Decides whether a charge may be used, upon what is recorded of it, and records the use; both in one commit, so
    // that of any number of uses at a time one is the first. `done` gets what was decided.
    using ChargeDone = std::function<void(Result<paywall::ChargeAdmission>)>;
    virtual void use_charge(paywall::ChargeUse use, ChargeDone done) = 0;

    // Takes a use of a charge back that came to nothing. Where that cannot be written now, it is written later, before
    // any further use of a charge; a process that ends before leaves the charge used.
    using ReleaseDone = std::function<void(Result<void>)>;
    virtual void release_charge(const PaymentHash& hash, ReleaseDone done) = 0;

    // Records a settlement and moves the node's cursor behind it. `done` gets false where it was known already.
    using SettlementDone = std::function<void(Result<bool>)>;
    virtual void record_settlement(std::string_view node_id, gateway::Settlement settlement, SettlementDone done) = 0;

    // Adds to what the token of `hash` has used, or takes off again what was added before. `service`: in whose name it
    // was sold. Changes become true in the order of the calls. What is given back is never refused: where it cannot be
    // written, it is with the next commit that works.
    using UsageDone = std::function<void(Result<void>)>;
    virtual void record_usage(const PaymentHash& hash, std::string_view service, UsageChange change,
                              const paywall::Usage& usage, UsageDone done) = 0;

    // Adds uses that were answered already. They are never refused: where they cannot be written, they are with the next
    // commit that works. They wait a moment for whatever else is to be written, unless `hurry`.
    virtual void record_answered(const PaymentHash& hash, std::string_view service, std::uint64_t uses, bool hurry) = 0;
    // Whom to tell of those that are on disk by now, however many calls they came in: on the store's own thread. To be
    // called once, before the first of them.
    using Recorded = std::function<void(const PaymentHash& hash, std::uint64_t uses)>;
    virtual void on_recorded(Recorded recorded) = 0;

    // What was used before the store was opened. To be called once, at the start: nothing is kept.
    [[nodiscard]] virtual std::vector<TokenUsage> take_usages() = 0;

    // Looks at a bounded number of usages, others with each call, and removes what no token can need any more by what
    // is sold now and was before. `done` gets whose were.
    using PrunedDone = std::function<void(Result<std::vector<PaymentHash>>)>;
    virtual void prune_usages(paywall::SoldTimes sold, std::chrono::sys_seconds now, PrunedDone done) = 0;
    // Tokens sold in this name whose clock started earlier have ended for good: what they used is not known any more.
    [[nodiscard]] virtual std::chrono::sys_seconds ended_before(std::string_view name) const = 0;

    // Adds to what a network prefix has used of a service's free allowance.
    using FreeUsesDone = std::function<void(Result<void>)>;
    virtual void record_free_uses(paywall::FreeUses uses, FreeUsesDone done) = 0;

    // What was on disk when the store was opened; to be called once. And the key of the prefixes' tags.
    [[nodiscard]] virtual std::vector<paywall::FreeUses> take_free_uses() = 0;
    [[nodiscard]] virtual const SecretKey& free_use_key() const = 0;
    // Sessions of the Payment scheme.
    [[nodiscard]] virtual SessionStore& sessions() = 0;

    // Revokes the tokens of a payment, or restores them, and writes `entry` down, both or neither. `done` gets whether
    // that changed anything; where it did not, nothing is written.
    using RevokedDone = std::function<void(Result<bool>)>;
    virtual void revoke(const PaymentHash& hash, std::string reason, AuditEntry entry, RevokedDone done) = 0;
    virtual void restore(const PaymentHash& hash, AuditEntry entry, RevokedDone done) = 0;
    // Records a token that is given away, and writes `entry` down, both or neither. It is settled from then on.
    using GrantDone = std::function<void(Result<void>)>;
    virtual void grant(TokenGrant grant, AuditEntry entry, GrantDone done) = 0;
    // Grows with each revocation and restoration. Any thread; what was decided under another number must be decided
    // anew.
    [[nodiscard]] virtual std::uint64_t revocations_version() const = 0;

    // The services that the admin API made, in their order, as they were when the store was opened.
    [[nodiscard]] virtual const std::vector<config::StoredService>& services() const = 0;
    // Puts these in the place of all, and writes `entry` down, both or neither.
    using ServicesDone = std::function<void(Result<void>)>;
    virtual void replace_services(std::vector<config::StoredService> services, AuditEntry entry, ServicesDone done) = 0;

    using AuditDone = std::function<void(Result<void>)>;
    virtual void record_audit(AuditEntry entry, AuditDone done) = 0;

    // Whether the last commit worked. Where it did not, the store tries once a second until one does. Any thread.
    [[nodiscard]] virtual bool writable() const = 0;

    [[nodiscard]] virtual Figures figures() const = 0;
};

}  // namespace millrace::store

namespace millrace {
template <>
struct ErrcText<store::Errc> {
    static constexpr const char* domain = "millrace.store";
    static const char* text(store::Errc errc);
};
}  // namespace millrace
