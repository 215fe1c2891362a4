#include "plugin/refunds/refunder.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/json/array.hpp>
#include <utility>

#include "common/codec/hex.hpp"
#include "common/json/fields.hpp"
#include "plugin/host/utf8.hpp"

namespace millrace::refunds {

namespace asio = boost::asio;
namespace bj = boost::json;
using gateway::RefundRefusal;
using gateway::RpcCode;
using gateway::RpcError;

namespace {

constexpr std::chrono::seconds start_patience{10};
constexpr std::chrono::seconds retry_for{60};  // xpay's deadline: its own default
// xpay looks at its deadline after each answer of the route finder, which takes seconds at worst.
constexpr std::chrono::seconds deadline_grace{60};
constexpr std::chrono::milliseconds report_step{20};
constexpr std::size_t max_waiting =
    8;  // of a session's 32 requests under way: the others must not stand still for refunds
constexpr std::size_t max_running = 20;  // an HTLC slot in a channel each, or more
constexpr std::size_t max_reason = 300;  // bytes of what xpay says

RpcError error(RpcCode code, std::string message) {
    return {static_cast<int>(code), std::move(message)};
}

RpcError refuse(const Objection& objection) {
    return gateway::refuse_refund(objection.why, objection.detail);
}

RpcError node_failed(const Error& fault) {
    return error(RpcCode::node_failed, fault.message);
}

bj::array datastore_key(std::uint64_t index) {
    return {"millrace", "refunds", bj::string(datastore_index(index))};
}

std::string short_text(std::string_view text) {
    std::string out = host::to_utf8(text.substr(0, max_reason));
    std::replace(out.begin(), out.end(), '\n', ' ');
    return out;
}

std::string describe(const Refund& refund) {
    std::string out = "refund " + std::to_string(refund.index) + " of " + refund.amount.text() + " for the deposit " +
                      refund.deposits.front().hex();
    if (refund.deposits.size() > 1) out += " and " + std::to_string(refund.deposits.size() - 1) + " more";
    return out;
}

}  // namespace

Refunder::Refunder(Parts parts, Limits limits, bool node_started, Pace pace)
    : parts_(std::move(parts)),
      limits_(limits),
      node_started_(node_started),
      pace_(pace),
      loaded_(parts_.executor),
      claims_changed_(parts_.executor) {}

// ---- what is stored

asio::awaitable<Result<void>> Refunder::load() {
    bj::object params{{"key", bj::array{"millrace", "refunds"}}};
    const auto result = co_await parts_.rpc->call("listdatastore", std::move(params));
    if (!result) co_return result.error();
    json::Fields in(*result, "listdatastore");
    std::vector<Refund> stored;
    for (const bj::value& entry : in.array("datastore")) {
        json::Fields fields(entry, "listdatastore: entry");
        const std::vector<std::string> key = fields.strings("key");
        const auto text = codec::from_hex(fields.optional_string("hex").value_or(""));
        const std::uint64_t generation = fields.optional_u64("generation").value_or(0);
        if (fields.fault()) co_return *fields.fault();
        if (key.size() != 3 || !text) continue;
        auto refund = parse_datastore_text(key.back(), as_text(*text));
        if (!refund) co_return refund.error();
        refund->generation = generation;
        stored.push_back(std::move(*refund));
    }
    if (in.fault()) co_return *in.fault();
    for (Refund& refund : stored) {
        // What is in memory is ahead of the datastore while it is being written there.
        const Refund* own = ledger_.find(refund.index);
        if (own == nullptr || !own->generation || *own->generation < *refund.generation) ledger_.put(std::move(refund));
    }
    const bool node_started = std::exchange(node_started_, false);
    const auto now = parts_.world.now();
    for (const auto& [index, refund] : ledger_.all()) {
        if (refund.state != RefundState::pending || !refund.generation || watched_.contains(index)) continue;
        parts_.log.info(describe(refund) + " is taken up: it was pending when millrace ended");
        // A clock that was set back makes it wait, not for longer than a deadline takes.
        const auto left = std::clamp<std::chrono::seconds>(refund.started_at + retry_for + deadline_grace - now,
                                                           std::chrono::seconds(0), retry_for + deadline_grace);
        watched_.insert(index);
        asio::co_spawn(parts_.executor,
                       watch(index, node_started, left, std::nullopt, "it was interrupted before it was sent"),
                       asio::detached);
    }
    loaded_.set();
    co_return Result<void>();
}

asio::awaitable<bool> Refunder::until_loaded() {
    const bool loaded = co_await loaded_.wait(start_patience);
    co_return loaded;
}

asio::awaitable<void> Refunder::load_again() {
    std::chrono::milliseconds wait = pace_.first_look;
    while (true) {
        const auto loaded = co_await load();
        if (loaded) co_return;
        co_await host::pause(parts_.executor, wait);
        wait = std::min(2 * wait, pace_.longest_look);
    }
}

asio::awaitable<Result<void>> Refunder::store(Refund refund) {
    bj::object params{{"key", datastore_key(refund.index)}, {"string", datastore_text(refund)}};
    if (refund.generation) {
        params["mode"] = "must-replace";
        params["generation"] = *refund.generation;
    } else {
        params["mode"] = "must-create";
    }
    const auto result = co_await parts_.rpc->call("datastore", std::move(params));
    if (!result) co_return result.error();
    json::Fields in(*result, "datastore");
    refund.generation = in.u64("generation");
    if (in.fault()) co_return *in.fault();
    ledger_.put(std::move(refund));
    co_return Result<void>();
}

asio::awaitable<Result<Payment>> Refunder::payment(PaymentHash hash) {
    bj::object params{{"payment_hash", hash.hex()}};
    const auto result = co_await parts_.rpc->call("listsendpays", std::move(params));
    if (!result) co_return result.error();
    co_return read_payment(*result);
}

// ---- a request

bool Refunder::claimed(const std::vector<PaymentHash>& hashes) const {
    return std::any_of(hashes.begin(), hashes.end(),
                       [this](const PaymentHash& hash) { return claims_.contains(hash); });
}

asio::awaitable<Refunder::Outcome> Refunder::refund(gateway::RefundRequest request) {
    if (!co_await parts_.ready.wait(start_patience) || !co_await until_loaded()) {
        co_return error(RpcCode::not_ready,
                        "millrace is still starting: lightningd has not handed out what it stored of refunds yet");
    }
    const auto read = read_payout(request);
    if (const auto* objection = std::get_if<Objection>(&read)) co_return refuse(*objection);
    const Payout& payout = std::get<Payout>(read);
    const PaymentHash payment = payout.invoice.payment_hash;
    std::sort(request.deposits.begin(), request.deposits.end());

    std::vector<PaymentHash> claim = request.deposits;
    claim.push_back(payment);
    while (claimed(claim)) co_await claims_changed_.wait();
    if (const Refund* known = ledger_.holding(request.deposits)) {
        const bool same =
            known->deposits == request.deposits && known->asked == request.amount && known->payment() == payment;
        const std::uint64_t index = known->index;
        if (same) co_return co_await report(index);
        co_return refuse({RefundRefusal::already_refunded, "refund " + std::to_string(index) +
                                                               " has a deposit of these, with " + known->asked.text() +
                                                               " for " + known->payment().hex()});
    }
    if (std::find(request.deposits.begin(), request.deposits.end(), payment) != request.deposits.end()) {
        co_return refuse({RefundRefusal::bad_invoice, "it is one of the deposits"});
    }
    claims_.insert(claim.begin(), claim.end());
    Begun begun = error(RpcCode::node_failed, "internal error");
    try {
        begun = co_await begin(request.deposits, request.amount, payout);
    } catch (const std::exception& fault) {
        parts_.log.error(std::string("while a refund was begun: ") + fault.what());
    }
    for (const PaymentHash& hash : claim) claims_.erase(hash);
    claims_changed_.notify();
    if (const auto* refused = std::get_if<RpcError>(&begun)) {
        parts_.log.debug("refund of " + request.amount.text() + " for the deposit " + request.deposits.front().hex() +
                         " refused: " + short_text(refused->message));
        co_return *refused;
    }
    co_return co_await report(std::get<std::uint64_t>(begun));
}

asio::awaitable<Refunder::Begun> Refunder::begin(std::vector<PaymentHash> deposits, Msat asked, const Payout& payout) {
    const PaymentHash payment = payout.invoice.payment_hash;
    if (limits_.daily == Msat{})
        co_return refuse({RefundRefusal::off, "the operator has not set millrace-refund-daily-msat"});
    if (const auto objection = fault_of(payout, parts_.style.currency, parts_.node.identity().id, parts_.world.now()))
        co_return refuse(*objection);
    if (auto refused = co_await check_deposits(deposits, asked)) co_return *refused;
    if (auto refused = co_await check_earlier(deposits, payment)) co_return *refused;

    // From here to the ledger's put() nothing else runs.
    if (running_ >= max_running)
        co_return error(RpcCode::rate_limited, std::to_string(running_) + " refunds are under way: try again later");
    const auto now = parts_.world.now();
    Refund refund;
    refund.index = ledger_.next_index();
    for (const Refund* failed : ledger_.failed(deposits)) {
        if (failed->deposits == deposits) refund = *failed;
    }
    refund.deposits = std::move(deposits);
    refund.asked = asked;
    refund.amount = payout.amount;
    refund.max_fee = fee_limit(limits_, payout.amount);
    std::erase(refund.payments, payment);
    refund.payments.push_back(payment);
    refund.state = RefundState::pending;
    refund.fee = Msat{};
    refund.reason.clear();
    refund.started_at = refund.changed_at = now;
    const Msat used = ledger_.used(now);
    const auto after = used.plus(set_aside(refund));
    if (!after || *after > limits_.daily) {
        co_return refuse(
            {RefundRefusal::daily_limit, set_aside(refund).text() +
                                             " (with fees) is more than is left of millrace-refund-daily-msat=" +
                                             std::to_string(limits_.daily.value()) + ", of which " + used.text() +
                                             " was used in the last 24 hours"});
    }
    const std::uint64_t index = refund.index;
    const Refund* before = ledger_.find(index);
    const std::optional<Refund> former = before == nullptr ? std::nullopt : std::optional(*before);
    ledger_.put(refund);
    ++running_;
    const auto stored = co_await store(refund);
    if (!stored) {
        --running_;
        asio::co_spawn(parts_.executor, abandon(std::move(refund), former), asio::detached);
        co_return node_failed(stored.error());
    }
    parts_.log.info(describe(refund) + " begins: payment " + payment.hex() + ", fees up to " + refund.max_fee.text());
    watched_.insert(index);
    asio::co_spawn(parts_.executor, pay(index, payout.text, !payout.invoice.amount), asio::detached);
    co_return index;
}

asio::awaitable<std::optional<RpcError>> Refunder::check_deposits(const std::vector<PaymentHash>& deposits,
                                                                  Msat asked) {
    Msat received;
    for (const PaymentHash& hash : deposits) {
        bj::object params{{"payment_hash", hash.hex()}};
        const auto listed = co_await parts_.rpc->call("listinvoices", std::move(params));
        if (!listed) co_return node_failed(listed.error());
        const auto deposit = read_deposit(*listed, hash, parts_.keys.invoice_keys());
        if (!deposit) co_return node_failed(deposit.error());
        if (const auto* objection = std::get_if<Objection>(&*deposit)) co_return refuse(*objection);
        received = received.plus(std::get<Msat>(*deposit)).value_or(Msat(UINT64_MAX));
    }
    if (asked > received) {
        co_return refuse({RefundRefusal::too_much,
                          asked.text() + " is more than the " + received.text() + " that the deposits received"});
    }
    co_return std::nullopt;
}

asio::awaitable<std::optional<RpcError>> Refunder::check_earlier(const std::vector<PaymentHash>& deposits,
                                                                 const PaymentHash& payment_hash) {
    std::vector<std::pair<std::uint64_t, PaymentHash>> earlier;
    std::set<PaymentHash> tried;
    for (const Refund* failed : ledger_.failed(deposits)) {
        for (const PaymentHash& hash : failed->payments) {
            earlier.emplace_back(failed->index, hash);
            tried.insert(hash);
        }
    }
    const bool again = tried.contains(payment_hash);
    if (!again && tried.size() >= max_tries) {
        co_return refuse({RefundRefusal::bad_invoice,
                          std::to_string(tried.size()) + " others were tried in vain: one of them, or by hand"});
    }
    // A try that was given up may have arrived after all: somebody paid it by hand, or a part was found late.
    for (const auto& [index, hash] : earlier) {
        const auto found = co_await payment(hash);
        if (!found) co_return node_failed(found.error());
        if (!found->under_way && !found->arrived) continue;
        Refund revived = *ledger_.find(index);
        std::erase(revived.payments, hash);
        revived.payments.push_back(hash);
        revived.state = RefundState::pending;
        ledger_.put(revived);
        watched_.insert(index);
        asio::co_spawn(parts_.executor, watch(index, true, std::chrono::milliseconds(0), std::nullopt, revived.reason),
                       asio::detached);
        co_return refuse({RefundRefusal::already_refunded,
                          "refund " + std::to_string(index) + " of these deposits was paid late: ask for that"});
    }
    if (again) co_return std::nullopt;
    if (const Refund* other = ledger_.paying(payment_hash)) {
        co_return refuse({RefundRefusal::bad_invoice, "it belongs to refund " + std::to_string(other->index)});
    }
    const auto found = co_await payment(payment_hash);
    if (!found) co_return node_failed(found.error());
    if (found->under_way || found->arrived)
        co_return refuse({RefundRefusal::bad_invoice, "this node pays it already, or has paid it"});
    co_return std::nullopt;
}

asio::awaitable<Refunder::Outcome> Refunder::report(std::uint64_t index) {
    const auto pending = [&] {
        const Refund* refund = ledger_.find(index);
        return refund != nullptr && refund->state == RefundState::pending;
    };
    if (waiting_ < max_waiting) {
        ++waiting_;
        for (std::chrono::milliseconds waited{0}; pending() && waited < pace_.patience; waited += report_step) {
            co_await host::pause(parts_.executor, report_step);
        }
        --waiting_;
    }
    const Refund* refund = ledger_.find(index);
    if (refund == nullptr)
        co_return error(RpcCode::node_failed, "refund " + std::to_string(index) + " is gone from the node's datastore");
    co_return reply_of(*refund);
}

// ---- a payment

asio::awaitable<void> Refunder::pay(std::uint64_t index, std::string invoice, bool state_amount) {
    const Refund* refund = ledger_.find(index);
    bj::object params{
        {"invstring", std::move(invoice)}, {"maxfee", refund->max_fee.value()}, {"retry_for", retry_for.count()}};
    if (state_amount) params["amount_msat"] = refund->amount.value();
    const auto reply = co_await parts_.paying->exchange("xpay", std::move(params), std::chrono::milliseconds(0));
    std::optional<Msat> sent;
    std::string reason;
    bool over = true;
    if (!reply) {
        reason = "xpay: " + reply.error().message;
        over = is(reply.error(), lightning::Errc::unreachable);  // lightningd never saw it
    } else if (reply->refusal) {
        reason = reply->refusal->message;
    } else {
        json::Fields in(reply->result, "xpay");
        sent = in.optional_msat("amount_sent_msat");
        // An answer without an error means that it was paid, whatever it looks like.
        if (!sent) sent = ledger_.find(index)->amount;
    }
    co_await watch(index, over, retry_for + deadline_grace, sent, std::move(reason));
    --running_;
}

asio::awaitable<void> Refunder::watch(std::uint64_t index, bool over, std::chrono::milliseconds until_over,
                                      std::optional<Msat> sent, std::string reason) {
    const auto deadline = parts_.world.tick() + until_over;
    std::chrono::milliseconds wait = pace_.first_look;
    bool looked_twice = false;
    while (true) {
        const Refund* refund = ledger_.find(index);
        if (refund == nullptr || refund->state != RefundState::pending) break;
        const PaymentHash hash = refund->payment();
        const Msat amount = refund->amount;
        const bool xpay_over = over || parts_.world.tick() >= deadline;
        const auto found = co_await payment(hash);
        if (found) {
            const Verdict verdict = judge(*found, amount, xpay_over, sent);
            // xpay that gives up a payment of several parts may have one more of them on its way to lightningd.
            const bool unsure = std::holds_alternative<NotPaid>(verdict) && !looked_twice;
            if (!std::holds_alternative<StillPending>(verdict) && !unsure) {
                co_await settle(index, verdict, std::move(reason));
                break;
            }
            if (unsure) {
                looked_twice = true;
                co_await host::pause(parts_.executor, pace_.second_look);
                continue;
            }
        }
        looked_twice = false;
        co_await host::pause(parts_.executor, wait);
        wait = std::min(2 * wait, pace_.longest_look);
    }
    watched_.erase(index);
}

// It stays pending, and keeps others from its deposits, until the end of it is stored.
asio::awaitable<void> Refunder::settle(std::uint64_t index, Verdict verdict, std::string reason) {
    std::chrono::milliseconds wait = pace_.first_look;
    while (true) {
        const Refund* pending = ledger_.find(index);
        if (pending == nullptr || pending->state != RefundState::pending) co_return;
        Refund refund = *pending;
        refund.changed_at = parts_.world.now();
        std::string news = describe(refund);
        if (const auto* paid = std::get_if<Paid>(&verdict)) {
            refund.state = RefundState::complete;
            refund.fee = paid->fee;
            news += " is complete: payment " + refund.payment().hex() + ", fee " + refund.fee.text();
        } else {
            refund.state = RefundState::failed;
            refund.reason = short_text(reason);
            news += " failed: " + refund.reason;
        }
        const auto stored = co_await store(std::move(refund));
        if (stored) {
            parts_.log.info(news);
            co_return;
        }
        parts_.log.debug("refund " + std::to_string(index) + " cannot be stored for now: " + stored.error().message);
        // It may be stored nevertheless, or somebody has changed it by hand.
        co_await host::pause(parts_.executor, wait);
        co_await load_again();
        wait = std::min(2 * wait, pace_.longest_look);
    }
}

// Storing `ours` was refused, or got no answer: nothing was sent, and nothing will be. `former`: what its index held
// before.
asio::awaitable<void> Refunder::abandon(Refund ours, std::optional<Refund> former) {
    watched_.insert(ours.index);
    co_await load_again();
    const Refund* now = ledger_.find(ours.index);
    if (now != nullptr && now->generation == ours.generation) {
        if (former) {
            ledger_.put(*former);
        } else {
            ledger_.remove(ours.index);
        }
    } else if (now != nullptr && now->deposits == ours.deposits && now->payment() == ours.payment() &&
               now->started_at == ours.started_at) {
        co_await settle(ours.index, NotPaid{}, "it was interrupted before it was sent");
    }
    watched_.erase(ours.index);
    // Should it be somebody else's, it is watched as such.
    co_await load_again();
}

}  // namespace millrace::refunds
