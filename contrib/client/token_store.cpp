#include "contrib/client/token_store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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

constexpr int schema_version = 2;
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

Error unusable(const SQLite::Exception& error) {
    return fail(StoreErrc::unusable, error.what());
}

}  // namespace

struct TokenStore::State {
    explicit State(const std::string& file) : database(file, SQLite::OPEN_READWRITE, busy_timeout_ms) {}

    std::optional<Token> token(const std::string& origin, const std::string& service) {
        SQLite::Statement query(database,
                                "select macaroon, payment_hash, preimage from token where origin = ? and service = ?");
        query.bind(1, origin);
        query.bind(2, service);
        if (!query.executeStep()) return std::nullopt;
        Token token;
        token.service = service;
        token.base64 = query.getColumn(0).getString();
        token.payment_hash = PaymentHash::from_bytes(column_bytes(query, 1)).value();
        token.preimage = Preimage::from_bytes(column_bytes(query, 2)).value();
        return token;
    }

    std::optional<Pending> pending(const std::string& origin, const std::string& service) {
        SQLite::Statement query(
            database,
            "select macaroon, bolt11, payment_hash, amount_msat, expires_at, tried_until, charge from pending "
            "where origin = ? and service = ?");
        query.bind(1, origin);
        query.bind(2, service);
        if (!query.executeStep()) return std::nullopt;
        Pending pending;
        pending.service = service;
        pending.base64 = query.getColumn(0).getString();
        pending.bolt11 = query.getColumn(1).getString();
        pending.payment_hash = PaymentHash::from_bytes(column_bytes(query, 2)).value();
        pending.amount = Msat(static_cast<std::uint64_t>(query.getColumn(3).getInt64()));
        pending.expires_at = time_point(query.getColumn(4).getInt64());
        pending.tried_until = time_point(query.getColumn(5).getInt64());
        pending.charge = query.getColumn(6).getString();
        return pending;
    }

    Known known(const std::string& origin, const std::string& service) {
        return {token(origin, service), pending(origin, service)};
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
        transaction.commit();
        return TokenStore(std::move(state));
    } catch (const SQLite::Exception& error) {
        return fail(StoreErrc::unusable, file + ": " + error.what());
    }
}

Result<Known> TokenStore::find_by_path(const std::string& origin, const std::string& path) {
    try {
        const auto service = state_->service_of_path(origin, path);
        return service ? state_->known(origin, *service) : Known{};
    } catch (const SQLite::Exception& error) {
        return unusable(error);
    } catch (const ResultError& error) {
        return fail(StoreErrc::unusable, error.what());
    }
}

Result<Known> TokenStore::find_by_service(const std::string& origin, const std::string& service) {
    try {
        return state_->known(origin, service);
    } catch (const SQLite::Exception& error) {
        return unusable(error);
    } catch (const ResultError& error) {
        return fail(StoreErrc::unusable, error.what());
    }
}

Result<std::optional<Pending>> TokenStore::put_pending(const std::string& origin, const std::string& path,
                                                       const Pending& pending) {
    try {
        SQLite::Transaction transaction(state_->database, SQLite::TransactionBehavior::IMMEDIATE);
        auto other = state_->pending(origin, pending.service);
        if (other && other->payment_hash != pending.payment_hash) return other;
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
        if (pending.charge.empty()) state_->put_path(origin, path, pending.service);
        transaction.commit();
        return std::optional<Pending>();
    } catch (const SQLite::Exception& error) {
        return unusable(error);
    } catch (const ResultError& error) {
        return fail(StoreErrc::unusable, error.what());
    }
}

Result<void> TokenStore::put_token(const std::string& origin, const std::string& path, const Token& token, Msat amount,
                                   Msat fee, TimePoint paid_at) {
    try {
        SQLite::Transaction transaction(state_->database, SQLite::TransactionBehavior::IMMEDIATE);
        SQLite::Statement insert(
            state_->database,
            "insert or replace into token (origin, service, macaroon, payment_hash, preimage, amount_msat, "
            "fee_msat, paid_at) values (?, ?, ?, ?, ?, ?, ?, ?)");
        insert.bind(1, origin);
        insert.bind(2, token.service);
        insert.bind(3, token.base64);
        bind_bytes(insert, 4, token.payment_hash.view());
        bind_bytes(insert, 5, token.preimage.reveal());
        insert.bind(6, static_cast<std::int64_t>(amount.value()));
        insert.bind(7, static_cast<std::int64_t>(fee.value()));
        insert.bind(8, unix_seconds(paid_at));
        insert.exec();
        SQLite::Statement remove(state_->database, "delete from pending where payment_hash = ?");
        bind_bytes(remove, 1, token.payment_hash.view());
        remove.exec();
        state_->put_path(origin, path, token.service);
        transaction.commit();
        return {};
    } catch (const SQLite::Exception& error) {
        return unusable(error);
    }
}

Result<void> TokenStore::drop_pending(const PaymentHash& payment_hash) {
    try {
        SQLite::Statement remove(state_->database, "delete from pending where payment_hash = ?");
        bind_bytes(remove, 1, payment_hash.view());
        remove.exec();
        return {};
    } catch (const SQLite::Exception& error) {
        return unusable(error);
    }
}

Result<void> TokenStore::drop_token(const PaymentHash& payment_hash) {
    try {
        SQLite::Statement remove(state_->database, "delete from token where payment_hash = ?");
        bind_bytes(remove, 1, payment_hash.view());
        remove.exec();
        return {};
    } catch (const SQLite::Exception& error) {
        return unusable(error);
    }
}

}  // namespace millrace::client
