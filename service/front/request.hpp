// All that is known of one request while it is under way, from its head to the end of its answer: a fresh object for
// each, in the memory of its Exchange.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"
#include "service/forward_auth/question.hpp"
#include "service/front/own_endpoints.hpp"
#include "service/http/companion.hpp"
#include "service/http/message.hpp"
#include "service/http/problem.hpp"
#include "service/http/reply.hpp"
#include "service/http/request_body.hpp"
#include "service/http/watchdog.hpp"
#include "service/limits/network.hpp"
#include "service/metrics/resource_metrics.hpp"
#include "service/paywall/admission.hpp"
#include "service/paywall/charging.hpp"
#include "service/paywall/free_ledger.hpp"
#include "service/paywall/ledger.hpp"
#include "service/paywall/route.hpp"
#include "service/paywall/session_book.hpp"
#include "service/paywall/steady_wall.hpp"
#include "service/pricing/price_source.hpp"
#include "service/site/site.hpp"

namespace millrace::front {

// What is priced, and for how much.
struct Quote {
    Msat price;               // in the tier that is being asked about
    Msat local_price;         // the same by the service's own rules
    bool priced = false;      // `price` is what is asked for; otherwise the pricer has not answered yet
    unsigned tier = 0;        // that is being asked about
    unsigned offer_tier = 0;  // that is for sale
    std::optional<std::uint64_t> body_size;
    std::optional<std::string> units;
    std::optional<pricing::Question> question;  // where more than rules prices it
    std::string thing;                          // of the question
};

// What was told, recorded and sent of what a request uses up.
struct Metered {
    std::uint64_t covered = 0;      // bytes of the response's body that are recorded and not sent yet
    std::uint64_t body_sent = 0;    // that were, of what is covered
    std::uint64_t charged = 0;      // msat, recorded for this request
    bool cost_told = false;         // by the upstream
    std::uint64_t events_paid = 0;  // recorded and not sent yet
    std::uint64_t events_sent = 0;
};

// The rest of a request's body on its way to the upstream.
struct Pump {
    Pump(http::Executor executor, http::Watchdog& dog) : companion(executor), watch(dog) {}
    http::Companion companion;
    http::Watch watch;
    bool stop = false;
    bool sent = false;                 // all of it
    std::optional<http::Fault> fault;  // of the client's side
};

struct Request {
    std::shared_ptr<const site::Site> site;
    std::uint64_t generation = 0;  // of the worker's state, for what is found out in it
    std::chrono::steady_clock::time_point began;
    metrics::ResourceShard* counts = nullptr;

    // Who asks for what.
    limits::Address client;  // behind proxies that are trusted
    std::string client_text;
    std::size_t scanned = 0;
    std::size_t head_size = 0;
    http::Fault fault{400, ""};
    http::RequestBody body;
    bool keep_alive = false;
    bool close_gently = false;  // bytes that nobody will read may be under way
    std::optional<OwnMatch> own;                           // not a service's at all
    std::optional<forward_auth::Question> front_question;  // that the request in the exchange is about
    bool asked_by_head = false;                            // the question
    bool body_told = true;                                 // false: nobody knows how long the request's body is
    bool found = false;                                    // a service: `match` is of this request
    paywall::RouteMatch match;
    std::string path_compared;  // what rules of the service made of the path; empty: nothing
    std::string quoted_method;  // which a quote is about; empty: the request's own
    bool other_method = false;  // a server behind may take it for a request with another method
    std::string other_methods;  // that are taken here, where this one is not

    // What it is let through by.
    Quote quote;
    bool gift = false;  // of a pricer, to this request: others may have to pay
    std::optional<PaymentHash> payer;
    unsigned token_tier = 0;  // of the token that was let in
    std::optional<paywall::Time> until;
    bool prepaid = false;                              // by a session of the Payment scheme
    bool sold_before_realm = false;                    // that session, before the service joined its realm
    std::optional<paywall::SessionBook::Visit> visit;  // of that session
    std::optional<paywall::Reservation> use;           // of a token that buys more than time, or of a session
    std::optional<paywall::FreeReservation> free_use;  // of the client's network, instead of a token
    std::optional<PaymentHash> charge;                 // that was used for this request, while it may come to nothing
    std::optional<TokenId> work;                       // the task whose solution was
    Metered metered;

    // What is answered.
    std::string_view token_headers;    // to the upstream
    std::string own_lines;             // header lines of ours in whatever is answered
    std::string receipt;               // of a charge
    http::Problem problem;
    std::optional<http::Reply> reply;  // in place of what is behind
    bool answered = false;             // some of a response has been sent
    std::chrono::steady_clock::duration client_waited{};  // how long the client let us wait until it took what it was sent

    // The conversation with the upstream.
    std::unique_ptr<Pump> pump;
    bool awaiting_head = false;
    paywall::Sent sent = paywall::Sent::nothing;      // to the upstream of this attempt
    std::optional<std::string> whole_body;            // in place of chunks
    std::optional<http::ChunkProgress> first_chunks;  // of the response, in response_payload
};

}  // namespace millrace::front
