// Issues challenges: an invoice that carries everything in its payment_secret, signed by lightningd and stored nowhere, and
// the token that it pays for. A deposit is an invoice alone: it comes with no token.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <variant>

#include "common/gateway/messages.hpp"
#include "common/lightning/rpc_client.hpp"
#include "plugin/host/readiness.hpp"
#include "plugin/host/world.hpp"
#include "plugin/invoicing/challenge_cache.hpp"
#include "plugin/invoicing/invoice.hpp"
#include "plugin/invoicing/key_store.hpp"
#include "plugin/invoicing/rate_limiter.hpp"
#include "plugin/node/node_watch.hpp"

namespace millrace::invoicing {

struct IssueCounters {
    std::uint64_t issued = 0;
    std::uint64_t rate_limited = 0;
    std::uint64_t failed = 0;  // lightningd did not sign
};

// What is wrong with a request, if anything; names the parameter.
[[nodiscard]] std::optional<gateway::RpcError> fault_of(const gateway::IssueRequest& request);

class Issuer {
  public:
    using Outcome = std::variant<gateway::IssuedChallenge, gateway::RpcError>;

    struct Parts {
        std::shared_ptr<lightning::RpcClient> rpc;
        KeyStore& keys;
        node::NodeWatch& node;
        host::Readiness& ready;
        ChallengeCache& cache;
        const InvoiceStyle& style;
        host::World world;
    };

    Issuer(Parts parts, std::chrono::seconds default_expiry, std::uint32_t per_second);

    // From now on. Tokens of the limit that were not used are kept, as far as the new one allows.
    void configure(std::chrono::seconds default_expiry, std::uint32_t per_second);

    // Error codes: bad_params, rate_limited, node_failed, not_ready.
    boost::asio::awaitable<Outcome> issue(gateway::IssueRequest request);

    [[nodiscard]] const IssueCounters& counters() const { return counters_; }

  private:
    Parts parts_;
    std::chrono::seconds default_expiry_;
    RateLimiter limiter_;
    IssueCounters counters_;
};

}  // namespace millrace::invoicing
