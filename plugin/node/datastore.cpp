#include "plugin/node/datastore.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <utility>

#include "common/codec/hex.hpp"
#include "common/json/fields.hpp"

namespace millrace::node {

namespace asio = boost::asio;
namespace bj = boost::json;

namespace {

constexpr int no_such_entry = 1200;  // deldatastore: DATASTORE_DEL_DOES_NOT_EXIST

bj::array words(const Datastore::Key& key) {
    return bj::array(key.begin(), key.end());
}

// {"datastore": [{"key": [word, ...], "generation", "hex"?, "string"?}, ...]}; of the entries that hold something.
Result<std::vector<std::pair<Datastore::Key, Bytes>>> parse_entries(const bj::value& result) {
    json::Fields in(result, "listdatastore");
    std::vector<std::pair<Datastore::Key, Bytes>> entries;
    for (const bj::value& each : in.array("datastore")) {
        json::Fields fields(each, "listdatastore: entry");
        Datastore::Key key = fields.strings("key");
        const auto hex = fields.optional_string("hex");
        if (fields.fault()) return *fields.fault();
        if (!hex) continue;
        auto data = codec::from_hex(*hex);
        if (!data) return data.error();
        entries.emplace_back(std::move(key), std::move(*data));
    }
    if (in.fault()) return *in.fault();
    return entries;
}

}  // namespace

asio::awaitable<Result<std::vector<Datastore::Entry>>> Datastore::children(Key key) {
    bj::object params{{"key", words(key)}};
    const auto result = co_await rpc_->call("listdatastore", std::move(params));
    if (!result) co_return result.error();
    auto listed = parse_entries(*result);
    if (!listed) co_return listed.error();
    std::vector<Entry> entries;
    for (auto& [path, data] : *listed) {
        if (path.size() == key.size() + 1) entries.push_back({path.back(), std::move(data)});
    }
    std::sort(entries.begin(), entries.end(),
              [](const Entry& left, const Entry& right) { return left.name < right.name; });
    co_return entries;
}

asio::awaitable<Result<Bytes>> Datastore::read(Key key) {
    bj::object params{{"key", words(key)}};
    const auto result = co_await rpc_->call("listdatastore", std::move(params));
    if (!result) co_return result.error();
    auto listed = parse_entries(*result);
    if (!listed) co_return listed.error();
    for (auto& [path, data] : *listed) {
        if (path == key) co_return std::move(data);
    }
    co_return Bytes{};
}

asio::awaitable<Result<void>> Datastore::write(Key key, Bytes data, std::string mode) {
    bj::object params{{"key", words(key)}, {"hex", codec::to_hex(data)}, {"mode", mode}};
    const auto result = co_await rpc_->call("datastore", std::move(params));
    if (!result) co_return result.error();
    co_return Result<void>();
}

asio::awaitable<Result<void>> Datastore::append(Key key, Bytes data) {
    return write(std::move(key), std::move(data), "create-or-append");
}

asio::awaitable<Result<void>> Datastore::replace(Key key, Bytes data) {
    return write(std::move(key), std::move(data), "create-or-replace");
}

asio::awaitable<Result<void>> Datastore::remove(Key key) {
    bj::object params{{"key", words(key)}};
    const auto reply = co_await rpc_->exchange("deldatastore", std::move(params));
    if (!reply) co_return reply.error();
    if (reply->refusal && reply->refusal->code != no_such_entry)
        co_return fail(lightning::Errc::refused, "deldatastore: " + reply->refusal->message);
    co_return Result<void>();
}

}  // namespace millrace::node
