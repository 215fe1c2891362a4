#include "service/store/reader.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include "service/store/columns.hpp"
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
std::string conditions(const Filter& filter) {
    std::string out = "WHERE 1 ";
    if (filter.service) out += "AND service = :service ";
    if (filter.since) out += "AND settled_at >= :since ";
    if (filter.until) out += "AND settled_at < :until ";
    return out;
}

template <class Filter>
void bind_conditions(SQLite::Statement& query, const Filter& filter) {
    if (filter.service) query.bind(":service", *filter.service);
    if (filter.since) query.bind(":since", unix_seconds(*filter.since));
    if (filter.until) query.bind(":until", unix_seconds(*filter.until));
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
            // Unix time has days of 86,400 seconds that begin at midnight UTC.
            std::string length = filter.period == Period::hour ? "3600" : "86400";
            SQLite::Statement query(database_,
                                    "SELECT settled_at / " + length + " * " + length +
                                        " AS start, service, count(*), sum(amount_received_msat) FROM settlements " +
                                        conditions(filter) + "GROUP BY start, service ORDER BY start, service");
            bind_conditions(query, filter);
            std::vector<StatsRow> out;
            while (query.executeStep()) {
                out.push_back({time_at(query.getColumn(0)), query.getColumn(1).getString(),
                               static_cast<std::uint64_t>(query.getColumn(2).getInt64()), msat_at(query.getColumn(3))});
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
            SQLite::Statement use(database_, "SELECT service, first_used_at FROM first_uses WHERE payment_hash = ?");
            bind_bytes(use, 1, hash.view());
            if (use.executeStep()) out.first_use = FirstUseRow{use.getColumn(0).getString(), time_at(use.getColumn(1))};
            SQLite::Statement revoked(database_, "SELECT reason, revoked_at FROM revocations WHERE payment_hash = ?");
            bind_bytes(revoked, 1, hash.view());
            if (revoked.executeStep())
                out.revocation = Revocation{revoked.getColumn(0).getString(), time_at(revoked.getColumn(1))};
            return out;
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

Result<std::unique_ptr<Reader>> Reader::open(const std::filesystem::path& file) {
    try {
        return std::unique_ptr<Reader>(std::make_unique<SqliteReader>(file));
    } catch (const SQLite::Exception& error) {
        return fail(Errc::cannot_open, file.string() + ": " + error.what());
    }
}

}  // namespace millrace::store
