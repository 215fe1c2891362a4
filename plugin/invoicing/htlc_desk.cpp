#include "plugin/invoicing/htlc_desk.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/json/object.hpp>
#include <utility>

#include "plugin/host/signal.hpp"

namespace millrace::invoicing {

namespace asio = boost::asio;
namespace bj = boost::json;

namespace {

// Well below the guard's limit, so that there is time for a second try.
constexpr std::chrono::seconds rpc_limit{5};
constexpr int duplicate_label = 900;  // createinvoice: INVOICE_LABEL_ALREADY_EXISTS

template <class... Alternatives>
bool is_final(const std::variant<Alternatives...>& step) {
    return !std::holds_alternative<AskRows>(step) && !std::holds_alternative<Create>(step) &&
           !std::holds_alternative<Record>(step);
}

}  // namespace

void HtlcDesk::handle(host::HookTicket ticket, const bj::value& params) {
    auto facts = parse_htlc(params);
    if (!facts) {
        // Not the shape of a BOLT 11 payment, hence none of ours. The dropped ticket passes it on.
        parts_.log.debug("an HTLC is passed on: " + facts.error().message);
        return;
    }
    Entry entry{std::move(ticket), std::move(*facts)};
    if (open_) {
        begin(std::move(entry));
    } else {
        waiting_.push_back(std::move(entry));
    }
}

void HtlcDesk::open() {
    open_ = true;
    for (Entry& entry : std::exchange(waiting_, {})) {
        if (!entry.ticket.answered()) begin(std::move(entry));
    }
}

void HtlcDesk::begin(Entry entry) {
    std::optional<std::string> remembered;
    if (const std::string* bolt11 = parts_.cache.find(entry.facts.payment_hash)) remembered = *bolt11;
    const PaymentHash hash = entry.facts.payment_hash;
    const host::HookFail failure{entry.facts.amount, entry.facts.blockheight};

    Acceptor acceptor(parts_.keys.invoice_keys(), parts_.keys.epochs(), parts_.style, std::move(entry.facts),
                      std::move(remembered));
    Step step = acceptor.begin(parts_.world.now());
    if (!std::holds_alternative<PassOn>(step)) entry.ticket.claim(failure);
    if (is_final(step)) {
        finish(entry.ticket, acceptor, step);
        return;
    }
    std::deque<Case>& queue = cases_[hash];
    queue.push_back({std::move(entry.ticket), std::move(acceptor), std::move(step)});
    if (queue.size() == 1) asio::co_spawn(parts_.executor, serve(hash), asio::detached);
}

asio::awaitable<void> HtlcDesk::serve(PaymentHash hash) {
    std::deque<Case>& queue = cases_[hash];
    while (!queue.empty()) {
        try {
            co_await decide(queue.front());
        } catch (const std::exception& error) {
            parts_.log.error(std::string("while deciding on an HTLC: ") + error.what());
        }
        queue.pop_front();
    }
    cases_.erase(hash);
}

asio::awaitable<void> HtlcDesk::decide(Case& one) {
    while (!is_final(one.step)) {
        if (one.ticket.answered()) co_return;  // its time was up
        if (const auto* ask = std::get_if<AskRows>(&one.step)) {
            const std::chrono::milliseconds delay = ask->delay;
            one.step = co_await ask_rows(one.acceptor, delay);
        } else if (std::holds_alternative<Record>(one.step)) {
            one.step = co_await record(one.acceptor);
        } else {
            std::string invstring = std::move(std::get<Create>(one.step).invstring);
            one.step = co_await create(one.acceptor, std::move(invstring));
        }
    }
    finish(one.ticket, one.acceptor, one.step);
}

asio::awaitable<Step> HtlcDesk::ask_rows(Acceptor& acceptor, std::chrono::milliseconds delay) {
    if (delay.count() > 0) co_await host::pause(parts_.executor, delay);
    bj::object params{{"payment_hash", acceptor.facts().payment_hash.hex()}};
    const auto result = co_await parts_.rpc->call("listinvoices", std::move(params), rpc_limit);
    if (result) {
        if (const auto rows = parse_invoice_rows(*result))
            co_return acceptor.on_rows(*rows, parts_.accepted.knows(acceptor.facts().payment_hash), parts_.world.now());
    }
    co_return acceptor.on_no_answer();
}

asio::awaitable<Step> HtlcDesk::create(Acceptor& acceptor, std::string invstring) {
    const PaymentHash hash = acceptor.facts().payment_hash;
    bj::object params{{"invstring", std::move(invstring)},
                      {"label", acceptor.label()},
                      {"preimage", acceptor.preimage().reveal_hex()}};
    const auto reply = co_await parts_.rpc->exchange("createinvoice", std::move(params), rpc_limit);
    if (!reply) co_return acceptor.on_no_answer();
    if (!reply->refusal) {
        ++counters_.accepted;
        co_return acceptor.on_created();
    }
    if (reply->refusal->code == duplicate_label) {
        const auto row = parse_invoice_row(reply->refusal->data);
        co_return row ? acceptor.on_duplicate(*row) : acceptor.on_no_answer();
    }
    parts_.log.warn("createinvoice for " + hash.hex() + " failed: " + reply->refusal->message);
    co_return acceptor.on_create_refused();
}

asio::awaitable<Step> HtlcDesk::record(Acceptor& acceptor) {
    const auto done = co_await parts_.accepted.record(acceptor.facts().payment_hash, acceptor.terms()->expires_at);
    co_return done ? acceptor.on_recorded() : acceptor.on_no_answer();
}

void HtlcDesk::finish(host::HookTicket& ticket, const Acceptor& acceptor, const Step& step) {
    const HtlcFacts& facts = acceptor.facts();
    if (std::holds_alternative<PassOn>(step)) {
        ticket.answer(host::HookContinue{});
    } else if (const auto* accept = std::get_if<Accept>(&step)) {
        ticket.answer(host::HookContinue{accept->payload});
        parts_.log.debug("HTLC of " + facts.amount.text() + " for " + facts.payment_hash.hex() + " accepted");
    } else if (const auto* refuse = std::get_if<Refuse>(&step)) {
        ++counters_.refused[static_cast<std::size_t>(refuse->why)];
        ticket.answer(host::HookFail{facts.amount, facts.blockheight});
        parts_.log.info("HTLC of " + facts.amount.text() + " for " + facts.payment_hash.hex() +
                        " refused: " + std::string(name(refuse->why)));
    }
}

}  // namespace millrace::invoicing
