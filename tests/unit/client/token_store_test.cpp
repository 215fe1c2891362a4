#include "contrib/client/token_store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "tests/unit/catch.hpp"
#include "tests/unit/client/world.hpp"

using namespace millrace;
using namespace millrace::client;
using namespace millrace::client::test;

namespace {

using Question = TokenStore::Question;

const std::string origin = "http://127.0.0.1:8402";

class Directory {
  public:
    Directory() {
        std::string name = (std::filesystem::temp_directory_path() / "millrace-get-test-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
        path_ = name;
    }
    ~Directory() { std::filesystem::remove_all(path_); }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    [[nodiscard]] std::string path() const { return path_ + "/store"; }

  private:
    std::string path_;
};

Pending pending(std::uint8_t number, const std::string& service = "weather") {
    Pending pending;
    pending.service = service;
    pending.base64 = "bWFj";
    pending.bolt11 = "lnbcrt1";
    pending.payment_hash = crypto::payment_hash(preimage_of(number));
    pending.amount = Msat(1000);
    pending.expires_at = start + std::chrono::seconds(600);
    pending.tried_until = start + std::chrono::seconds(90);
    return pending;
}

Token token(std::uint8_t number, const std::string& service = "weather") {
    return {service, "bWFj", crypto::payment_hash(preimage_of(number)), preimage_of(number), "", Msat(1000)};
}

Known of_service(TokenStore& store, const std::string& service, const std::string& from = origin) {
    return store.find_for_offer({from, "/elsewhere", service, crypto::payment_hash(preimage_of(200))}).value();
}
Known of_path(TokenStore& store, const std::string& path, const std::string& from = origin) {
    return store.find_for_request(from, path, charge_key("GET " + path)).value();
}

// 1 to `last`.
std::vector<std::uint8_t> numbers(std::uint8_t last) {
    std::vector<std::uint8_t> out;
    for (std::uint8_t number = 1; number <= last; ++number) out.push_back(number);
    return out;
}

}  // namespace

TEST_CASE("the store is for its owner only") {
    Directory directory;
    REQUIRE(TokenStore::open(directory.path()));
    struct stat info {};
    REQUIRE(::stat(directory.path().c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0700);
    REQUIRE(::stat((directory.path() + "/tokens.db").c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0600);
}

TEST_CASE("a pending payment survives the process, and becomes a token in one step") {
    Directory directory;
    {
        TokenStore store = TokenStore::open(directory.path()).value();
        CHECK_FALSE(store.put_pending(origin, "/weather/x", pending(1)).value());
    }
    TokenStore store = TokenStore::open(directory.path()).value();
    const Known before = of_service(store, "weather");
    REQUIRE(before.pending);
    CHECK_FALSE(before.token);
    CHECK(before.pending->payment_hash == pending(1).payment_hash);
    CHECK(before.pending->bolt11 == "lnbcrt1");
    CHECK(before.pending->amount == Msat(1000));
    CHECK(before.pending->expires_at == pending(1).expires_at);
    CHECK(before.pending->tried_until == pending(1).tried_until);

    REQUIRE(store.put_token(origin, "/weather/x", token(1), Msat(3), start));
    const Known after = of_service(store, "weather");
    CHECK_FALSE(after.pending);
    REQUIRE(after.token);
    CHECK(after.token->preimage.equals(preimage_of(1)));
    CHECK(after.token->base64 == "bWFj");
}

TEST_CASE("one payment at a time for an origin and a service") {
    Directory directory;
    TokenStore store = TokenStore::open(directory.path()).value();
    TokenStore other_process = TokenStore::open(directory.path()).value();
    REQUIRE_FALSE(store.put_pending(origin, "/a", pending(1)).value());
    const auto standing = other_process.put_pending(origin, "/a", pending(2)).value();
    REQUIRE(standing);
    CHECK(standing->pending.value().payment_hash == pending(1).payment_hash);
    CHECK_FALSE(other_process.put_pending(origin, "/m", pending(3, "maps")).value());
    CHECK_FALSE(other_process.put_pending("http://other:80", "/a", pending(4)).value());
}

TEST_CASE("a repeated attempt extends its time and never shortens it") {
    Directory directory;
    TokenStore store = TokenStore::open(directory.path()).value();
    Pending attempt = pending(1);
    REQUIRE_FALSE(store.put_pending(origin, "/a", attempt).value());
    attempt.tried_until += std::chrono::seconds(100);
    REQUIRE_FALSE(store.put_pending(origin, "/a", attempt).value());
    REQUIRE_FALSE(store.put_pending(origin, "/a", pending(1)).value());
    CHECK(of_service(store, "weather").pending->tried_until == attempt.tried_until);
}

TEST_CASE("a path finds what was bought for it, or for the longest directory above it") {
    Directory directory;
    TokenStore store = TokenStore::open(directory.path()).value();
    REQUIRE(store.put_token(origin, "/weather/today", token(1, "weather"), Msat(0), start));
    REQUIRE(store.put_token(origin, "/weather/radar/now", token(2, "radar"), Msat(0), start));
    REQUIRE(store.put_token(origin, "/weather/special", token(3, "special"), Msat(0), start));
    const std::pair<const char*, const char*> cases[] = {
        {"/weather/today", "weather"},
        {"/weather/radar/old", "radar"},
        {"/weather/special", "special"},
        {"/maps/x", ""},
        {"/", ""},
    };
    for (const auto& [path, service] : cases) {
        INFO(path);
        const Known known = of_path(store, path);
        CHECK((known.token ? known.token->service : "") == service);
    }
    CHECK_FALSE(of_path(store, "/weather/today", "https://127.0.0.1:8402").token);
}

TEST_CASE("dropping removes what it names and nothing else") {
    Directory directory;
    TokenStore store = TokenStore::open(directory.path()).value();
    REQUIRE(store.put_token(origin, "/a", token(1), Msat(0), start));
    REQUIRE_FALSE(store.put_pending(origin, "/a", pending(2), {token(1).payment_hash}).value());
    REQUIRE(store.drop_token(token(9).payment_hash));
    REQUIRE(store.drop_pending(pending(9).payment_hash));
    CHECK(of_service(store, "weather").token);
    CHECK(of_service(store, "weather").pending);
    REQUIRE(store.drop_token(token(1).payment_hash));
    CHECK_FALSE(of_service(store, "weather").token);
    REQUIRE(store.drop_pending(pending(2).payment_hash));
    CHECK_FALSE(of_service(store, "weather").pending);
}

TEST_CASE("a charge is kept for its request alone, until it was used") {
    Directory directory;
    TokenStore store = TokenStore::open(directory.path()).value();
    Pending charge = pending(1, charge_key("GET /a?x"));
    charge.base64.clear();
    charge.charge = "Payment id=\"i\"";
    REQUIRE_FALSE(store.put_pending(origin, "/a", charge).value());
    CHECK_FALSE(of_path(store, "/a").pending);
    CHECK_FALSE(of_service(store, charge_key("GET /a")).pending);
    const Known known = of_service(store, charge_key("GET /a?x"));
    REQUIRE(known.pending);
    CHECK(known.pending->charge == charge.charge);
    REQUIRE(store.drop_pending(charge.payment_hash));
    CHECK_FALSE(of_service(store, charge_key("GET /a?x")).pending);
}

TEST_CASE("a store of the first version is brought up to date and keeps what it holds") {
    Directory directory;
    {
        TokenStore store = TokenStore::open(directory.path()).value();
        REQUIRE_FALSE(store.put_pending(origin, "/a", pending(1)).value());
        SQLite::Database database(directory.path() + "/tokens.db", SQLite::OPEN_READWRITE);
        database.exec("alter table pending drop column charge; pragma user_version = 1");
    }
    TokenStore store = TokenStore::open(directory.path()).value();
    const Known known = of_service(store, "weather");
    REQUIRE(known.pending);
    CHECK(known.pending->charge.empty());
}

TEST_CASE("a store of a newer version is refused and not touched") {
    Directory directory;
    const std::string file = directory.path() + "/tokens.db";
    REQUIRE(TokenStore::open(directory.path()));
    {
        SQLite::Database database(file, SQLite::OPEN_READWRITE);
        database.exec("pragma user_version = 99");
    }
    CHECK(is(TokenStore::open(directory.path()).error(), StoreErrc::newer));
    SQLite::Database database(file);
    CHECK(database.execAndGet("pragma user_version").getInt() == 99);
}

TEST_CASE("a place that cannot be written is an error that names it") {
    const auto opened = TokenStore::open("/dev/null/store");
    REQUIRE_FALSE(opened);
    CHECK(opened.error().message.find("/dev/null/store") != std::string::npos);
}

TEST_CASE("a store of the second version keeps its tokens, which count as accepted") {
    Directory directory;
    std::filesystem::create_directories(directory.path());
    {
        SQLite::Database database(directory.path() + "/tokens.db", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        database.exec(R"(
            create table token (origin text not null, service text not null, macaroon text not null,
                payment_hash blob not null, preimage blob not null, amount_msat integer not null,
                fee_msat integer not null, paid_at integer not null, primary key (origin, service));
            create table pending (origin text not null, service text not null, macaroon text not null,
                bolt11 text not null, payment_hash blob not null unique, amount_msat integer not null,
                expires_at integer not null, tried_until integer not null, charge text not null default '',
                primary key (origin, service));
            create table path (origin text not null, path text not null, service text not null,
                primary key (origin, path));
            pragma user_version = 2;)");
        SQLite::Statement insert(database, "insert into token values (?, 'weather', 'bWFj', ?, ?, 1000, 3, 1)");
        const PaymentHash hash = crypto::payment_hash(preimage_of(1));
        insert.bind(1, origin);
        insert.bind(2, hash.view().data(), 32);
        insert.bind(3, preimage_of(1).reveal().data(), 32);
        insert.exec();
        SQLite::Statement path(database, "insert into path values (?, '/weather/x', 'weather')");
        path.bind(1, origin);
        path.exec();
    }
    TokenStore store = TokenStore::open(directory.path()).value();
    const Token kept = of_path(store, "/weather/x").token.value();
    CHECK(kept.preimage.equals(preimage_of(1)));
    CHECK(kept.base64 == "bWFj");
    CHECK(kept.amount == Msat(1000));
    CHECK(kept.accepted);
    CHECK(kept.refusals == 0);
}

TEST_CASE("C3: what was paid for stays until a response was received, and blocks its service and its path") {
    Directory directory;
    TokenStore store = TokenStore::open(directory.path()).value();
    REQUIRE(store.put_token(origin, "/weather/x", token(1), Msat(0), start));
    const auto unproven = [&](const std::string& service, const std::string& path) {
        const auto known =
            store.find_for_offer({origin, path, service, crypto::payment_hash(preimage_of(200))}).value();
        return known.unproven.has_value();
    };
    CHECK(unproven("weather", "/other"));
    CHECK(unproven("renamed", "/weather/x"));
    CHECK_FALSE(unproven("maps", "/other"));
    for (unsigned times = 1; times < 6; ++times) {
        REQUIRE(store.note_refused(token(1).payment_hash));
        CHECK(of_service(store, "weather").token.value().refusals == times);  // presented all the same
    }
    CHECK_FALSE(store.put_pending(origin, "/weather/x", pending(2), {token(1).payment_hash}, true).value());
    CHECK_FALSE(unproven("weather", "/weather/x"));  // --again
    REQUIRE(store.put_token(origin, "/weather/x", token(2), Msat(0), start));
    REQUIRE(store.note_accepted(token(2).payment_hash));
    CHECK_FALSE(unproven("weather", "/weather/x"));
    CHECK(of_service(store, "weather").token.value().payment_hash == token(2).payment_hash);
    // The proof that was given up is there still.
    const Question question{origin, "/", "weather", token(1).payment_hash};
    CHECK(store.find_for_offer(question).value().same_hash.value().preimage.equals(preimage_of(1)));
}

TEST_CASE("a token that was bought at the path comes first, then those refused least, then the newest") {
    Directory directory;
    TokenStore store = TokenStore::open(directory.path()).value();
    for (const std::uint8_t number : numbers(3)) {
        REQUIRE(store.put_token(origin, "/" + std::to_string(number), token(number), Msat(0),
                                start + std::chrono::seconds(number)));
        REQUIRE(store.note_accepted(token(number).payment_hash));
    }
    const auto first = [&](const std::string& path, const std::vector<PaymentHash>& tried = {}, bool again = false) {
        const auto known =
            store.find_for_offer({origin, path, "weather", crypto::payment_hash(preimage_of(200)), tried, again})
                .value();
        return known.token ? known.token->payment_hash : PaymentHash{};
    };
    CHECK(first("/1") == token(1).payment_hash);
    CHECK(first("/x") == token(3).payment_hash);
    CHECK(first("/x", {token(3).payment_hash}) == token(2).payment_hash);
    REQUIRE(store.note_refused(token(3).payment_hash));
    CHECK(first("/x") == token(2).payment_hash);
    REQUIRE(store.note_refused(token(2).payment_hash));
    CHECK(first("/x") == token(1).payment_hash);
    CHECK(first("/x", {token(1).payment_hash}, true) == PaymentHash{});  // --again: none that was refused
    CHECK(first("/3") == token(3).payment_hash);
    REQUIRE(store.note_refused(token(3).payment_hash));
    CHECK(first("/3") != token(3).payment_hash);  // two in a row: it is over
    REQUIRE(store.note_accepted(token(3).payment_hash));
    CHECK(first("/3") == token(3).payment_hash);
}

TEST_CASE("a token that came in since it was looked for stops the payment, and so does one for the same invoice") {
    Directory directory;
    TokenStore store = TokenStore::open(directory.path()).value();
    REQUIRE(store.put_token(origin, "/a", token(1), Msat(0), start));
    const auto there = store.put_pending(origin, "/a", pending(2)).value();
    REQUIRE(there);
    CHECK(there->token.value().payment_hash == token(1).payment_hash);
    CHECK_FALSE(of_service(store, "weather").pending);
    CHECK_FALSE(store.put_pending(origin, "/a", pending(2), {token(1).payment_hash}).value());
    const auto same = store.put_pending(origin, "/b", pending(2, "maps")).value();
    REQUIRE(same);
    CHECK(same->pending.value().service == "weather");
}

TEST_CASE("a refused token is forgotten after 90 days, unless nothing was ever received for it") {
    Directory directory;
    TokenStore store = TokenStore::open(directory.path()).value();
    REQUIRE(store.put_token(origin, "/a", token(1), Msat(0), start));
    REQUIRE(store.put_token(origin, "/b", token(2), Msat(0), start));
    REQUIRE(store.note_accepted(token(2).payment_hash));
    for (const std::uint8_t number : numbers(2)) REQUIRE(store.note_refused(token(number).payment_hash));
    REQUIRE(store.put_token(origin, "/c", token(3, "maps"), Msat(0), start + std::chrono::hours(91 * 24)));
    const auto kept = [&](std::uint8_t number) {
        return store.find_for_offer({origin, "/", "x", token(number).payment_hash}).value().same_hash.has_value();
    };
    CHECK(kept(1));
    CHECK_FALSE(kept(2));
    CHECK(kept(3));
}
