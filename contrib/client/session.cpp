#include "contrib/client/session.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/parse.hpp>

#include "common/codec/ascii.hpp"
#include "common/codec/auth_challenges.hpp"
#include "common/json/fields.hpp"
#include "common/l402/credential.hpp"
#include "common/l402/work.hpp"
#include "common/payment/credential.hpp"
#include "common/payment/credential_field.hpp"
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

// A challenge as -v shows it: macaroons cut short, since half a credential is in them.
std::string shown(const std::string& value) {
    std::string out = value;
    const std::vector<std::string> values{value};
    for (const codec::AuthChallenge& challenge : codec::parse_auth_challenges(values)) {
        for (const auto& [name, text] : challenge.parameters) {
            const bool macaroon = codec::iequals(name, "macaroon") || codec::iequals(name, "token");
            if (!macaroon || text.size() <= shown_of_token) continue;
            for (auto at = out.find(text); at != std::string::npos; at = out.find(text, at + shown_of_token))
                out.replace(at + shown_of_token, text.size() - shown_of_token, "...");
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

// The header field that presents a token or a charge.
std::pair<std::string, std::string> credential_of(const SendRequest& send) {
    const Token& token = *send.token;
    if (send.scheme == Scheme::l402) return {"Authorization", l402::authorization_value(token.base64, token.preimage)};
    // Written by ourselves, into the store or just now.
    const std::vector<std::string> line{token.charge};
    const payment::Challenge challenge = payment::parse_challenges(line).value().front();
    return {payment::credential_field(challenge).value(), payment::authorization_value(challenge, token.preimage)};
}

std::vector<std::string> names_of(const std::vector<std::pair<std::string, std::string>>& headers) {
    std::vector<std::string> names;
    for (const auto& [name, value] : headers) names.push_back(name);
    return names;
}

class Session {
  public:
    Session(SessionParts parts, asio::any_io_executor executor)
        : parts_(std::move(parts)),
          executor_(executor),
          payer_(executor, parts_.options.rpc),
          request_(parts_.options.method + " " + parts_.target.resource),
          purchase_(parts_.options.limits, {request_, names_of(parts_.options.headers)}) {}

    asio::awaitable<Exit> run() {
        auto known = parts_.store.find_for_request(parts_.target.origin, parts_.target.path, charge_key(request_));
        if (!known) co_return fail_with(Exit::store_failed, known.error().message);
        Action next = purchase_.begin(parts_.now(), *known);
        while (true) {
            say(describe(next));
            if (const auto* last = std::get_if<Deliver>(&next)) {
                const Deliver noted = *last;
                const Exit exit = co_await deliver();
                co_return exit == Exit::ok ? note(noted) : exit;
            }
            if (const auto* finish = std::get_if<Finish>(&next)) co_return fail_with(finish->exit, finish->message);
            auto following = co_await perform(std::move(next));
            if (!following) co_return exit_;
            next = std::move(*following);
        }
    }

  private:
    using Credential = std::optional<std::pair<std::string, std::string>>;  // a header field

    // The next action; empty where the run ends with exit_.
    asio::awaitable<std::optional<Action>> perform(Action action) {
        if (const auto* send = std::get_if<SendRequest>(&action)) co_return co_await ask(*send);
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
        const Target& target = parts_.target;
        const bool again = parts_.options.limits.again;
        if (const auto* look = std::get_if<LookUp>(&action)) {
            if (look->refused) {
                if (auto noted = parts_.store.note_refused(*look->refused); !noted) return lost(noted.error());
            }
            auto known = parts_.store.find_for_offer(
                {target.origin, target.path, look->service, look->payment_hash, look->tried, again});
            if (!known) return lost(known.error());
            return purchase_.on_known(parts_.now(), *known);
        }
        if (const auto* put = std::get_if<StorePending>(&action)) {
            auto other = parts_.store.put_pending(target.origin, target.path, put->pending, put->tried, again);
            if (!other) return lost(other.error());
            return *other ? purchase_.on_pending_conflict(**other) : purchase_.on_pending_stored();
        }
        if (const auto* put = std::get_if<StoreToken>(&action)) {
            const Token& token = put->token;
            const std::string paid = "paid " + token.amount.text() + ", fee " + put->fee.text();
            if (auto stored = parts_.store.put_token(target.origin, target.path, token, put->fee, parts_.now());
                !stored)
                return lost(stored.error(), paid + "; the next run finds the payment at the node");
            parts_.messages << "millrace-get: " << paid << std::endl;
            return purchase_.on_token_stored();
        }
        if (const auto* refusal = std::get_if<NoteRefusal>(&action)) {
            if (auto noted = parts_.store.note_refused(refusal->payment_hash); !noted) return lost(noted.error());
            return purchase_.on_settled();
        }
        if (const auto* used = std::get_if<DropToken>(&action)) {
            if (auto dropped = parts_.store.drop_token(used->payment_hash); !dropped) return lost(dropped.error());
            return purchase_.on_settled();
        }
        const auto& drop = std::get<DropPending>(action);
        if (auto dropped = parts_.store.drop_pending(drop.payment_hash); !dropped) return lost(dropped.error());
        return purchase_.on_pending_dropped();
    }

    // What a complete response says about what it was asked for with.
    Exit note(const Deliver& last) {
        Result<void> noted;
        if (last.accepted) noted = parts_.store.note_accepted(*last.accepted);
        if (last.used) noted = parts_.store.drop_token(*last.used);
        return noted ? Exit::ok : fail_with(Exit::store_failed, noted.error().message);
    }

    asio::awaitable<std::optional<Action>> ask(SendRequest send) {
        Credential credential;
        if (send.token) {
            credential = credential_of(send);
            if (sets(credential->first)) {
                exit_ = fail_with(Exit::usage,
                                  "the stored proof of payment goes in " + credential->first + ", which -H sets");
                co_return std::nullopt;
            }
        }
        auto response = co_await exchange(credential, send.scheme == Scheme::payment ? "Payment" : "L402");
        if (!response) co_return std::nullopt;
        // Where no more invoices are made out, work may get one; done once, and without a token.
        const auto work = send.token ? std::nullopt : do_work(*response);
        if (work) {
            credential.emplace("Authorization", *work);
            response = co_await exchange(credential, "L402, work");
        }
        if (!response) co_return std::nullopt;
        co_return purchase_.on_response(parts_.now(), *response);
    }

    // Whether -H sets this field.
    [[nodiscard]] bool sets(std::string_view field) const {
        const auto& headers = parts_.options.headers;
        return std::any_of(headers.begin(), headers.end(),
                           [&](const auto& header) { return codec::iequals(header.first, field); });
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
    asio::awaitable<std::optional<Response>> exchange(Credential credential, std::string_view scheme) {
        HttpRequest request{parts_.options.method, parts_.options.headers, parts_.options.body};
        if (credential) request.headers.push_back(*credential);
        HttpSettings settings{parts_.options.ca_file, parts_.options.timeout};
        say("> " + parts_.options.method + " " + parts_.target.resource +
            (credential ? "  (with " + credential->first + ": " + std::string(scheme) + ")" : ""));
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
        response.receipt = !head.values("Payment-Receipt").empty();
        if (const auto locations = head.values("Location"); head.status < 400 && !locations.empty())
            response.location = printable(locations.front());
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
        Output& output = parts_.output;
        if (auto started = output.start(); !started) co_return fail_with(Exit::output_failed, started.error().message);
        HttpExchange::Sink write = [&output](std::string_view piece) { return output.write(piece); };
        auto read = co_await exchange_->read_body(write);
        if (auto finished = output.finish(); !finished)
            co_return fail_with(Exit::output_failed, finished.error().message);
        if (!read) co_return fail_with(Exit::upstream_error, read.error().message);
        co_return Exit::ok;
    }

    std::optional<Action> lost(const Error& error, const std::string& paid = {}) {
        exit_ = fail_with(Exit::store_failed, error.message + (paid.empty() ? "" : "; " + paid));
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
