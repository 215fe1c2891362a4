// Forward auth: a front proxy asks whether a request may pass, and what becomes of the request is its own business.
//
// So what a token has used and that a charge was used are recorded when the request is let through, not when it was
// answered. Of a question at /nginx/answer nothing is recorded: it is about a request that was denied already. The same
// goes for requests to a service without an upstream that come to an ordinary listener.

#include "service/forward_auth/answer.hpp"
#include "service/front/session.hpp"
#include "service/log/log.hpp"

namespace millrace::front {

using forward_auth::Dialect;

// Puts the request that is asked about in the place of the question.
std::optional<http::Problem> Session::take_question() {
    if (role_ != ListenerRole::forward_auth) return std::nullopt;
    const config::Clients& clients = request_->site->config.clients;
    if (!forward_auth::may_ask(peer_address_, clients.trusted_proxies))
        return http::Problem{403,
                             "Only front proxies may ask here, and this address is not in clients.trusted_proxies."};
    const http::RequestHead& head = exchange_->request.head();
    request_->asked_by_head = head.verb == http::Verb::head;
    auto read = forward_auth::read_question(head);
    if (auto* fault = std::get_if<http::Fault>(&read)) {
        // The proxy's client sees no more than an error of the proxy.
        log::warn("forward auth: a question from {} is refused: {}", peer_, fault->detail);
        return http::Problem{fault->status, std::string(fault->detail)};
    }
    request_->front_question = std::get<forward_auth::Question>(read);
    // The proxy hands it on, and takes out the names themselves alone.
    if (auto name = relay::twin_of_ours(head))
        return http::Problem{400, std::string(*name) + " may be read as a field of millraced's own: leave it out."};
    const bool handed_on =
        request_->front_question->dialect == Dialect::forwarded || request_->front_question->dialect == Dialect::envoy;
    if (handed_on && forward_auth::offers_other_upgrade(head))
        return http::Problem{400, "WebSocket is the one upgrade that goes through here: leave Upgrade out."};
    forward_auth::put_in_place(*request_->front_question, exchange_->request.amend(), &request_->body_told);
    return std::nullopt;
}

std::optional<http::Problem> Session::check_countable() {
    return admit::check_countable(*request_);
}

// To front proxies that decide by the status, a 2xx of millraced's own would let the request through.
http::Awaitable<bool> Session::answer_options_asked() {
    if (request_->is_second_step()) co_return co_await send_options();
    http::Problem demanded = co_await demand_payment(paywall::Reason::no_credential);
    co_return co_await refuse(std::move(demanded));
}

http::Awaitable<bool> Session::let_front_pass() {
    request_->use.reset();
    request_->free_use.reset();
    const forward_auth::Passed passed{request_->front_question->dialect, request_->token_headers, request_->receipt,
                                      request_->free_for_all()};
    http::Reply reply = forward_auth::passed(passed, exchange_->request.head());
    co_return co_await answer(std::move(reply), Outcome::served);
}

http::Awaitable<bool> Session::deny(http::Problem problem, Outcome outcome) {
    if (request_->denies_silently()) co_return co_await answer(forward_auth::denied_to_nginx(problem), outcome);
    bool for_client = request_->front_question->dialect == Dialect::nginx_answer;
    // A pre-flight that was answered: none of the other proxies can hand that on.
    if (problem.status / 100 == 2 && !for_client) {
        problem = http::Problem{403, "The front proxy must answer pre-flights, or hand them to an ordinary listener."};
    }
    unsigned status = problem.status;
    if (!forward_auth::is_grpc(exchange_->request.head())) {
        Writer write = [&problem](const http::AnswerFacts& facts) { return write_answer(problem, facts); };
        co_return co_await send(status, write, outcome);
    }
    // To a proxy that decides by the status, 200 says that the request may pass.
    co_return co_await answer(forward_auth::grpc_denial(problem, for_client ? 200 : status), outcome);
}

}  // namespace millrace::front
