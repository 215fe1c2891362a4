// What operators ask of the store, over a read-only connection of its own: WAL readers never hold up the writer.
//
//   auto reader = Reader::open("millrace.db");          the store must have been opened before: it makes the file
//   auto page = reader->settlements({.limit = 100});    page->next is the cursor of the page behind it
//
// One thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"
#include "service/store/store.hpp"

namespace millrace::store {

using Seconds = std::chrono::sys_seconds;

struct SettlementFilter {
    std::optional<std::string> service = std::nullopt;
    std::optional<Seconds> since = std::nullopt;        // included
    std::optional<Seconds> until = std::nullopt;        // not included
    std::optional<std::int64_t> before = std::nullopt;  // the cursor: rows with a smaller number
    std::size_t limit = 100;
};

struct SettlementRow {
    std::int64_t id = 0;
    PaymentHash payment_hash;
    std::string node_id;
    std::uint64_t pay_index = 0;
    std::string service;
    std::string description;
    Msat amount;
    Msat amount_received;
    Seconds settled_at;
};

struct SessionFilter {
    std::optional<std::string> service = std::nullopt;  // or realm, in whose name it was sold
    std::optional<bool> open = std::nullopt;
    std::optional<std::string> refund = std::nullopt;   // "pending", "failed", ...
    std::optional<std::int64_t> before = std::nullopt;  // the cursor: rows with a smaller number
    std::size_t limit = 100;
};

// A session of the Payment scheme.
struct SessionRow {
    std::int64_t id = 0;
    PaymentHash session;
    std::string service;
    std::string scope;
    Msat deposit;
    std::uint64_t deposits = 0;
    Msat spent;
    Seconds opened_at;
    Seconds used_at;
    std::optional<Seconds> closed_at;
    std::string closed_by;
    Msat refund;
    std::string refund_state;
    std::string refund_reason;
    Msat refund_fee;
    std::string return_invoice;
};

// Newest first. `next` is empty on the last page.
template <class Row>
struct Page {
    std::vector<Row> rows;
    std::optional<std::int64_t> next;
};

enum class Period { hour, day };

// What one service sold in one hour or day (UTC), and what was given away of it, which is no revenue.
struct StatsRow {
    Seconds start;
    std::string service;
    std::uint64_t count = 0;  // payments
    Msat received;
    std::uint64_t first_uses = 0;  // tokens used for the first time, under the service's own name
    std::uint64_t grants = 0;
};

struct StatsFilter {
    Period period = Period::day;
    std::optional<std::string> service = std::nullopt;
    std::optional<Seconds> since = std::nullopt;
    std::optional<Seconds> until = std::nullopt;
};

struct Revocation {
    std::string reason;
    Seconds at;
};

struct FirstUseRow {
    std::string service;
    Seconds at;
    std::optional<TokenId> token_id;  // empty where it was used before ids were kept
};

struct UsageRow {
    std::string service;  // or realm
    paywall::Usage used;
};

// What a payment bought as a charge of the Payment scheme.
struct ChargeRow {
    std::string service;
    Seconds at;
    std::uint64_t replays = 0;
};

// All that is known of the tokens of one payment.
struct TokenFacts {
    std::optional<SettlementRow> settlement;
    std::optional<FirstUseRow> first_use;
    std::optional<Revocation> revocation;
    std::optional<UsageRow> usage;
    std::optional<ChargeRow> charge;
    std::optional<TokenGrant> grant;
    [[nodiscard]] bool unknown() const {
        return !settlement && !first_use && !revocation && !usage && !charge && !grant;
    }
};

// A token that was used, for lists.
struct TokenRow {
    PaymentHash hash;
    FirstUseRow first_use;
    std::optional<UsageRow> usage;
    bool granted = false;
    bool revoked = false;
};

// The last row of a page: cursor := unix seconds "-" payment hash
struct TokenCursor {
    Seconds at;
    PaymentHash hash;
    [[nodiscard]] std::string text() const;
    [[nodiscard]] static std::optional<TokenCursor> parse(std::string_view text);
};

struct TokenFilter {
    std::optional<std::string> service = std::nullopt;  // under whose name it was first used
    std::optional<TokenCursor> before = std::nullopt;
    std::size_t limit = 100;
};

struct TokenPage {
    std::vector<TokenRow> rows;
    std::optional<TokenCursor> next;
};

struct AuditRow {
    std::int64_t id = 0;
    AuditEntry entry;
};

class Reader {
  public:
    virtual ~Reader() = default;

    // Each: errors: read_failed.
    [[nodiscard]] virtual Result<Page<SettlementRow>> settlements(const SettlementFilter& filter) = 0;
    [[nodiscard]] virtual Result<Page<SessionRow>> sessions(const SessionFilter& filter) = 0;
    [[nodiscard]] virtual Result<std::vector<StatsRow>> stats(const StatsFilter& filter) = 0;  // oldest first
    [[nodiscard]] virtual Result<TokenFacts> token(const PaymentHash& hash) = 0;
    // The payment of a token that was used, or given away; empty where none is known.
    [[nodiscard]] virtual Result<std::optional<PaymentHash>> find_token(const TokenId& id) = 0;
    // Those that were used, by their first use, newest first.
    [[nodiscard]] virtual Result<TokenPage> tokens(const TokenFilter& filter) = 0;
    [[nodiscard]] virtual Result<Page<AuditRow>> audit(std::optional<std::int64_t> before, std::size_t limit) = 0;

    // None in a store of before there were any.
    [[nodiscard]] virtual Result<std::vector<config::StoredService>> services() = 0;

    // Errors: cannot_open.
    [[nodiscard]] static Result<std::unique_ptr<Reader>> open(const std::filesystem::path& file);
};

}  // namespace millrace::store
