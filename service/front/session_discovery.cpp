#include <boost/json/serialize.hpp>

#include "common/l402/challenge.hpp"
#include "service/admit/arrive.hpp"
#include "service/admit/price.hpp"
#include "service/discovery/documents.hpp"
#include "service/discovery/quote.hpp"
#include "service/front/session.hpp"

namespace millrace::front {
namespace {

constexpr std::size_t max_quote_request = 16 * 1024;
constexpr std::string_view json_type = "application/json";

http::Reply json_reply(unsigned status, const boost::json::object& json) {
    return {status, json_type, boost::json::serialize(json) + '\n', {"Cache-Control: no-store"}};
}

}  // namespace

http::Awaitable<bool> Session::send_document(bool manifest) {
    std::string node_id = worker_.shared().gateway.node_id();
    std::vector<std::size_t> here = request_->site->routes.at_host(exchange_->host);
    const discovery::Documents& documents =
        worker_.documents().get(request_->generation, request_->site->config, here, node_id);
    const discovery::Document& document = manifest ? documents.manifest : documents.openapi;
    bool known =
        discovery::matches_etag(field_value(exchange_->request.head(), http::Field::if_none_match), document.etag);
    http::Reply reply;
    reply.status = known ? 304 : 200;
    reply.fields = {"ETag: " + document.etag, "Cache-Control: public, max-age=60",
                    "Access-Control-Expose-Headers: ETag"};
    if (!known) {
        reply.content_type = json_type;
        reply.body = document.text;
    }
    co_return co_await answer(std::move(reply), Outcome::served);
}

http::Awaitable<bool> Session::send_manifest() {
    return send_document(true);
}

http::Awaitable<bool> Session::send_openapi() {
    return send_document(false);
}

// A script of another origin asks first whether it may send JSON.
http::Awaitable<bool> Session::send_preflight() {
    http::Reply reply;
    reply.status = 204;
    reply.fields = {"Allow: " + request_->own->allow};
    // A page's events are for the page itself.
    if (request_->own->of == OwnEndpoint::Of::discovery)
        reply.fields.insert(reply.fields.end(), {"Access-Control-Allow-Methods: " + request_->own->allow,
                                                 "Access-Control-Allow-Headers: Content-Type, If-None-Match",
                                                 "Access-Control-Max-Age: 600"});
    return answer(std::move(reply), Outcome::served);
}

// Empty where it is longer, malformed, not there within `timeouts.body` as a whole, or the client is gone.
http::Awaitable<std::optional<std::string>> Session::read_body(std::size_t max) {
    http::Buffer& in = exchange_->from_client;
    http::Stream::Reading client = stream_.reading();
    std::string out;
    watch_.arm(request_->site->config.timeouts.body, stream_);
    for (;;) {
        std::size_t used = 0;
        if (request_->body.take(in, exchange_->request, exchange_->request_payload, &used) !=
            http::RequestBody::Step::good)
            break;
        for (std::string_view piece : exchange_->request_payload) out.append(piece);
        in.consume(used);
        if (out.size() > max || request_->body.done() || watch_.expired()) break;
        std::size_t room = 0;
        char* data = in.prepare(Exchange::read_size, &room);
        auto [failed, count] = co_await client.read_some(data, room);
        if (failed) break;
        in.commit(count);
    }
    watch_.disarm();
    if (!request_->body.done() || out.size() > max) co_return std::nullopt;
    co_return out;
}

http::Awaitable<bool> Session::send_quote() {
    if (exchange_->request.head().expect_continue) {
        std::string_view interim = "HTTP/1.1 100 Continue\r\n\r\n";
        http::ErrorCode failed = co_await write_client(interim, {});
        if (failed) co_return false;
    }
    std::optional<std::string> body = co_await read_body(max_quote_request);
    if (!body) {
        discovery::QuoteError error{413, "malformed_request", "The request is too long, or broke off."};
        request_->keep_alive = false;
        request_->close_gently = true;
        http::Reply reply = json_reply(error.status, discovery::write_error(error));
        co_return co_await answer(std::move(reply), Outcome::rejected);
    }
    discovery::QuoteScope scope{request_->site->config, request_->site->routes, exchange_->host};
    auto read = discovery::read_quote_request(*body, scope);
    if (auto* error = std::get_if<discovery::QuoteError>(&read)) {
        http::Reply reply = json_reply(error->status, discovery::write_error(*error));
        co_return co_await answer(std::move(reply), Outcome::rejected);
    }
    discovery::Quote& quote = std::get<discovery::Quote>(read);
    request_->match = quote.match;
    exchange_->target = quote.target;  // of which the invoice speaks
    std::optional<discovery::QuoteError> unpriced = co_await price_quote(quote);
    if (unpriced) {
        http::Reply reply = json_reply(unpriced->status, discovery::write_error(*unpriced));
        if (unpriced->status == 503) reply.fields.emplace_back("Retry-After: 1");
        co_return co_await answer(std::move(reply), Outcome::rejected);
    }
    auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    boost::json::object json = discovery::write_quote(quote, service(), now + discovery::quote_lifetime);
    if (quote.mint) {
        request_->quoted_method = quote.method;  // of which the invoice speaks
        request_->counts = &request_->site->resources[request_->match.service]->shard(worker_.index());
        // The very way of a request that must pay, with all its limits.
        http::Problem demand = co_await demand_payment(paywall::Reason::no_credential);
        auto challenge = l402::parse_challenge(demand.challenges);
        if (demand.status != 402 || !challenge) {
            bool limited = demand.status == 429;
            discovery::QuoteError error{limited ? 429U : 503U, limited ? "rate_limited" : "unpriceable", demand.detail};
            http::Reply reply = json_reply(error.status, discovery::write_error(error));
            unsigned pause = std::max(1U, demand.retry_after);
            reply.fields.push_back("Retry-After: " + std::to_string(pause));
            co_return co_await answer(std::move(reply), Outcome::rejected);
        }
        json["macaroon"] = challenge->token_base64;
        json["invoice"] = challenge->bolt11;
    }
    http::Reply reply = json_reply(200, json);
    co_return co_await answer(std::move(reply), quote.mint ? Outcome::challenge : Outcome::served);
}

// What the quote's thing costs now, beyond the rules; a fault where that is nothing, or more than was to be spent.
http::Awaitable<std::optional<discovery::QuoteError>> Session::price_quote(discovery::Quote& quote) {
    request_->quote = admit::Quote::of_rules(quote.price);
    if (quote.match.access == paywall::Access::free) co_return std::nullopt;
    std::string_view path = quote.path.empty() ? quote.target.path : quote.path;
    admit::Described what{quote.method,    exchange_->host, path,   quote.target.forward,
                          quote.body_size, std::nullopt,    nullptr};
    if (!quote.units.empty()) what.units = quote.units;
    std::optional<http::Problem> problem = admit::price_offer(*request_, what, service().tier(quote.tier));
    if (!problem) problem = co_await price_in(request_->quote.offer_tier);
    if (problem) {
        discovery::QuoteError fault{problem->status == 503 ? 503U : 400U,
                                    problem->status == 503 ? "unpriceable" : "malformed_request", problem->detail};
        co_return fault;
    }
    quote.price = request_->quote.price;
    quote.mint = quote.mint && request_->quote.price > Msat(0);
    co_return discovery::over_budget(quote);
}

// Fields that tell the price of what is asked for.
std::vector<std::string> Session::price_fields() const {
    std::vector<std::string> out = tier_fields();
    if (request_->quote.priced) out.push_back("X-L402-Price-Msat: " + std::to_string(request_->quote.price.value()));
    // As Accept-Post says what may be posted (W3C LDP §7.1), in the words of the request field of the same name.
    std::string accepted = service().charges() ? "lightning/charge" : "";
    if (service().sessions) accepted.append(accepted.empty() ? "" : ", ").append("lightning/session");
    if (!accepted.empty()) out.push_back("Accept-Payment: " + accepted);
    if (request_->site->config.discovery.enabled && !service().hidden)
        out.push_back("Link: <" + std::string(forwarded().prefix) + std::string(discovery::manifest_path) +
                      ">; rel=\"service-desc\"");
    return out;
}

bool Session::answers_options() {
    return admit::answers_options(*request_);
}

// OPTIONS is answered here: what a client may send is no secret, and the server behind is for those who have paid.
http::Awaitable<bool> Session::send_options() {
    http::Reply reply;
    reply.status = 204;
    if (request_->match.access == paywall::Access::sold && !service().dry_run) {
        (void)co_await price_in(request_->quote.offer_tier);
        reply.fields = price_fields();
    }
    reply.fields.push_back("Allow: " + admit::allowed_methods(*request_));
    reply.fields.push_back("Cache-Control: no-store");
    co_return co_await answer(std::move(reply), Outcome::served);
}

}  // namespace millrace::front
