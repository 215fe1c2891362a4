// The addresses of one service's upstream, ready for use: where to connect, over which TLS, and how well each is.
//
//   Attempts attempts = group.attempts();
//   while (const Target* target = group.next(attempts, now)) ... connect, and target->health->connected() or failed()
//
// Immutable but for the health and the turn; any thread.
#pragma once

#include <atomic>
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "service/config/config.hpp"
#include "service/upstream/address_health.hpp"
#include "service/upstream/attempts.hpp"

namespace millrace::upstream {

using TlsContext = std::shared_ptr<boost::asio::ssl::context>;

struct Target {
    config::UpstreamAddress address;
    std::string url;
    std::string authority;
    TlsContext tls;           // null where the address is not https
    std::string server_name;  // that its certificate must have
    std::shared_ptr<AddressHealth> health;
};

class Group {
  public:
    // `tls` may be null where no address is https. What `before` (or null), the group of the configuration before,
    // knows of an address is taken over.
    Group(const config::Service& service, TlsContext tls, const Group* before);
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;

    [[nodiscard]] const std::string& service() const { return service_; }
    [[nodiscard]] const std::vector<Target>& targets() const { return targets_; }
    [[nodiscard]] const config::Upstream& config() const { return config_; }

    // The lines that requests are forwarded with, and the names that a client's own fields lose to them.
    [[nodiscard]] const std::string& header_lines() const { return header_lines_; }
    [[nodiscard]] const std::vector<std::string>& header_names() const { return header_names_; }

    // True once: the first time that an answer cost more than `max_cost_msat`.
    [[nodiscard]] bool first_dear_answer() const { return !dear_answer_.exchange(true, std::memory_order_relaxed); }

    // Of one request.
    [[nodiscard]] Attempts attempts() const;
    // The address to try next; null where all were tried.
    const Target* next(Attempts& attempts, AddressHealth::Time now) const;

  private:
    std::string service_;
    config::Upstream config_;
    std::vector<Target> targets_;
    std::string header_lines_;
    std::vector<std::string> header_names_;
    mutable std::atomic<std::uint32_t> turn_{0};
    mutable std::atomic<bool> dear_answer_{false};
};

using Groups = std::vector<std::shared_ptr<const Group>>;  // by index of the service

// Errors: of the TLS files.
[[nodiscard]] Result<Groups> make_groups(const std::vector<config::Service>& services, const Groups& before);

}  // namespace millrace::upstream
