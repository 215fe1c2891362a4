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
    return {service, "bWFj", crypto::payment_hash(preimage_of(number)), preimage_of(number)};
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
    const Known before = store.find_by_service(origin, "weather").value();
    REQUIRE(before.pending);
    CHECK_FALSE(before.token);
    CHECK(before.pending->payment_hash == pending(1).payment_hash);
    CHECK(before.pending->bolt11 == "lnbcrt1");
    CHECK(before.pending->amount == Msat(1000));
    CHECK(before.pending->expires_at == pending(1).expires_at);
    CHECK(before.pending->tried_until == pending(1).tried_until);

    REQUIRE(store.put_token(origin, "/weather/x", token(1), Msat(1000), Msat(3), start));
    const Known after = store.find_by_service(origin, "weather").value();
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
    CHECK(standing->payment_hash == pending(1).payment_hash);
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
    CHECK(store.find_by_service(origin, "weather").value().pending->tried_until == attempt.tried_until);
}

TEST_CASE("a path finds what was bought for it, or for the longest directory above it") {
    Directory directory;
    TokenStore store = TokenStore::open(directory.path()).value();
    REQUIRE(store.put_token(origin, "/weather/today", token(1, "weather"), Msat(1), Msat(0), start));
    REQUIRE(store.put_token(origin, "/weather/radar/now", token(2, "radar"), Msat(1), Msat(0), start));
    REQUIRE(store.put_token(origin, "/weather/special", token(3, "special"), Msat(1), Msat(0), start));
    const std::pair<const char*, const char*> cases[] = {
        {"/weather/today", "weather"},
        {"/weather/radar/old", "radar"},
        {"/weather/special", "special"},
        {"/maps/x", ""},
        {"/", ""},
    };
    for (const auto& [path, service] : cases) {
        INFO(path);
        const Known known = store.find_by_path(origin, path).value();
        CHECK((known.token ? known.token->service : "") == service);
    }
    CHECK_FALSE(store.find_by_path("https://127.0.0.1:8402", "/weather/today").value().token);
}

TEST_CASE("dropping removes what it names and nothing else") {
    Directory directory;
    TokenStore store = TokenStore::open(directory.path()).value();
    REQUIRE(store.put_token(origin, "/a", token(1), Msat(1), Msat(0), start));
    REQUIRE_FALSE(store.put_pending(origin, "/a", pending(2)).value());
    REQUIRE(store.drop_token(token(9).payment_hash));
    REQUIRE(store.drop_pending(pending(9).payment_hash));
    CHECK(store.find_by_service(origin, "weather").value().token);
    CHECK(store.find_by_service(origin, "weather").value().pending);
    REQUIRE(store.drop_token(token(1).payment_hash));
    CHECK_FALSE(store.find_by_service(origin, "weather").value().token);
    REQUIRE(store.drop_pending(pending(2).payment_hash));
    CHECK_FALSE(store.find_by_service(origin, "weather").value().pending);
}

TEST_CASE("a charge is kept for its request alone, until it was used") {
    Directory directory;
    TokenStore store = TokenStore::open(directory.path()).value();
    Pending charge = pending(1, charge_key("GET /a?x"));
    charge.charge = "Payment id=\"i\"";
    REQUIRE_FALSE(store.put_pending(origin, "/a", charge).value());
    CHECK_FALSE(store.find_by_path(origin, "/a").value().pending);
    CHECK_FALSE(store.find_by_service(origin, charge_key("GET /a")).value().pending);
    const Known known = store.find_by_service(origin, charge_key("GET /a?x")).value();
    REQUIRE(known.pending);
    CHECK(known.pending->charge == charge.charge);
    REQUIRE(store.drop_pending(charge.payment_hash));
    CHECK_FALSE(store.find_by_service(origin, charge_key("GET /a?x")).value().pending);
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
    const Known known = store.find_by_service(origin, "weather").value();
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
