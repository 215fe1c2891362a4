// lightningd's datastore (lightning-datastore.7) as the plugin uses it: bytes under a path of words. Each write is one commit of
// the node; a value must stay far below 1 MiB, since lightningd ends on one of a few.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <vector>

#include "common/codec/bytes.hpp"
#include "common/lightning/rpc_client.hpp"

namespace millrace::node {

class Datastore {
  public:
    using Key = std::vector<std::string>;
    struct Entry {
        std::string name;  // the last word of its key
        Bytes data;
    };

    explicit Datastore(std::shared_ptr<lightning::RpcClient> rpc) : rpc_(std::move(rpc)) {}

    // The entries right below `key`, by name. Errors of all: lightning::Errc, json::Errc.
    boost::asio::awaitable<Result<std::vector<Entry>>> children(Key key);
    // What lies at `key`; empty where nothing does.
    boost::asio::awaitable<Result<Bytes>> read(Key key);

    // Where the answer is lost, it may have been written: who appends again must bear with finding it twice.
    boost::asio::awaitable<Result<void>> append(Key key, Bytes data);
    boost::asio::awaitable<Result<void>> replace(Key key, Bytes data);
    // Nothing where there is nothing.
    boost::asio::awaitable<Result<void>> remove(Key key);

  private:
    boost::asio::awaitable<Result<void>> write(Key key, Bytes data, std::string mode);

    std::shared_ptr<lightning::RpcClient> rpc_;
};

}  // namespace millrace::node
