// Paid tokens and payments under way, by origin and service, in SQLite: DIR/tokens.db, for its owner only.
//
//   token    one per (origin, service)
//   pending  one per (origin, service), or per (origin, request) where it is a charge: a payment that was, or is about
//            to be, sent, or a charge that was not used yet
//   path     (origin, path) -> service: what was bought for a path, so that the next run need not ask first
//
// Every change is on the disk when the call returns. Several processes may use one store at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "contrib/client/purchase.hpp"

namespace millrace::client {

enum class StoreErrc {
    unusable = 1,  // cannot be opened, read or written
    newer,         // written by a newer version
};

class TokenStore {
  public:
    // Creates directory (0700) and file (0600) where they are missing. Errors: unusable, newer.
    static Result<TokenStore> open(const std::string& directory);
    TokenStore(TokenStore&&) noexcept;
    TokenStore& operator=(TokenStore&&) noexcept;
    ~TokenStore();

    // What is known for a path: the service bought for the path itself, else for the longest directory above it.
    // A path "/a/b" lies in the directory "/a/". Errors: unusable.
    [[nodiscard]] Result<Known> find_by_path(const std::string& origin, const std::string& path);
    [[nodiscard]] Result<Known> find_by_service(const std::string& origin, const std::string& service);

    // Stores the payment, or extends tried_until of the same one. Where another payment stands for this origin and
    // service nothing is written and that other one is returned. Errors: unusable.
    [[nodiscard]] Result<std::optional<Pending>> put_pending(const std::string& origin, const std::string& path,
                                                             const Pending& pending);

    // The token in, its pending payment out, in one commit. Replaces an older token of the service. Errors: unusable.
    [[nodiscard]] Result<void> put_token(const std::string& origin, const std::string& path, const Token& token,
                                         Msat amount, Msat fee, TimePoint paid_at);

    // Absent ones are no error. Errors: unusable.
    [[nodiscard]] Result<void> drop_pending(const PaymentHash& payment_hash);
    [[nodiscard]] Result<void> drop_token(const PaymentHash& payment_hash);

  private:
    struct State;
    explicit TokenStore(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace millrace::client

namespace millrace {
template <>
struct ErrcText<client::StoreErrc> {
    static constexpr const char* domain = "millrace.client.store";
    static const char* text(client::StoreErrc errc);
};
}  // namespace millrace
