// The admin API's endpoints about tokens. Where one takes a payment hash, the token's id will do, once the token was
// used or where it was granted: an id stands in the token alone, so that the store hears of it with the first use.
#include <array>
#include <boost/json/serialize.hpp>

#include "common/crypto/hash.hpp"
#include "common/json/fields.hpp"
#include "service/admin/authorization.hpp"
#include "service/admin/describe.hpp"
#include "service/admin/grant.hpp"
#include "service/admin/handlers.hpp"
#include "service/admin/parameters.hpp"
#include "service/config/units.hpp"

namespace millrace::admin {

namespace json = boost::json;
using Fields = millrace::json::Fields;
using FieldErrc = millrace::json::Errc;

namespace {

constexpr std::size_t max_reason = 500;  // bytes
constexpr std::uint64_t max_uses = 1'000'000'000'000;
constexpr std::chrono::hours max_life{24 * 366 * 100};
constexpr std::int64_t max_limit = 1000;

Answer no_hash() {
    return problem(400,
                   "payment_hash must be 64 hex digits: the payment hash of the token's invoice, or the token's id");
}

std::string read_reason(Fields& in) {
    std::string reason = in.optional_string("reason").value_or("");
    if (reason.size() > max_reason) in.note(FieldErrc::out_of_range, "reason", "must be at most 500 bytes");
    return reason;
}

// Seconds, or a duration as the configuration has them.
std::optional<std::chrono::seconds> read_life(Fields& in, const json::object& body) {
    constexpr std::string_view key = "expires_in";
    const json::value* given = body.if_contains(key);
    if (!in.has(key)) return std::nullopt;
    std::chrono::seconds out{0};
    if (given->is_string()) {
        auto text = in.string(key);
        auto parsed = config::parse_duration(text);
        if (parsed) out = std::chrono::duration_cast<std::chrono::seconds>(*parsed);
    } else {
        out = in.optional_seconds(key).value_or(std::chrono::seconds(0));
    }
    if (out < std::chrono::seconds(1) || out > max_life)
        in.note(FieldErrc::out_of_range, key,
                "must be seconds, or a duration such as \"30d\", of at most a hundred years");
    return out;
}

GrantWish read_wish(Fields& in, const json::object& body) {
    GrantWish wish;
    wish.service = in.string("service");
    wish.route = in.optional_string("route").value_or("");
    wish.tier = in.optional_string("tier").value_or("");
    wish.expires_in = read_life(in, body);
    wish.uses = in.optional_u64("uses", max_uses);
    if (wish.uses == std::uint64_t{0}) in.note(FieldErrc::out_of_range, "uses", "must be at least 1");
    wish.max_price = in.optional_msat("max_price_msat");
    wish.reason = read_reason(in);
    if (wish.reason.empty()) in.note(FieldErrc::missing, "reason", "must say why: it is kept with the grant");
    in.no_others();
    return wish;
}

// The payment that is meant: of a token's id that is known, or else the hash itself.
http::Awaitable<Result<PaymentHash>> resolve(Api& api, PaymentHash given) {
    auto query = [given](store::Reader& reader) {
        return reader.find_token(TokenId::from_bytes(given.view()).value());
    };
    auto found = co_await api.read<std::optional<PaymentHash>>(query);
    if (!found) co_return found.error();
    co_return found->value_or(given);
}

// What is known of a payment's tokens; `changed` says what a request has just done.
http::Awaitable<Answer> show(Api& api, PaymentHash hash, std::optional<bool> changed) {
    auto query = [hash](store::Reader& reader) { return reader.token(hash); };
    auto facts = co_await api.read<store::TokenFacts>(query);
    if (!facts) co_return failed(facts.error());
    if (!changed && facts->unknown())
        co_return problem(
            404,
            "Nothing is known of this payment or token: no settlement, no grant, no use, no revocation. A "
            "token that was paid and never used is found by its payment hash.");
    json::object out = describe(hash, *facts, *api.sources().config());
    if (changed) out["changed"] = *changed;
    co_return json_answer(out);
}

http::Awaitable<Answer> token(Api& api, Request request) {
    auto given = PaymentHash::from_hex(request.names.at("payment_hash"));
    if (!given) co_return no_hash();
    auto hash = co_await resolve(api, *given);
    if (!hash) co_return failed(hash.error());
    Answer out = co_await show(api, *hash, std::nullopt);
    co_return out;
}

http::Awaitable<Answer> tokens(Api& api, Request request) {
    Parameters in(request);
    store::TokenFilter filter;
    filter.service = in.text("service");
    filter.limit = static_cast<std::size_t>(in.number("limit", 1, max_limit).value_or(100));
    if (auto cursor = in.text("cursor")) {
        filter.before = store::TokenCursor::parse(*cursor);
        if (!filter.before) in.note("cursor", "must be next_cursor of the page before");
    }
    if (in.fault()) co_return *in.fault();
    auto query = [filter](store::Reader& reader) { return reader.tokens(filter); };
    auto page = co_await api.read<store::TokenPage>(query);
    if (!page) co_return failed(page.error());
    json::array rows;
    for (const store::TokenRow& row : page->rows) rows.push_back(describe(row));
    json::object out{{"tokens", std::move(rows)}, {"next_cursor", nullptr}};
    if (page->next) out["next_cursor"] = page->next->text();
    co_return json_answer(out);
}

http::Awaitable<Answer> grant(Api& api, Request request) {
    json::value body(std::move(request.body));
    Fields in(body, "body");
    GrantWish wish = read_wish(in, body.get_object());
    if (in.fault()) co_return problem(400, in.fault()->message);
    GrantSeed seed{crypto::random_bytes<32>(), crypto::random_bytes<30>()};
    std::shared_ptr<const config::Config> config = api.sources().config();
    std::shared_ptr<const l402::KeyRing> keys = api.sources().keys();
    auto made = make_grant(wish, *config, keys.get(), seed, now());
    if (auto* refusal = std::get_if<Refusal>(&made)) co_return problem(refusal->status, refusal->detail);
    auto& granted = std::get<Granted>(made);
    const store::TokenGrant& record = granted.record;
    json::object detail = describe(record);
    store::AuditEntry entry{record.granted_at, std::string(name(request.role)), "grant", record.hash.hex(),
                            json::serialize(detail)};
    auto start = [&api, &record, &entry](auto done) { api.store().grant(record, std::move(entry), std::move(done)); };
    Result<void> written = co_await api.wait<void>(start);
    if (!written) co_return failed(written.error());
    // The one time that the credential is seen.
    detail["token"] = granted.token_base64;
    detail["preimage"] = granted.preimage.reveal_hex();
    detail["authorization"] = l402::authorization_value(granted.token_base64, granted.preimage);
    co_return json_answer(detail, 201);
}

http::Awaitable<Answer> revoke(Api& api, Request request) {
    auto given = PaymentHash::from_hex(request.names.at("payment_hash"));
    if (!given) co_return no_hash();
    json::value body(std::move(request.body));
    Fields in(body, "body");
    std::string reason = read_reason(in);
    in.no_others();
    if (in.fault()) co_return problem(400, in.fault()->message);
    auto hash = co_await resolve(api, *given);
    if (!hash) co_return failed(hash.error());
    store::AuditEntry entry{now(), std::string(name(request.role)), "revoke", hash->hex(), reason};
    auto start = [&api, hash = *hash, reason, entry](auto done) {
        api.store().revoke(hash, reason, entry, std::move(done));
    };
    Result<bool> changed = co_await api.wait<bool>(std::move(start));
    if (!changed) co_return failed(changed.error());
    api.sources().revoked(*hash);
    Answer out = co_await show(api, *hash, *changed);
    co_return out;
}

http::Awaitable<Answer> restore(Api& api, Request request) {
    auto given = PaymentHash::from_hex(request.names.at("payment_hash"));
    if (!given) co_return no_hash();
    auto hash = co_await resolve(api, *given);
    if (!hash) co_return failed(hash.error());
    store::AuditEntry entry{now(), std::string(name(request.role)), "restore", hash->hex(), {}};
    auto start = [&api, hash = *hash, entry](auto done) { api.store().restore(hash, entry, std::move(done)); };
    Result<bool> changed = co_await api.wait<bool>(std::move(start));
    if (!changed) co_return failed(changed.error());
    Answer out = co_await show(api, *hash, *changed);
    co_return out;
}

constexpr auto handlers = std::to_array<Handler>({
    {"tokens", tokens},
    {"token show", token},
    {"token revoke", revoke},
    {"token grant", grant},
    {"token restore", restore},
});

}  // namespace

std::span<const Handler> token_handlers() {
    return handlers;
}

}  // namespace millrace::admin
