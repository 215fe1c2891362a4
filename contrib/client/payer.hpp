// The node that pays: the few Core Lightning commands that the client uses (getinfo, xpay, listsendpays).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "common/lightning/rpc_client.hpp"
#include "contrib/client/purchase.hpp"

namespace millrace::client {

class Payer {
  public:
    Payer(boost::asio::any_io_executor executor, std::string socket_path);

    // The BOLT 11 prefix of the node's network. Errors: those of lightning::RpcClient; unexpected_reply.
    boost::asio::awaitable<Result<std::string>> currency();

    boost::asio::awaitable<PayOutcome> pay(Pending pending, Msat max_fee, std::chrono::seconds retry_for);

    // Errors: those of lightning::RpcClient; unexpected_reply.
    boost::asio::awaitable<Result<Payments>> payments(PaymentHash payment_hash);

  private:
    std::shared_ptr<lightning::RpcClient> rpc_;
};

}  // namespace millrace::client
