// The keys, as lightningd hands them out: the invoice keys, and a token key for each epoch that is not retired.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "common/gateway/messages.hpp"
#include "common/lightning/rpc_client.hpp"
#include "plugin/invoicing/key_epochs.hpp"
#include "plugin/invoicing/payment_secret.hpp"

namespace millrace::invoicing {

class KeyStore {
  public:
    KeyStore(boost::asio::any_io_executor executor, std::shared_ptr<lightning::RpcClient> rpc);

    // Errors: lightning::Errc, EpochErrc::unreadable. Call until it succeeds; before that nothing below may be used.
    boost::asio::awaitable<Result<void>> load();

    [[nodiscard]] const InvoiceKeys& invoice_keys() const { return *invoice_keys_; }
    [[nodiscard]] const KeyEpochs& epochs() const { return epochs_; }
    [[nodiscard]] const l402::KeyRing& ring() const { return ring_; }

    // Both store the new table first, and change nothing where that fails. Errors: lightning::Errc, EpochErrc.
    boost::asio::awaitable<Result<void>> rotate(std::chrono::sys_seconds now);
    boost::asio::awaitable<Result<void>> retire(l402::KeyEpoch epoch, std::chrono::sys_seconds now);

    // For the gateway: with the keys.
    [[nodiscard]] gateway::Keys usable_keys() const;

    // Called after a rotation or a retirement.
    std::function<void()> changed;

  private:
    boost::asio::awaitable<Result<SecretKey>> make_secret(std::string name);
    boost::asio::awaitable<Result<KeyEpochs>> read_table();
    boost::asio::awaitable<Result<l402::KeyRing>> make_ring(KeyEpochs epochs);
    boost::asio::awaitable<Result<void>> replace(KeyEpochs epochs);
    boost::asio::awaitable<void> take_turn();

    boost::asio::any_io_executor executor_;
    std::shared_ptr<lightning::RpcClient> rpc_;
    std::optional<InvoiceKeys> invoice_keys_;
    KeyEpochs epochs_;
    l402::KeyRing ring_;
    bool changing_ = false;
};

}  // namespace millrace::invoicing
