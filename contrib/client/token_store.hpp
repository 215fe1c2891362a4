// Proofs of payment and payments under way, in SQLite: DIR/tokens.db, for its owner only.
//
//   token    one per payment: what it bought for (origin, service), or for (origin, request) where it is a charge;
//            whether a response was received for it, how often it was refused since, whether --again gave it up
//   pending  one per (origin, service), or per (origin, request) where it is a charge: a payment that was, or is about
//            to be, sent
//   path     (origin, path) -> service: what was bought for a path, so that the next run need not ask first
//
// Every change is on the disk when the call returns. Several processes may use one store at a time. Nothing that was
// paid for is removed before it was used: a charge when its response was received, a token that was accepted and is
// refused since after 90 days.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

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

    // What is known for a request (charge_key) and its path: an unfinished charge for that very request; else what
    // belongs to the service bought for the path itself, or for the longest directory above it. A path "/a/b" lies in
    // the directory "/a/". Errors: unusable.
    [[nodiscard]] Result<Known> find_for_request(const std::string& origin, const std::string& path,
                                                 const std::string& request);

    // What is known for an offer: a payment under way, a token to present that is not among `tried` (with `again` none
    // that was refused), a proof of the same invoice, a payment for this service or path that nothing was received for.
    // Tokens bought at this path come first, then those refused least, then the newest. Errors: unusable.
    struct Question {
        std::string origin;
        std::string path;
        std::string service;
        PaymentHash payment_hash;
        std::vector<PaymentHash> tried = {};
        bool again = false;
    };
    [[nodiscard]] Result<Known> find_for_offer(const Question& question);

    // Stores the payment, or extends tried_until of the same one. Where another payment stands for this origin and
    // service, or for the same invoice, or a token has come in that is not among `tried`, nothing is written and that
    // is returned. With `again` the payments that nothing was received for are given up. Errors: unusable.
    [[nodiscard]] Result<std::optional<Known>> put_pending(const std::string& origin, const std::string& path,
                                                           const Pending& pending,
                                                           const std::vector<PaymentHash>& tried = {},
                                                           bool again = false);

    // The proof in, its pending payment out, in one commit. A proof of the same payment stays as it is. Errors: unusable.
    [[nodiscard]] Result<void> put_token(const std::string& origin, const std::string& path, const Token& token,
                                         Msat fee, TimePoint paid_at);

    // Absent ones are no error. Errors: unusable.
    [[nodiscard]] Result<void> note_accepted(const PaymentHash& payment_hash);
    [[nodiscard]] Result<void> note_refused(const PaymentHash& payment_hash);
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
