// datastore, listdatastore, deldatastore: lightningd/datastore.c.
#include <algorithm>
#include <boost/json/array.hpp>
#include <utility>

#include "common/codec/hex.hpp"
#include "contrib/simulator/node/daemon.hpp"

namespace millrace::sim {

namespace json = boost::json;

namespace {

// A word, or an array of words.
DatastoreKey read_key(Params& in, std::string_view name) {
    const json::value* value = in.find(name);
    DatastoreKey out;
    if (value == nullptr) return out;
    if (!value->is_array()) {
        out.push_back(in.string(name));
        return out;
    }
    for (const json::value& word : value->get_array()) {
        if (word.is_string()) {
            out.emplace_back(word.get_string());
        } else if (word.is_uint64() || word.is_int64()) {
            out.push_back(std::to_string(word.to_number<std::int64_t>()));
        } else {
            in.bad(name, "should be string");
        }
    }
    if (out.empty()) in.bad(name, "should not be empty");
    return out;
}

DatastoreMode read_mode(Params& in) {
    const std::string word = in.optional_string("mode").value_or("must-create");
    if (word == "must-create") return DatastoreMode::must_create;
    if (word == "must-replace") return DatastoreMode::must_replace;
    if (word == "create-or-replace") return DatastoreMode::create_or_replace;
    if (word == "must-append") return DatastoreMode::must_append;
    if (word == "create-or-append") return DatastoreMode::create_or_append;
    in.bad("mode",
           "should be 'must-create', 'must-replace', 'create-or-replace', 'must-append', or 'create-or-append'");
    return DatastoreMode::must_create;
}

// lightningd shows data as a string too where it is printable UTF-8 without a NUL.
bool is_text(const Bytes& data) {
    return std::all_of(data.begin(), data.end(), [](std::uint8_t byte) { return byte >= 0x20 && byte < 0x7F; });
}

json::object entry_json(const DatastoreKey& key, const DatastoreEntry* entry) {
    json::object out;
    json::array words;
    for (const std::string& word : key) words.emplace_back(word);
    out["key"] = std::move(words);
    if (entry != nullptr) {
        out["generation"] = entry->generation;
        out["hex"] = codec::to_hex(entry->data);
        if (is_text(entry->data)) out["string"] = as_text(entry->data);
    }
    return out;
}

void run_datastore(Daemon& node, Params& in, const Reply& reply, const std::shared_ptr<RpcSession>&) {
    if (!in.has("key")) in.refuse("missing required parameter: key");
    const DatastoreKey key = read_key(in, "key");
    const auto text = in.optional_string("string");
    auto data = in.optional_hex("hex");
    const DatastoreMode mode = read_mode(in);
    const auto generation = in.optional_u64("generation");
    if (text && data) in.refuse("Cannot have both hex and string");
    if (!text && !data) in.refuse("Must have either hex or string");
    if (generation && mode != DatastoreMode::must_replace && mode != DatastoreMode::must_append) {
        in.refuse("generation only valid with must-replace or must-append");
    }
    if (in.ends(reply)) return;
    if (text) data = to_bytes(as_bytes(*text));
    DatastoreEntry entry;
    if (const auto error = node.core().state.datastore.write(key, std::move(*data), mode, generation, entry)) {
        return reply.error(static_cast<int>(*error), message(*error));
    }
    reply.result(entry_json(key, &entry));
}

void run_listdatastore(Daemon& node, Params& in, const Reply& reply, const std::shared_ptr<RpcSession>&) {
    const DatastoreKey key = read_key(in, "key");
    if (in.ends(reply)) return;
    json::array out;
    for (const Datastore::Listed& listed : node.core().state.datastore.list(key))
        out.push_back(entry_json(listed.key, listed.entry));
    reply.result(json::object{{"datastore", std::move(out)}});
}

void run_deldatastore(Daemon& node, Params& in, const Reply& reply, const std::shared_ptr<RpcSession>&) {
    if (!in.has("key")) in.refuse("missing required parameter: key");
    const DatastoreKey key = read_key(in, "key");
    const auto generation = in.optional_u64("generation");
    if (in.ends(reply)) return;
    DatastoreEntry entry;
    if (const auto error = node.core().state.datastore.remove(key, generation, entry)) {
        return reply.error(static_cast<int>(*error), message(*error));
    }
    reply.result(entry_json(key, &entry));
}

constexpr Command commands[] = {
    {"datastore", "key [string] [hex] [mode] [generation]", run_datastore},
    {"listdatastore", "[key]", run_listdatastore},
    {"deldatastore", "key [generation]", run_deldatastore},
};

}  // namespace

std::span<const Command> datastore_commands() {
    return commands;
}

}  // namespace millrace::sim
