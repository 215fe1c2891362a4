#include "plugin/invoicing/issuer.hpp"

#include <boost/json/object.hpp>
#include <utility>

#include "common/codec/base64.hpp"
#include "common/codec/printable.hpp"
#include "common/json/fields.hpp"
#include "common/l402/challenge.hpp"

namespace millrace::invoicing {

namespace asio = boost::asio;
namespace bj = boost::json;
using gateway::RpcCode;
using gateway::RpcError;

namespace {

constexpr std::chrono::seconds start_patience{10};

RpcError error(RpcCode code, std::string message) {
    return {static_cast<int>(code), std::move(message)};
}

// Good for what the invoice asks for: requests that cost no more.
std::string token_for(const l402::KeyRing& keys, const PaymentHash& hash, const gateway::IssueRequest& request,
                      const host::World& world) {
    std::array<std::uint8_t, 30> random{};
    world.fill_random(random);
    const l402::Identifier identifier{hash, l402::make_token_id(keys.current, random)};
    const l402::Sale sale{.price = request.amount};
    return codec::to_base64(
        macaroon::encode_v2(l402::mint(*keys.find(keys.current), identifier, request.service, sale)));
}

}  // namespace

std::optional<RpcError> fault_of(const gateway::IssueRequest& request) {
    if (request.amount == Msat{} || request.amount.value() > Terms::max_amount_msat) {
        return error(RpcCode::bad_params,
                     "amount_msat: should be from 1 to " + std::to_string(Terms::max_amount_msat) + " millisatoshi");
    }
    if (request.description && request.description->size() > max_description) {
        return error(RpcCode::bad_params,
                     "description: should be at most " + std::to_string(max_description) + " bytes");
    }
    // A NUL would cut it off in lightningd, an escape sequence would reach the terminals of payers and operators.
    if (request.description && codec::has_control_character(*request.description)) {
        return error(RpcCode::bad_params,
                     "description: should not hold control characters, line ends and tabs included");
    }
    if (request.expiry && (*request.expiry < min_expiry || *request.expiry > max_expiry)) {
        return error(RpcCode::bad_params, "expiry: should be from " + std::to_string(min_expiry.count()) + " to " +
                                              std::to_string(max_expiry.count()) + " seconds");
    }
    return std::nullopt;
}

Issuer::Issuer(Parts parts, std::chrono::seconds default_expiry, std::uint32_t per_second)
    : parts_(std::move(parts)), default_expiry_(default_expiry), limiter_(per_second, parts_.world.tick()) {}

void Issuer::configure(std::chrono::seconds default_expiry, std::uint32_t per_second) {
    default_expiry_ = default_expiry;
    limiter_.set_rate(per_second, parts_.world.tick());
}

asio::awaitable<Issuer::Outcome> Issuer::issue(gateway::IssueRequest request) {
    if (const auto fault = fault_of(request)) co_return *fault;
    if (!co_await parts_.ready.wait(start_patience)) {
        co_return error(RpcCode::not_ready, "millrace is still starting: lightningd has not handed out its keys yet");
    }
    if (!limiter_.take(parts_.world.tick())) {
        ++counters_.rate_limited;
        co_return error(RpcCode::rate_limited, "more challenges than millrace-challenges-per-second=" +
                                                   std::to_string(limiter_.per_second()) + " allows: try again later");
    }

    auto hints = co_await parts_.node.hints_for(request.amount);
    const auto now = parts_.world.now();
    const Terms terms{request.amount,
                      now + request.expiry.value_or(default_expiry_),
                      parts_.style.min_final_cltv,
                      parts_.keys.ring().current,
                      request.service,
                      request.deposit ? Kind::deposit : Kind::sale};
    SecretNonce nonce{};
    parts_.world.fill_random(nonce);
    const auto secret = parts_.keys.invoice_keys().seal(terms, nonce);
    if (!secret) co_return error(RpcCode::bad_params, "expiry: ends beyond what an invoice can say");
    const PaymentHash hash = crypto::payment_hash(parts_.keys.invoice_keys().preimage(*secret, terms.kind));
    const auto unsigned_invoice = bolt11::encode_unsigned(make_invoice(
        parts_.style, terms, *secret, hash,
        request.description.value_or(default_description(request.service, terms.kind)), std::move(hints), now));
    if (!unsigned_invoice) co_return error(RpcCode::bad_params, unsigned_invoice.error().message);

    bj::object params{{"invstring", *unsigned_invoice}};
    const auto answer = co_await parts_.rpc->call("signinvoice", std::move(params));
    std::string bolt11;
    if (answer) {
        json::Fields in(*answer, "signinvoice");
        bolt11 = in.string("bolt11");
    }
    if (bolt11.empty()) {
        ++counters_.failed;
        co_return error(RpcCode::node_failed, answer ? "signinvoice: no bolt11 in the answer" : answer.error().message);
    }
    ++counters_.issued;
    parts_.cache.remember(hash, bolt11);

    gateway::IssuedChallenge challenge;
    challenge.payment_hash = hash;
    challenge.amount = request.amount;
    challenge.expires_at = terms.expires_at;
    challenge.deposit = request.deposit;
    challenge.warnings = parts_.node.warnings_for(request.amount);
    // A token would let the deposit buy by L402 what is refunded as unspent.
    if (!request.deposit) {
        challenge.token_base64 = token_for(parts_.keys.ring(), hash, request, parts_.world);
        challenge.www_authenticate = l402::challenge_lines(challenge.token_base64, bolt11);
    }
    challenge.bolt11 = std::move(bolt11);
    co_return challenge;
}

}  // namespace millrace::invoicing
