#include "contrib/client/token_store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace millrace {

const char* ErrcText<client::StoreErrc>::text(client::StoreErrc errc) {
    switch (errc) {
        case client::StoreErrc::unusable:
            return "the token store cannot be used";
        case client::StoreErrc::newer:
            return "the token store was written by a newer version";
    }
    return "unknown";
}

}  // namespace millrace

namespace millrace::client {

namespace {

constexpr int schema_version = 3;
constexpr const char* first_schema = R"(
create table token (
    origin text not null, service text not null, macaroon text not null,
    payment_hash blob not null, preimage blob not null,
    amount_msat integer not null, fee_msat integer not null, paid_at integer not null,
    primary key (origin, service));
create table pending (
    origin text not null, service text not null, macaroon text not null, bolt11 text not null,
    payment_hash blob not null unique,
    amount_msat integer not null, expires_at integer not null, tried_until integer not null,
    primary key (origin, service));
create table path (
    origin text not null, path text not null, service text not null,
    primary key (origin, path));
pragma user_version = 1;
)";
constexpr const char* second_schema = R"(
alter table pending add column charge text not null default '';
pragma user_version = 2;
)";
// Tokens bought before count as accepted: what became of them is not known.
constexpr const char* third_schema = R"(
alter table token rename to token_before;
create table token (
    payment_hash blob not null primary key,
    origin text not null, service text not null, path text not null, macaroon text not null, charge text not null,
    preimage blob not null,
    amount_msat integer not null, fee_msat integer not null, paid_at integer not null,
    accepted integer not null, refusals integer not null, given_up integer not null);
insert or ignore into token
    select payment_hash, origin, service, '', macaroon, '', preimage, amount_msat, fee_msat, paid_at, 1, 0, 0
    from token_before;
drop table token_before;
create index token_by_service on token (origin, service);
pragma user_version = 3;
)";

// A token that was accepted once is presented no more after so many refusals in a row: the first may be of another
// path's price or route; more would only cost the server invoices.
constexpr int max_refusals = 2;
constexpr std::chrono::hours kept_after_refusal = std::chrono::hours(90 * 24);

constexpr int busy_timeout_ms = 10'000;

std::int64_t unix_seconds(TimePoint time) {
    return time.time_since_epoch().count();
}
TimePoint time_point(std::int64_t seconds) {
    return TimePoint(std::chrono::seconds(seconds));
}

void bind_bytes(SQLite::Statement& statement, int index, ByteView bytes) {
    statement.bind(index, bytes.data(), static_cast<int>(bytes.size()));
}

ByteView column_bytes(SQLite::Statement& statement, int index) {
    const SQLite::Column column = statement.getColumn(index);
    return {static_cast<const std::uint8_t*>(column.getBlob()), static_cast<std::size_t>(column.getBytes())};
}

std::string directory_of(const std::string& path) {
    return path.substr(0, path.rfind('/') + 1);
}

}  // namespace

struct TokenStore::State {
    explicit State(const std::string& file) : database(file, SQLite::OPEN_READWRITE, busy_timeout_ms) {}

    static constexpr const char* token_columns =
        "select service, macaroon, charge, payment_hash, preimage, amount_msat, accepted, refusals from token ";

    static Token read_token(SQLite::Statement& query) {
        Token token;
        token.service = query.getColumn(0).getString();
        token.base64 = query.getColumn(1).getString();
        token.charge = query.getColumn(2).getString();
        token.payment_hash = PaymentHash::from_bytes(column_bytes(query, 3)).value();
        token.preimage = Preimage::from_bytes(column_bytes(query, 4)).value();
        token.amount = Msat(static_cast<std::uint64_t>(query.getColumn(5).getInt64()));
        token.accepted = query.getColumn(6).getInt() != 0;
        token.refusals = query.getColumn(7).getUInt();
        return token;
    }

    std::optional<Token> token(const Question& question) {
        SQLite::Statement query(database, std::string(token_columns) +
                                              "where origin = ? and service = ? and given_up = 0 "
                                              "and (accepted = 0 or refusals < ?) and (? = 0 or refusals = 0) "
                                              "order by path = ? desc, refusals, paid_at desc");
        query.bind(1, question.origin);
        query.bind(2, question.service);
        query.bind(3, max_refusals);
        query.bind(4, question.again ? 1 : 0);
        query.bind(5, question.path);
        while (query.executeStep()) {
            Token token = read_token(query);
            const auto& tried = question.tried;
            if (std::find(tried.begin(), tried.end(), token.payment_hash) == tried.end()) return token;
        }
        return std::nullopt;
    }

    std::optional<Token> token_of(const PaymentHash& payment_hash) {
        SQLite::Statement query(database, std::string(token_columns) + "where payment_hash = ?");
        bind_bytes(query, 1, payment_hash.view());
        if (!query.executeStep()) return std::nullopt;
        return read_token(query);
    }

    std::optional<Token> unproven(const Question& question) {
        SQLite::Statement query(database, std::string(token_columns) +
                                              "where origin = ? and accepted = 0 and given_up = 0 "
                                              "and (service = ? or (path <> '' and path = ?)) order by paid_at desc");
        query.bind(1, question.origin);
        query.bind(2, question.service);
        query.bind(3, question.path);
        if (!query.executeStep()) return std::nullopt;
        return read_token(query);
    }

    // Of this origin and service, or of this invoice.
    std::optional<Pending> pending(const std::string& origin, const std::string& service,
                                   const PaymentHash* payment_hash = nullptr) {
        SQLite::Statement query(
            database,
            "select macaroon, bolt11, payment_hash, amount_msat, expires_at, tried_until, charge, service from pending "
            "where (origin = ? and service = ?) or payment_hash = ?");
        query.bind(1, origin);
        query.bind(2, service);
        if (payment_hash != nullptr) bind_bytes(query, 3, payment_hash->view());
        if (!query.executeStep()) return std::nullopt;
        Pending pending;
        pending.base64 = query.getColumn(0).getString();
        pending.bolt11 = query.getColumn(1).getString();
        pending.payment_hash = PaymentHash::from_bytes(column_bytes(query, 2)).value();
        pending.amount = Msat(static_cast<std::uint64_t>(query.getColumn(3).getInt64()));
        pending.expires_at = time_point(query.getColumn(4).getInt64());
        pending.tried_until = time_point(query.getColumn(5).getInt64());
        pending.charge = query.getColumn(6).getString();
        pending.service = query.getColumn(7).getString();
        return pending;
    }

    void give_up_unproven(const std::string& origin, const std::string& service, const std::string& path) {
        SQLite::Statement update(database,
                                 "update token set given_up = 1 where origin = ? and accepted = 0 and refusals > 0 "
                                 "and (service = ? or (path <> '' and path = ?))");
        update.bind(1, origin);
        update.bind(2, service);
        update.bind(3, path);
        update.exec();
    }

    void change(const std::string& statement, const PaymentHash& payment_hash) {
        SQLite::Statement update(database, statement + " where payment_hash = ?");
        bind_bytes(update, 1, payment_hash.view());
        update.exec();
    }

    std::optional<std::string> service_of_path(const std::string& origin, const std::string& path) {
        SQLite::Statement query(database, "select path, service from path where origin = ?");
        query.bind(1, origin);
        std::optional<std::string> best;
        std::size_t best_length = 0;
        while (query.executeStep()) {
            const std::string bought = query.getColumn(0).getString();
            if (bought == path) return query.getColumn(1).getString();
            const std::string directory = directory_of(bought);
            if (path.starts_with(directory) && directory.size() > best_length) {
                best = query.getColumn(1).getString();
                best_length = directory.size();
            }
        }
        return best;
    }

    void put_path(const std::string& origin, const std::string& path, const std::string& service) {
        SQLite::Statement insert(database, "insert or replace into path (origin, path, service) values (?, ?, ?)");
        insert.bind(1, origin);
        insert.bind(2, path);
        insert.bind(3, service);
        insert.exec();
    }

    SQLite::Database database;
};

TokenStore::TokenStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
TokenStore::TokenStore(TokenStore&&) noexcept = default;
TokenStore& TokenStore::operator=(TokenStore&&) noexcept = default;
TokenStore::~TokenStore() = default;

Result<TokenStore> TokenStore::open(const std::string& directory) {
    std::error_code failed;
    const bool created = std::filesystem::create_directories(directory, failed);
    if (failed) return fail(StoreErrc::unusable, directory + ": " + failed.message());
    if (created && ::chmod(directory.c_str(), S_IRWXU) != 0) {
        return fail(StoreErrc::unusable, directory + ": " + std::strerror(errno));
    }
    // Created here and not by SQLite, so that it is never readable by others; its journal takes the same mode.
    const std::string file = directory + "/tokens.db";
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (descriptor < 0) return fail(StoreErrc::unusable, file + ": " + std::strerror(errno));
    const bool closed_to_others = ::fchmod(descriptor, S_IRUSR | S_IWUSR) == 0;
    ::close(descriptor);
    if (!closed_to_others) return fail(StoreErrc::unusable, file + ": " + std::strerror(errno));

    try {
        auto state = std::make_unique<State>(file);
        const auto version = [&] { return state->database.execAndGet("pragma user_version").getInt(); };
        if (version() > schema_version) return fail(StoreErrc::newer, file + ": schema " + std::to_string(version()));
        state->database.exec("pragma journal_mode = wal");
        state->database.exec("pragma synchronous = full");
        SQLite::Transaction transaction(state->database, SQLite::TransactionBehavior::IMMEDIATE);
        if (version() == 0) state->database.exec(first_schema);
        if (version() == 1) state->database.exec(second_schema);
        if (version() == 2) state->database.exec(third_schema);
        transaction.commit();
        return TokenStore(std::move(state));
    } catch (const SQLite::Exception& error) {
        return fail(StoreErrc::unusable, file + ": " + error.what());
    }
}

namespace {

// What SQLite or a damaged row throws becomes an error.
template <class Use>
auto guarded(Use use) -> decltype(use()) {
    try {
        return use();
    } catch (const SQLite::Exception& error) {
        return fail(StoreErrc::unusable, error.what());
    } catch (const ResultError& error) {
        return fail(StoreErrc::unusable, error.what());
    }
}

}  // namespace

Result<Known> TokenStore::find_for_request(const std::string& origin, const std::string& path,
                                           const std::string& request) {
    return guarded([&]() -> Result<Known> {
        Known known;
        Question question{origin, path, request, {}};
        known.pending = state_->pending(origin, request);
        known.token = state_->token(question);
        const auto service = state_->service_of_path(origin, path);
        if (!service) return known;
        question.service = *service;
        if (!known.pending) known.pending = state_->pending(origin, *service);
        if (!known.token) known.token = state_->token(question);
        return known;
    });
}

Result<Known> TokenStore::find_for_offer(const Question& question) {
    return guarded([&]() -> Result<Known> {
        return Known{state_->token(question),
                     state_->pending(question.origin, question.service, &question.payment_hash),
                     state_->token_of(question.payment_hash), state_->unproven(question)};
    });
}

Result<std::optional<Known>> TokenStore::put_pending(const std::string& origin, const std::string& path,
                                                     const Pending& pending, const std::vector<PaymentHash>& tried,
                                                     bool again) {
    return guarded([&]() -> Result<std::optional<Known>> {
        SQLite::Transaction transaction(state_->database, SQLite::TransactionBehavior::IMMEDIATE);
        Known other;
        other.pending = state_->pending(origin, pending.service, &pending.payment_hash);
        const bool this_one = other.pending && other.pending->payment_hash == pending.payment_hash &&
                              other.pending->service == pending.service;
        if (other.pending && !this_one) return std::optional(other);
        const Question question{origin, path, pending.service, pending.payment_hash, tried, again};
        other.pending.reset();
        if (!this_one) other.token = state_->token(question);
        if (other.token) return std::optional(other);
        SQLite::Statement insert(
            state_->database,
            "insert into pending (origin, service, macaroon, bolt11, payment_hash, amount_msat, expires_at, "
            "tried_until, charge) values (?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "on conflict (origin, service) do update set tried_until = max(tried_until, excluded.tried_until)");
        insert.bind(1, origin);
        insert.bind(2, pending.service);
        insert.bind(3, pending.base64);
        insert.bind(4, pending.bolt11);
        bind_bytes(insert, 5, pending.payment_hash.view());
        insert.bind(6, static_cast<std::int64_t>(pending.amount.value()));
        insert.bind(7, unix_seconds(pending.expires_at));
        insert.bind(8, unix_seconds(pending.tried_until));
        insert.bind(9, pending.charge);
        insert.exec();
        if (!pending.base64.empty()) state_->put_path(origin, path, pending.service);
        if (again) state_->give_up_unproven(origin, pending.service, path);
        transaction.commit();
        return std::optional<Known>();
    });
}

Result<void> TokenStore::put_token(const std::string& origin, const std::string& path, const Token& token, Msat fee,
                                   TimePoint paid_at) {
    return guarded([&]() -> Result<void> {
        SQLite::Transaction transaction(state_->database, SQLite::TransactionBehavior::IMMEDIATE);
        const bool charge = token.base64.empty();
        SQLite::Statement insert(
            state_->database,
            "insert into token (payment_hash, origin, service, path, macaroon, charge, preimage, amount_msat, "
            "fee_msat, paid_at, accepted, refusals, given_up) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0) "
            "on conflict (payment_hash) do nothing");
        bind_bytes(insert, 1, token.payment_hash.view());
        insert.bind(2, origin);
        insert.bind(3, token.service);
        insert.bind(4, charge ? std::string() : path);
        insert.bind(5, token.base64);
        insert.bind(6, token.charge);
        bind_bytes(insert, 7, token.preimage.reveal());
        insert.bind(8, static_cast<std::int64_t>(token.amount.value()));
        insert.bind(9, static_cast<std::int64_t>(fee.value()));
        insert.bind(10, unix_seconds(paid_at));
        insert.exec();
        state_->change("delete from pending", token.payment_hash);
        if (!charge) state_->put_path(origin, path, token.service);
        SQLite::Statement prune(state_->database,
                                "delete from token where accepted = 1 and refusals > 0 and paid_at < ?");
        prune.bind(1, unix_seconds(paid_at - kept_after_refusal));
        prune.exec();
        transaction.commit();
        return {};
    });
}

Result<void> TokenStore::note_accepted(const PaymentHash& payment_hash) {
    return guarded([&]() -> Result<void> {
        state_->change("update token set accepted = 1, refusals = 0, given_up = 0, charge = ''", payment_hash);
        return {};
    });
}

Result<void> TokenStore::note_refused(const PaymentHash& payment_hash) {
    return guarded([&]() -> Result<void> {
        state_->change("update token set refusals = refusals + 1", payment_hash);
        return {};
    });
}

Result<void> TokenStore::drop_pending(const PaymentHash& payment_hash) {
    return guarded([&]() -> Result<void> {
        state_->change("delete from pending", payment_hash);
        return {};
    });
}

Result<void> TokenStore::drop_token(const PaymentHash& payment_hash) {
    return guarded([&]() -> Result<void> {
        state_->change("delete from token", payment_hash);
        return {};
    });
}

}  // namespace millrace::client
