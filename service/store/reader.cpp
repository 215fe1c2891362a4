#include "service/store/reader.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <charconv>

#include "service/store/columns.hpp"
#include "service/store/grant_table.hpp"
#include "service/store/service_table.hpp"

namespace millrace::store {
namespace {

constexpr int busy_milliseconds = 2000;

Msat msat_at(const SQLite::Column& column) {
    return Msat(static_cast<std::uint64_t>(column.getInt64()));
}

constexpr const char* settlement_columns =
    "SELECT id, payment_hash, node_id, pay_index, service, description, amount_msat, amount_received_msat, settled_at "
    "FROM settlements ";

SettlementRow settlement_at(SQLite::Statement& query) {
    return {query.getColumn(0).getInt64(),  hash_at(query.getColumn(1)),
            query.getColumn(2).getString(), static_cast<std::uint64_t>(query.getColumn(3).getInt64()),
            query.getColumn(4).getString(), query.getColumn(5).getString(),
            msat_at(query.getColumn(6)),    msat_at(query.getColumn(7)),
            time_at(query.getColumn(8))};
}

// Once a session is closed it has what it spent itself.
constexpr const char* session_columns =
    "SELECT number, id, s.service, scope, deposit_msat, (SELECT count(*) FROM session_deposits WHERE session_id = id), "
    "CASE WHEN closed_at IS NULL THEN coalesce(u.spent_msat, 0) ELSE s.spent_msat END, opened_at, used_at, closed_at, "
    "closed_by, refund_msat, refund_state, refund_reason, refund_fee_msat, return_invoice FROM sessions s LEFT JOIN "
    "token_usage u ON u.payment_hash = s.id WHERE 1 ";

SessionRow session_at(SQLite::Statement& query) {
    SessionRow out;
    out.id = query.getColumn(0).getInt64();
    out.session = hash_at(query.getColumn(1));
    out.service = query.getColumn(2).getString();
    out.scope = query.getColumn(3).getString();
    out.deposit = msat_at(query.getColumn(4));
    out.deposits = static_cast<std::uint64_t>(query.getColumn(5).getInt64());
    out.spent = msat_at(query.getColumn(6));
    out.opened_at = time_at(query.getColumn(7));
    out.used_at = time_at(query.getColumn(8));
    if (!query.getColumn(9).isNull()) out.closed_at = time_at(query.getColumn(9));
    out.closed_by = query.getColumn(10).getString();
    out.refund = msat_at(query.getColumn(11));
    out.refund_state = query.getColumn(12).getString();
    out.refund_reason = query.getColumn(13).getString();
    out.refund_fee = msat_at(query.getColumn(14));
    out.return_invoice = query.getColumn(15).getString();
    return out;
}

// The conditions that service, since and until make, to be bound by name.
template <class Filter>
std::string conditions(const Filter& filter, const std::string& time = "settled_at") {
    std::string out = "WHERE 1 ";
    if (filter.service) out += "AND service = :service ";
    if (filter.since) out += "AND " + time + " >= :since ";
    if (filter.until) out += "AND " + time + " < :until ";
    return out;
}

// What happened in each period, for each service: the columns `count`, `received`, `used`, `granted`.
std::string per_period(const StatsFilter& filter, const std::string& table, const std::string& time,
                       const std::string& columns) {
    // Unix time has days of 86,400 seconds that begin at midnight UTC.
    std::string length = filter.period == Period::hour ? "3600" : "86400";
    return "SELECT " + time + " / " + length + " * " + length + " AS start, service, " + columns + " FROM " + table +
           ' ' + conditions(filter, time) + "GROUP BY start, service ";
}

template <class Filter>
void bind_conditions(SQLite::Statement& query, const Filter& filter) {
    if (filter.service) query.bind(":service", *filter.service);
    if (filter.since) query.bind(":since", unix_seconds(*filter.since));
    if (filter.until) query.bind(":until", unix_seconds(*filter.until));
}

std::uint64_t count_at(const SQLite::Column& column) {
    return static_cast<std::uint64_t>(column.getInt64());
}

// service, first_used_at, token_id, from this column on.
FirstUseRow first_use_at(SQLite::Statement& query, int column) {
    FirstUseRow out{query.getColumn(column).getString(), time_at(query.getColumn(column + 1)), std::nullopt};
    SQLite::Column id = query.getColumn(column + 2);
    if (id.isNull()) return out;
    out.token_id = token_id_at(id);
    return out;
}

// service, uses, bytes, spent_msat, from this column on.
UsageRow usage_at(SQLite::Statement& query, int column) {
    return {query.getColumn(column).getString(),
            {count_at(query.getColumn(column + 1)), count_at(query.getColumn(column + 2)),
             count_at(query.getColumn(column + 3))}};
}

// Drops the row that was asked for beyond the limit, and says where the next page begins.
template <class Row>
void end_page(Page<Row>& page, std::size_t limit) {
    if (page.rows.size() <= limit) return;
    page.rows.pop_back();
    page.next = page.rows.back().id;
}

// What `read` answers; an exception of SQLite's as an error.
template <class Read>
auto guarded(Read read) -> Result<decltype(read())> {
    try {
        return read();
    } catch (const SQLite::Exception& error) {
        return fail(Errc::read_failed, error.what());
    } catch (const ResultError& error) {
        return fail(Errc::read_failed, error.what());
    }
}

class SqliteReader final : public Reader {
  public:
    explicit SqliteReader(const std::filesystem::path& file)
        : database_(file.string(), SQLite::OPEN_READONLY, busy_milliseconds) {}

    Result<Page<SettlementRow>> settlements(const SettlementFilter& filter) override {
        return guarded([&] {
            std::string text = settlement_columns + conditions(filter);
            if (filter.before) text += "AND id < :before ";
            SQLite::Statement query(database_, text + "ORDER BY id DESC LIMIT :limit");
            bind_conditions(query, filter);
            if (filter.before) query.bind(":before", *filter.before);
            query.bind(":limit", static_cast<std::int64_t>(filter.limit + 1));
            Page<SettlementRow> page;
            while (query.executeStep()) page.rows.push_back(settlement_at(query));
            end_page(page, filter.limit);
            return page;
        });
    }

    Result<Page<SessionRow>> sessions(const SessionFilter& filter) override {
        return guarded([&] {
            std::string text = session_columns;
            if (filter.service) text += "AND s.service = :service ";
            if (filter.open) text += *filter.open ? "AND closed_at IS NULL " : "AND closed_at IS NOT NULL ";
            if (filter.refund) text += "AND refund_state = :refund ";
            if (filter.before) text += "AND number < :before ";
            SQLite::Statement query(database_, text + "ORDER BY number DESC LIMIT :limit");
            if (filter.service) query.bind(":service", *filter.service);
            if (filter.refund) query.bind(":refund", *filter.refund);
            if (filter.before) query.bind(":before", *filter.before);
            query.bind(":limit", static_cast<std::int64_t>(filter.limit + 1));
            Page<SessionRow> page;
            while (query.executeStep()) page.rows.push_back(session_at(query));
            end_page(page, filter.limit);
            return page;
        });
    }

    Result<std::vector<StatsRow>> stats(const StatsFilter& filter) override {
        return guarded([&] {
            SQLite::Statement query(
                database_,
                "SELECT start, service, sum(count), sum(received), sum(used), sum(granted) FROM (" +
                    per_period(filter, "settlements", "settled_at",
                               "count(*) AS count, sum(amount_received_msat) AS received, 0 AS used, 0 AS granted") +
                    "UNION ALL " + per_period(filter, "first_uses", "first_used_at", "0, 0, count(*), 0") +
                    "UNION ALL " + per_period(filter, "grants", "granted_at", "0, 0, 0, count(*)") +
                    ") GROUP BY start, service ORDER BY start, service");
            bind_conditions(query, filter);
            std::vector<StatsRow> out;
            while (query.executeStep()) {
                out.push_back({time_at(query.getColumn(0)), query.getColumn(1).getString(),
                               count_at(query.getColumn(2)), msat_at(query.getColumn(3)), count_at(query.getColumn(4)),
                               count_at(query.getColumn(5))});
            }
            return out;
        });
    }

    Result<TokenFacts> token(const PaymentHash& hash) override {
        return guarded([&] {
            TokenFacts out;
            SQLite::Transaction one_moment(database_);
            SQLite::Statement settlement(database_, std::string(settlement_columns) + "WHERE payment_hash = ?");
            bind_bytes(settlement, 1, hash.view());
            if (settlement.executeStep()) out.settlement = settlement_at(settlement);
            SQLite::Statement use(database_,
                                  "SELECT service, first_used_at, token_id FROM first_uses WHERE payment_hash = ?");
            bind_bytes(use, 1, hash.view());
            if (use.executeStep()) out.first_use = first_use_at(use, 0);
            SQLite::Statement used(database_,
                                   "SELECT service, uses, bytes, spent_msat FROM token_usage WHERE payment_hash = ?");
            bind_bytes(used, 1, hash.view());
            if (used.executeStep()) out.usage = usage_at(used, 0);
            SQLite::Statement charge(
                database_,
                "SELECT service, consumed_at, replays FROM consumed_charges WHERE payment_hash = ? AND replays >= 0");
            bind_bytes(charge, 1, hash.view());
            if (charge.executeStep())
                out.charge = ChargeRow{charge.getColumn(0).getString(), time_at(charge.getColumn(1)),
                                       count_at(charge.getColumn(2))};
            SQLite::Statement granted(database_, std::string(grant_columns) + "WHERE payment_hash = ?");
            bind_bytes(granted, 1, hash.view());
            if (granted.executeStep()) out.grant = grant_at(granted);
            SQLite::Statement revoked(database_, "SELECT reason, revoked_at FROM revocations WHERE payment_hash = ?");
            bind_bytes(revoked, 1, hash.view());
            if (revoked.executeStep())
                out.revocation = Revocation{revoked.getColumn(0).getString(), time_at(revoked.getColumn(1))};
            return out;
        });
    }

    Result<std::optional<PaymentHash>> find_token(const TokenId& id) override {
        return guarded([&] {
            SQLite::Statement query(
                database_,
                "SELECT payment_hash FROM first_uses WHERE token_id = :id UNION SELECT payment_hash "
                "FROM grants WHERE token_id = :id");
            query.bind(":id", id.view().data(), static_cast<int>(id.view().size()));
            std::optional<PaymentHash> out;
            if (query.executeStep()) out = hash_at(query.getColumn(0));
            return out;
        });
    }

    Result<TokenPage> tokens(const TokenFilter& filter) override {
        return guarded([&] {
            std::string text =
                "SELECT f.payment_hash, f.service, f.first_used_at, f.token_id, u.service, u.uses, u.bytes, "
                "u.spent_msat, EXISTS (SELECT 1 FROM grants g WHERE g.payment_hash = f.payment_hash), EXISTS (SELECT 1 "
                "FROM revocations r WHERE r.payment_hash = f.payment_hash) FROM first_uses f LEFT JOIN token_usage u "
                "ON "
                "u.payment_hash = f.payment_hash WHERE 1 ";
            if (filter.service) text += "AND f.service = :service ";
            if (filter.before) text += "AND (f.first_used_at, f.payment_hash) < (:at, :hash) ";
            SQLite::Statement query(database_,
                                    text + "ORDER BY f.first_used_at DESC, f.payment_hash DESC LIMIT :limit");
            if (filter.service) query.bind(":service", *filter.service);
            if (filter.before) {
                query.bind(":at", unix_seconds(filter.before->at));
                ByteView hash = filter.before->hash.view();
                query.bind(":hash", hash.data(), static_cast<int>(hash.size()));
            }
            query.bind(":limit", static_cast<std::int64_t>(filter.limit + 1));
            TokenPage page;
            while (query.executeStep()) {
                TokenRow row{hash_at(query.getColumn(0)), first_use_at(query, 1), std::nullopt,
                             query.getColumn(8).getInt() != 0, query.getColumn(9).getInt() != 0};
                if (!query.getColumn(4).isNull()) row.usage = usage_at(query, 4);
                page.rows.push_back(std::move(row));
            }
            if (page.rows.size() > filter.limit) {
                page.rows.pop_back();
                page.next = TokenCursor{page.rows.back().first_use.at, page.rows.back().hash};
            }
            return page;
        });
    }

    Result<Page<AuditRow>> audit(std::optional<std::int64_t> before, std::size_t limit) override {
        return guarded([&] {
            SQLite::Statement query(database_, std::string("SELECT id, at, role, action, subject, detail FROM audit ") +
                                                   (before ? "WHERE id < :before " : "") +
                                                   "ORDER BY id DESC LIMIT :limit");
            if (before) query.bind(":before", *before);
            query.bind(":limit", static_cast<std::int64_t>(limit + 1));
            Page<AuditRow> page;
            while (query.executeStep()) {
                page.rows.push_back(
                    {query.getColumn(0).getInt64(),
                     {time_at(query.getColumn(1)), query.getColumn(2).getString(), query.getColumn(3).getString(),
                      query.getColumn(4).getString(), query.getColumn(5).getString()}});
            }
            end_page(page, limit);
            return page;
        });
    }

    Result<std::vector<config::StoredService>> services() override {
        return guarded([&] {
            return database_.tableExists("services") ? read_services(database_) : std::vector<config::StoredService>();
        });
    }

  private:
    SQLite::Database database_;
};

}  // namespace

std::string TokenCursor::text() const {
    return std::to_string(unix_seconds(at)) + '-' + hash.hex();
}

std::optional<TokenCursor> TokenCursor::parse(std::string_view text) {
    std::int64_t seconds = 0;
    auto [end, errc] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    auto rest = text.substr(static_cast<std::size_t>(end - text.data()));
    if (errc != std::errc{} || !rest.starts_with('-')) return std::nullopt;
    auto hash = PaymentHash::from_hex(rest.substr(1));
    if (!hash) return std::nullopt;
    return TokenCursor{Seconds(std::chrono::seconds(seconds)), *hash};
}

Result<std::unique_ptr<Reader>> Reader::open(const std::filesystem::path& file) {
    try {
        return std::unique_ptr<Reader>(std::make_unique<SqliteReader>(file));
    } catch (const SQLite::Exception& error) {
        return fail(Errc::cannot_open, file.string() + ": " + error.what());
    }
}

}  // namespace millrace::store
