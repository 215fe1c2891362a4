#include "plugin/invoicing/key_store.hpp"

#include <boost/json/array.hpp>
#include <utility>

#include "common/json/fields.hpp"
#include "plugin/host/signal.hpp"

namespace millrace::invoicing {

namespace asio = boost::asio;
namespace bj = boost::json;

namespace {

constexpr const char* invoice_root = "millrace/invoice/1";

bj::array table_key() {
    return {"millrace", "keys"};
}

}  // namespace

KeyStore::KeyStore(asio::any_io_executor executor, std::shared_ptr<lightning::RpcClient> rpc)
    : executor_(std::move(executor)), rpc_(std::move(rpc)) {}

asio::awaitable<Result<SecretKey>> KeyStore::make_secret(std::string name) {
    bj::object params{{"string", name}};
    const auto result = co_await rpc_->call("makesecret", std::move(params));
    if (!result) co_return result.error();
    json::Fields in(*result, "makesecret");
    const auto secret = in.hex<SecretKey>("secret");
    if (in.fault()) co_return *in.fault();
    co_return secret;
}

asio::awaitable<Result<KeyEpochs>> KeyStore::read_table() {
    bj::object params{{"key", table_key()}};
    const auto result = co_await rpc_->call("listdatastore", std::move(params));
    if (!result) co_return result.error();
    json::Fields in(*result, "listdatastore");
    for (const bj::value& entry : in.array("datastore")) {
        json::Fields fields(entry, "listdatastore: entry");
        if (fields.array("key") != table_key() || !fields.has("hex")) continue;
        const auto text = codec::from_hex(fields.string("hex"));
        if (fields.fault()) co_return *fields.fault();
        if (!text) co_return text.error();
        co_return KeyEpochs::parse(as_text(*text));
    }
    if (in.fault()) co_return *in.fault();
    co_return KeyEpochs();
}

asio::awaitable<Result<l402::KeyRing>> KeyStore::make_ring(KeyEpochs epochs) {
    l402::KeyRing ring;
    ring.current = epochs.current();
    for (const Epoch& epoch : epochs.all()) {
        if (!epochs.usable(epoch.epoch)) continue;
        const auto key = co_await make_secret("millrace/token/" + std::to_string(epoch.epoch));
        if (!key) co_return key.error();
        ring.keys.emplace(epoch.epoch, *key);
    }
    co_return ring;
}

asio::awaitable<Result<void>> KeyStore::load() {
    const auto root = co_await make_secret(invoice_root);
    if (!root) co_return root.error();
    auto epochs = co_await read_table();
    if (!epochs) co_return epochs.error();
    auto ring = co_await make_ring(*epochs);
    if (!ring) co_return ring.error();
    invoice_keys_.emplace(*root);
    epochs_ = std::move(*epochs);
    ring_ = std::move(*ring);
    co_return Result<void>();
}

asio::awaitable<void> KeyStore::take_turn() {
    while (changing_) co_await host::pause(executor_, std::chrono::milliseconds(5));
    changing_ = true;
}

asio::awaitable<Result<void>> KeyStore::replace(KeyEpochs epochs) {
    auto ring = co_await make_ring(epochs);
    if (!ring) co_return ring.error();
    bj::object params{{"key", table_key()}, {"string", epochs.text()}, {"mode", "create-or-replace"}};
    const auto stored = co_await rpc_->call("datastore", std::move(params));
    if (!stored) co_return stored.error();
    epochs_ = std::move(epochs);
    ring_ = std::move(*ring);
    if (changed) changed();
    co_return Result<void>();
}

asio::awaitable<Result<void>> KeyStore::rotate(std::chrono::sys_seconds now) {
    co_await take_turn();
    auto next = epochs_.rotated(now);
    if (!next) {
        changing_ = false;
        co_return next.error();
    }
    auto done = co_await replace(std::move(*next));
    changing_ = false;
    co_return done;
}

asio::awaitable<Result<void>> KeyStore::retire(l402::KeyEpoch epoch, std::chrono::sys_seconds now) {
    co_await take_turn();
    auto next = epochs_.retired(epoch, now);
    if (!next) {
        changing_ = false;
        co_return next.error();
    }
    auto done = co_await replace(std::move(*next));
    changing_ = false;
    co_return done;
}

gateway::Keys KeyStore::usable_keys() const {
    gateway::Keys keys;
    keys.current = ring_.current;
    for (const auto& [epoch, key] : ring_.keys) {
        const auto created_at = epochs_.all()[epoch - 1U].created_at.value_or(std::chrono::sys_seconds{});
        keys.epochs.push_back({epoch, key, created_at});
    }
    return keys;
}

}  // namespace millrace::invoicing
