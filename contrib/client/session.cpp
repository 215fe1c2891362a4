#include "contrib/client/session.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/parse.hpp>
#include <fstream>

#include "common/json/fields.hpp"
#include "common/l402/credential.hpp"
#include "common/l402/work.hpp"
#include "common/payment/credential.hpp"
#include "contrib/client/payer.hpp"

namespace millrace::client {

namespace asio = boost::asio;

namespace {

constexpr std::size_t max_error_body = 16 * 1024;  // bytes of an error's body that are read and shown
constexpr std::size_t shown_of_token = 16;         // characters of a macaroon that -v shows

// Why a request was refused, from a problem+json body: `reason`, else `detail`, else `title`.
std::string reason_of(const std::string& body) {
    boost::system::error_code failed;
    const boost::json::value value = boost::json::parse(body, failed);
    if (failed || !value.is_object()) return {};
    for (const char* name : {"reason", "detail", "title"}) {
        const boost::json::value* member = value.as_object().if_contains(name);
        if (member != nullptr && member->is_string()) return std::string(member->as_string());
    }
    return {};
}

// A response header as -v shows it: macaroons cut short, since half a credential is in them.
std::string shown(const std::string& value) {
    std::string out = value;
    for (const std::string_view name : {"macaroon=\"", "token=\""}) {
        const auto start = out.find(name);
        if (start == std::string::npos) continue;
        const auto first = start + name.size();
        const auto last = out.find('"', first);
        if (last != std::string::npos && last - first > shown_of_token) {
            out.replace(first + shown_of_token, last - first - shown_of_token, "...");
        }
    }
    return out;
}

// Server text on a terminal: without control characters.
std::string printable(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
    return text;
}

std::string credential_of(const Token& token) {
    if (token.charge.empty()) return l402::authorization_value(token.base64, token.preimage);
    // Written by ourselves, into the store or just now.
    const std::vector<std::string> line{token.charge};
    return payment::authorization_value(payment::parse_challenges(line).value().front(), token.preimage);
}

class Session {
  public:
    Session(SessionParts parts, asio::any_io_executor executor)
        : parts_(std::move(parts)),
          executor_(executor),
          payer_(executor, parts_.options.rpc),
          request_(parts_.options.method + " " + parts_.target.resource),
          purchase_(parts_.options.limits, request_) {}

    asio::awaitable<Exit> run() {
        auto known = parts_.store.find_by_path(parts_.target.origin, parts_.target.path);
        if (!known) co_return fail_with(Exit::store_failed, known.error().message);
        if (!known->pending) {
            // A charge for this very request may be under way.
            auto charge = parts_.store.find_by_service(parts_.target.origin, charge_key(request_));
            if (!charge) co_return fail_with(Exit::store_failed, charge.error().message);
            known->pending = std::move(charge->pending);
        }
        Action next = purchase_.begin(parts_.now(), *known);
        while (true) {
            say(describe(next));
            if (const auto* deliver_now = std::get_if<Deliver>(&next)) {
                const std::optional<PaymentHash> used = deliver_now->used;
                const Exit exit = co_await deliver();
                if (exit != Exit::ok || !used) co_return exit;
                auto dropped = parts_.store.drop_pending(*used);
                co_return dropped ? exit : fail_with(Exit::store_failed, dropped.error().message);
            }
            if (const auto* finish = std::get_if<Finish>(&next)) co_return fail_with(finish->exit, finish->message);
            auto following = co_await perform(std::move(next));
            if (!following) co_return exit_;
            next = std::move(*following);
        }
    }

  private:
    // The next action; empty where the run ends with exit_.
    asio::awaitable<std::optional<Action>> perform(Action action) {
        if (const auto* send = std::get_if<SendRequest>(&action)) co_return co_await ask(send->token);
        if (const auto* pay = std::get_if<Pay>(&action)) {
            PayOutcome outcome = co_await payer_.pay(pay->pending, pay->max_fee, pay->retry_for);
            if (const auto* unknown = std::get_if<PayUnknown>(&outcome)) say(unknown->message);
            co_return purchase_.on_pay_outcome(outcome);
        }
        if (const auto* question = std::get_if<AskPayments>(&action)) {
            auto payments = co_await payer_.payments(question->payment_hash);
            if (!payments) co_return purchase_.on_node_failed(payments.error().message);
            co_return purchase_.on_payments(parts_.now(), *payments);
        }
        if (std::holds_alternative<AskNetwork>(action)) {
            auto currency = co_await payer_.currency();
            if (!currency) co_return purchase_.on_node_failed(currency.error().message);
            co_return purchase_.on_network(parts_.now(), *currency);
        }
        if (const auto* wait = std::get_if<Wait>(&action)) {
            asio::steady_timer timer(executor_, wait->time);
            co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
            co_return purchase_.on_waited();
        }
        co_return store(action);
    }

    std::optional<Action> store(const Action& action) {
        if (const auto* look = std::get_if<LookUp>(&action)) {
            if (look->forget) {
                if (auto dropped = parts_.store.drop_token(*look->forget); !dropped) return lost(dropped.error());
            }
            auto known = parts_.store.find_by_service(parts_.target.origin, look->service);
            if (!known) return lost(known.error());
            return purchase_.on_known(parts_.now(), *known);
        }
        if (const auto* put = std::get_if<StorePending>(&action)) {
            auto other = parts_.store.put_pending(parts_.target.origin, parts_.target.path, put->pending);
            if (!other) return lost(other.error());
            return *other ? purchase_.on_pending_conflict(**other) : purchase_.on_pending_stored();
        }
        if (const auto* put = std::get_if<StoreToken>(&action)) {
            if (put->token.charge.empty()) {
                auto stored = parts_.store.put_token(parts_.target.origin, parts_.target.path, put->token, put->amount,
                                                     put->fee, parts_.now());
                if (!stored) return lost(stored.error());
            }
            parts_.messages << "millrace-get: paid " << put->amount.text() << ", fee " << put->fee.text() << std::endl;
            return purchase_.on_token_stored();
        }
        const auto& drop = std::get<DropPending>(action);
        if (auto dropped = parts_.store.drop_pending(drop.payment_hash); !dropped) return lost(dropped.error());
        return purchase_.on_pending_dropped();
    }

    asio::awaitable<std::optional<Action>> ask(std::optional<Token> token) {
        std::optional<std::string> credential;
        if (token) credential = credential_of(*token);
        const bool charge = token && !token->charge.empty();
        auto response = co_await exchange(credential, charge ? "Payment" : "L402");
        if (!response) co_return std::nullopt;
        // Where no more invoices are made out, work may get one; done once, and without a token.
        const auto work = token ? std::nullopt : do_work(*response);
        if (work) response = co_await exchange(work, "L402, work");
        if (!response) co_return std::nullopt;
        co_return purchase_.on_response(parts_.now(), *response);
    }

    // The credential of the work that a 429 asks for; empty where there is none, or more than allowed.
    std::optional<std::string> do_work(const Response& response) {
        if (response.status != 429) return std::nullopt;
        const auto task = l402::parse_work(response.www_authenticate);
        if (!task) return std::nullopt;
        const unsigned most = parts_.options.max_pow_bits;
        if (task->bits > most) {
            parts_.messages << "millrace-get: the server asks for " << task->bits << " bits of work, --max-pow-bits is "
                            << most << std::endl;
            return std::nullopt;
        }
        say("working: " + std::to_string(task->bits) + " bits");
        // Sixteen times what it takes on average: one task in ten million is not solved.
        const auto nonce = l402::solve_work(task->token_id, task->bits, std::uint64_t{16} << task->bits);
        if (!nonce) return std::nullopt;
        macaroon::Macaroon solved = task->macaroon;
        solved.add_first_party_caveat(l402::work_caveat({task->bits, *nonce}));
        return l402::work_authorization(solved);
    }

    // One request and the head of its answer; empty where the run ends with exit_.
    asio::awaitable<std::optional<Response>> exchange(std::optional<std::string> credential, std::string_view scheme) {
        HttpRequest request{parts_.options.method, parts_.options.headers, parts_.options.body};
        if (credential) request.headers.emplace_back("Authorization", *credential);
        HttpSettings settings{parts_.options.ca_file, parts_.options.timeout};
        say("> " + parts_.options.method + " " + parts_.target.resource +
            (credential ? "  (with Authorization: " + std::string(scheme) + ")" : ""));
        auto opened = co_await HttpExchange::open(executor_, parts_.target, std::move(request), std::move(settings));
        if (!opened) {
            exit_ = fail_with(is(opened.error(), HttpErrc::broken) ? Exit::upstream_error : Exit::unreachable,
                              opened.error().message);
            co_return std::nullopt;
        }
        exchange_ = std::move(*opened);
        const HttpHead& head = exchange_->head();
        say("< " + std::to_string(head.status) + " " + printable(head.reason));
        for (const auto& [name, value] : head.headers) say("< " + name + ": " + printable(shown(value)));

        Response response;
        response.status = head.status;
        response.www_authenticate = head.values("WWW-Authenticate");
        if (head.status >= 300) {
            std::string body;
            HttpExchange::Sink keep = [&body](std::string_view piece) {
                body.append(piece.substr(0, max_error_body - std::min(max_error_body, body.size())));
                return body.size() < max_error_body;
            };
            auto read = co_await exchange_->read_body(keep);
            if (!read) say(read.error().message);
            response.reason = printable(reason_of(body));
        }
        co_return response;
    }

    asio::awaitable<Exit> deliver() {
        std::ofstream file;
        if (!parts_.options.output.empty()) {
            file.open(parts_.options.output, std::ios::binary | std::ios::trunc);
            if (!file) co_return fail_with(Exit::internal, "cannot write " + parts_.options.output);
        }
        std::ostream& out = parts_.options.output.empty() ? parts_.body : file;
        HttpExchange::Sink write = [&out](std::string_view piece) {
            out.write(piece.data(), static_cast<std::streamsize>(piece.size()));
            return out.good();
        };
        auto read = co_await exchange_->read_body(write);
        out.flush();
        if (!out) co_return fail_with(Exit::internal, "cannot write the response");
        if (!read) co_return fail_with(Exit::upstream_error, read.error().message);
        co_return Exit::ok;
    }

    std::optional<Action> lost(const Error& error) {
        exit_ = fail_with(Exit::store_failed, error.message);
        return std::nullopt;
    }

    Exit fail_with(Exit exit, const std::string& message) {
        parts_.messages << "millrace-get: " << message << std::endl;
        return exit;
    }

    void say(const std::string& line) {
        if (parts_.options.verbose)
            parts_.messages << (line.starts_with('<') || line.starts_with('>') ? "" : "* ") << line << std::endl;
    }

    SessionParts parts_;
    asio::any_io_executor executor_;
    Payer payer_;
    std::string request_;  // method and target
    Purchase purchase_;
    std::unique_ptr<HttpExchange> exchange_;
    Exit exit_ = Exit::internal;
};

}  // namespace

asio::awaitable<Exit> run(SessionParts parts) {
    Session session(std::move(parts), co_await asio::this_coro::executor);
    co_return co_await session.run();
}

}  // namespace millrace::client
