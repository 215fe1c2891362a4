// One client connection: reads requests, asks the paywall, answers or proxies, and again.
//
//   run() := handshake? (wait -> read head -> the steps of the pipeline)*               session.cpp, pipeline.cpp
//   route:  the service, the route and the price                                       session_route.cpp
//   admit:  the driver of the schemes in service/admit                                 session_admission.cpp
//   demand: the 402, its invoice, or why there is none                                 session_demand.cpp
//           what a 402 offers, the deposit of a session among it                       session_deposit.cpp
//   origin: which pages of other origins may read the answers, and pre-flights        session_origin.cpp
//   price:  what the request costs                                                     session_price.cpp
//   page:   what a person gets in place of a problem document, and the cookie with it  session_page.cpp
//   proxy:  upstream connection, the conversation over it, retry                       session_proxy.cpp
//   body:   what is left of the request's body, to the upstream                        session_body.cpp
//   response: the final response, to the client                                        session_response.cpp
//   discovery: documents, quotes, prices without an invoice                            session_discovery.cpp
//   quota:  what the request uses up of its token                                      session_quota.cpp
//   allowance: requests that are served for nothing                                    session_allowance.cpp
//   work:   proof of work where more is asked for than is made out                     session_work.cpp
//   stream: events that are sold one by one, in a session of the Payment scheme         session_stream.cpp
//   events: the news of its payment for a pay page                                     session_events.cpp
//   tunnel: what follows a 101                                                         session_tunnel.cpp
//   forward auth: questions of a front proxy in place of requests                      session_forward.cpp
//
// Lives on its worker's thread; a Session is one coroutine, and a second one beside it (a Companion) while a request's
// body is under way, in a tunnel, and while a page waits for its payment. Whichever of them reads the client's stream
// holds its Reading.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "service/admit/step.hpp"
#include "service/async/wakeup.hpp"
#include "service/discovery/quote.hpp"
#include "service/front/client_watch.hpp"
#include "service/front/forwarded.hpp"
#include "service/front/own_endpoints.hpp"
#include "service/front/pipeline.hpp"
#include "service/front/worker.hpp"
#include "service/http/companion.hpp"
#include "service/http/problem.hpp"
#include "service/http/reply.hpp"
#include "service/http/request_body.hpp"
#include "service/pages/held_cookies.hpp"
#include "service/paywall/charging.hpp"
#include "service/relay/header_rules.hpp"

namespace millrace::front {

class Session {
  public:
    // `role`: of the listener that the connection came to.
    Session(Worker& worker, Worker::Accepted accepted, std::shared_ptr<http::asio::ssl::context> tls,
            ListenerRole role);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // The whole of its life, which the coroutine owns.
    static http::Awaitable<> run(std::unique_ptr<Session> session);

    // Ends the connection if it is idle; otherwise the current response is the last one.
    void drain();
    // Ends the connection now: what it was let through by is settled as its end finds it.
    void cut_off();
    // Between requests, or before the first; since when.
    [[nodiscard]] bool idle() const { return idle_; }
    [[nodiscard]] std::chrono::steady_clock::time_point idle_since() const { return idle_since_; }
    // The life of each request: see pipeline.hpp.
    static std::span<const PipelineStep> steps();
    // Something was revoked, or a session is closed: ends the request under way if it lives on that.
    void end_if_over();

    // What own_endpoints.cpp's table names: each answers one request; false: the connection ends.
    http::Awaitable<bool> send_events();    // session_events.cpp
    http::Awaitable<bool> send_manifest();  // session_discovery.cpp
    http::Awaitable<bool> send_openapi();
    http::Awaitable<bool> send_quote();
    http::Awaitable<bool> send_preflight();

  private:
    using Clock = std::chrono::steady_clock;
    using Outcome = metrics::Outcome;

    // session.cpp
    enum class HeadState { complete, incomplete, closed, refused };
    http::Awaitable<bool> begin_tls();
    http::Awaitable<bool> serve_requests();  // that come without a pause; false: the connection ends
    void begin_waiting();
    http::Awaitable<bool> wait_for_byte();  // of a connection with TLS
    http::Awaitable<bool> serve();          // one request; false: the connection ends
    HeadState look_for_head();
    HeadState read_head_now();
    http::Awaitable<HeadState> read_head();
    http::Awaitable<bool> answer(http::Problem problem, Outcome outcome);
    http::Awaitable<bool> answer(http::Reply reply, Outcome outcome);
    using Writer = std::function<std::string(const http::AnswerFacts&)>;
    http::Awaitable<bool> send(unsigned status, const Writer& write, Outcome outcome);
    http::Awaitable<bool> discard_body();
    http::Awaitable<> linger();
    void begin_request();
    void end_request();
    void finish_request(unsigned code, Outcome outcome);
    void count_credential(metrics::AuthResult result);
    void count_allowance(metrics::FreeResult result);

    // pipeline.cpp
    http::Awaitable<bool> run_pipeline();
    http::Awaitable<bool> refuse(http::Problem problem);

    // session_route.cpp
    std::optional<http::Problem> read_request();
    std::optional<http::Problem> check_method();
    std::optional<http::Problem> read_target();
    std::optional<http::Problem> find_client();
    std::optional<http::Problem> find_own_endpoint();
    std::optional<http::Problem> find_service();
    std::optional<http::Problem> check_origin();
    std::optional<http::Problem> check_size();
    std::optional<http::Problem> find_price();
    bool serves_own_endpoint();
    http::Awaitable<bool> serve_own_endpoint();

    // session_origin.cpp
    [[nodiscard]] Forwarded forwarded() const;
    [[nodiscard]] bool came_by_https() const;
    void cross_origin_of_host();

    // session_price.cpp
    http::Awaitable<std::optional<http::Problem>> price_in(unsigned tier);
    bool may_be_gift();
    http::Awaitable<std::optional<http::Problem>> look_for_gift();
    [[nodiscard]] std::vector<std::string> tier_fields() const;

    // session_admission.cpp
    admit::Books books();
    bool is_unknown();
    [[nodiscard]] bool brings_one_token() const;
    http::Awaitable<std::optional<http::Problem>> admit();
    void count(const admit::Step& step);
    http::Awaitable<std::optional<admit::Answer>> perform(admit::Step& step);
    http::Awaitable<std::optional<http::Problem>> conclude(admit::Step& step);
    http::Awaitable<http::Problem> refuse_payment(const admit::Refuse& refused);
    std::optional<http::Problem> check_limits();
    std::optional<http::Problem> check_here();
    bool has_reply();
    http::Awaitable<bool> send_reply();
    void remember(paywall::VerifiedCredential known);
    void note_dry_run(const std::optional<paywall::Reason>& reason);

    // session_demand.cpp
    http::Awaitable<http::Problem> demand_payment(paywall::Reason reason, bool worked = false);
    http::Problem not_issued(const gateway::ChallengeDesk::Outcome& outcome, bool worked);
    // Of the connection, as the desk knows it; 0 where it brings the requests of many clients.
    gateway::ChallengeDesk::Connection own_connection();
    [[nodiscard]] http::Problem not_for_sale(paywall::Reason reason) const;
    [[nodiscard]] bool mint_for_sale(gateway::IssuedChallenge& issued);
    [[nodiscard]] std::string kind_sold() const;
    [[nodiscard]] std::string description(Msat due) const;

    // session_deposit.cpp
    struct Offered {
        bool token = false;    // of L402
        bool charge = false;   // of the Payment scheme, for the same invoice
        bool session = false;  // with an invoice of its own
    };
    struct Deposit {
        gateway::ChallengeDesk::Outcome outcome;
        std::string line;  // of WWW-Authenticate; empty where the node takes no deposits
    };
    Offered offered() const;
    std::vector<std::string> challenge_lines(const gateway::IssuedChallenge& issued, const Offered& offers);
    http::Awaitable<Deposit> ask_deposit(bool worked);
    http::Awaitable<http::Problem> demand_deposit(paywall::Reason reason, bool worked);

    const config::Service& service() const { return request_->service(); }

    // session_page.cpp
    void keep_cookie(admit::HeldTicket held);
    [[nodiscard]] std::vector<pages::HeldCookie> held_cookies() const;
    void set_page_cookie(http::Problem& problem, const pages::PayTicket& ticket, const std::string& sealed);
    [[nodiscard]] bool shows_page() const;
    // The page of the invoice that this browser was shown before, while that can be paid.
    std::optional<http::Problem> page_again(paywall::Reason reason);
    void add_page(http::Problem& problem, pages::PayTicket ticket, paywall::Reason reason);
    void add_wait_page(http::Problem& problem) const;

    // session_discovery.cpp
    http::Awaitable<bool> send_document(bool manifest);
    http::Awaitable<bool> send_options();
    http::Awaitable<std::optional<discovery::QuoteError>> price_quote(discovery::Quote& quote);
    bool answers_options();
    http::Awaitable<std::optional<std::string>> read_body(std::size_t max);
    [[nodiscard]] std::vector<std::string> price_fields() const;

    // session_proxy.cpp
    // failed, refused: problem says why; left: the client, before there was an answer
    enum class Exchanged { done, retry, failed, refused, left };
    http::Awaitable<bool> serve_upstream();
    http::Awaitable<bool> proxy();
    http::Awaitable<bool> refuse_exchange();
    http::Awaitable<Exchanged> exchange(upstream::UpstreamConnection& upstream, const upstream::Target& target,
                                        bool may_retry, bool* reusable);
    http::Awaitable<Exchanged> converse(upstream::UpstreamConnection& upstream, const upstream::Target& target,
                                        bool may_retry, bool* reusable);
    http::Awaitable<std::unique_ptr<upstream::UpstreamConnection>> connect(const upstream::Target& target);
    http::Awaitable<std::optional<http::Fault>> read_response_head(http::Stream& upstream, bool* nothing_came);
    http::Awaitable<bool> forward_interim(http::Stream& upstream);
    http::Awaitable<http::ErrorCode> write_client(std::string_view first, std::string_view second);

    // session_response.cpp
    [[nodiscard]] std::optional<http::Fault> read_first_chunks();
    http::ChunkProgress read_chunks();
    http::Awaitable<bool> forward_response(upstream::UpstreamConnection& upstream, bool* reusable);
    [[nodiscard]] std::chrono::milliseconds patience_for(const std::optional<paywall::Time>& end_of_time) const;

    // session_body.cpp
    [[nodiscard]] paywall::Sent sent() const;
    http::Awaitable<std::optional<http::Fault>> hold_body();
    [[nodiscard]] bool sent_whole() const;
    http::Awaitable<std::optional<http::Fault>> send_whole();
    http::Awaitable<> pump_request(http::Stream::Reading client, http::Stream& upstream);
    http::Awaitable<> carry_body(http::Stream::Reading& client, http::Stream& upstream);
    http::Awaitable<> stop_pump();

    // session_quota.cpp
    std::optional<http::Problem> check_recordable();
    http::Awaitable<bool> settle(paywall::Fate fate);
    http::Awaitable<> release_all();
    http::Awaitable<bool> charge_answer();
    http::Awaitable<bool> withhold_answer(const http::ResponseHead& head);
    void warn_of_cost(std::uint64_t cost) const;
    void record_taken(const paywall::Usage& taken);
    bool has_set_aside();
    http::Awaitable<std::optional<http::Problem>> commit_admitted();
    http::Awaitable<Result<void>> record_pending();
    bool record_later();
    [[nodiscard]] std::optional<std::uint64_t> cost_told(const std::vector<http::HeaderLine>& fields) const;
    http::Awaitable<> refuse_bytes(const http::ResponseHead& head);
    http::Awaitable<std::size_t> cover(std::size_t size);
    http::Awaitable<bool> cut_payload(std::vector<std::string_view>& payload);
    [[nodiscard]] std::optional<std::uint64_t> trailer_cost() const;
    http::Awaitable<> settle_trailer(std::optional<std::uint64_t> cost);
    void give_back(const paywall::Usage& unused);
    void end_use();

    // session_allowance.cpp
    http::Awaitable<bool> record_free_use();
    void drop_free_use();

    // session_work.cpp
    void add_task(http::Problem& problem);
    void give_work_back();

    // session_events.cpp
    http::Awaitable<> wait_for_settlement(const SettlementWaiters::Place& place, PaymentHash hash,
                                          Clock::time_point end);
    http::Awaitable<> notice_leaving(http::Stream::Reading client, std::shared_ptr<SettlementWaiters::Waiter> waiter);

    // session_stream.cpp
    [[nodiscard]] bool sells_events() const;
    http::Awaitable<bool> forward_events(upstream::UpstreamConnection& upstream, bool* reusable);
    enum class Lease { taken, no_money, not_recorded };
    http::Awaitable<Lease> lease_events();
    http::Awaitable<bool> pay_for_event(relay::ClientFraming framing);
    struct Waiting;
    http::Awaitable<bool> wait_for_lease(Lease lease, relay::ClientFraming framing);
    void add_event(std::string_view text, relay::ClientFraming framing);
    [[nodiscard]] std::string balance_event(std::string_view name) const;
    [[nodiscard]] std::string stream_receipt() const;
    void end_events();

    // session_forward.cpp
    std::optional<http::Problem> take_question();
    std::optional<http::Problem> check_countable();
    http::Awaitable<bool> answer_options_asked();
    http::Awaitable<bool> let_front_pass();
    http::Awaitable<bool> deny(http::Problem problem, Outcome outcome);

    // session_tunnel.cpp
    void end_tunnel();
    struct Tunnel;
    http::Awaitable<> tunnel(http::Stream& upstream);
    http::Awaitable<> pump_tunnel(Tunnel& tunnel, http::Stream::Reading reading, http::Stream& from, http::Stream& to,
                                  http::Buffer& buffer);
    http::Awaitable<bool> carry_bytes(Tunnel& tunnel, http::Stream::Reading& reading, http::Stream& from,
                                      http::Stream& to, http::Buffer& buffer);

    Worker& worker_;
    limits::Connections::Place place_;
    http::Stream stream_;
    std::string peer_;
    limits::Address peer_address_;
    std::shared_ptr<http::asio::ssl::context> tls_;
    ListenerRole role_;
    gateway::ChallengeDesk::Connection number_ = 0;  // at the desk; 0: it has asked for no invoice yet
    http::Watch watch_;
    std::unique_ptr<Exchange> exchange_;
    bool idle_ = false;
    Clock::time_point idle_since_ = Clock::now();
    async::Wakeup* waiting_ = nullptr;  // of a response that waits for news
    Tunnel* tunnel_ = nullptr;          // while there is one

    Request* request_ = nullptr;  // the current one, in exchange_
    ClientWatch leaving_;
};

}  // namespace millrace::front
