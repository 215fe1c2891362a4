#include "tests/unit/plugin/fake_node.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "common/codec/hex.hpp"
#include "common/crypto/hash.hpp"
#include "tests/unit/catch.hpp"

namespace millrace::test {

namespace bj = boost::json;
using lightning::refusal;
using lightning::reply;

namespace {

std::string text(const bj::object& members, const char* name) {
    return std::string(members.at(name).as_string());
}

}  // namespace

FakeNode::FakeNode() {
    server_.on_request([this](Peer& peer, const bj::object& request) { serve(peer, request); });
}

void FakeNode::serve(Peer& peer, const bj::object& request) {
    const std::string method = text(request, "method");
    const bj::object& params = request.at("params").as_object();
    if (const auto own = answers_.find(method); own != answers_.end()) {
        const Answer answer = own->second;
        answer(peer, request);
    } else if (method == "makesecret") {
        peer.send(reply(request, {{"secret", codec::to_hex(crypto::sha256(as_bytes(text(params, "string"))))}}));
    } else if (method == "listdatastore") {
        // The entry itself, or what lies right below it.
        const bj::array& asked = params.at("key").as_array();
        bj::array entries;
        for (const auto& [key, value] : datastore_) {
            const bj::array words = bj::parse(key).as_array();
            const bool below =
                words.size() == asked.size() + 1 && std::equal(asked.begin(), asked.end(), words.begin());
            if (below || words == asked)
                entries.push_back(
                    bj::object{{"key", words}, {"generation", 0}, {"hex", codec::to_hex(as_bytes(value))}});
        }
        peer.send(reply(request, {{"datastore", entries}}));
    } else if (method == "datastore") {
        std::string& entry = datastore_[bj::serialize(params.at("key"))];
        const bj::value* mode = params.if_contains("mode");
        if (mode == nullptr || *mode != bj::string("create-or-append")) entry.clear();
        entry += params.contains("hex") ? std::string(as_text(codec::from_hex(text(params, "hex")).value()))
                                        : text(params, "string");
        peer.send(reply(request, bj::object{}));
    } else if (method == "deldatastore") {
        const bool there = datastore_.erase(bj::serialize(params.at("key"))) > 0;
        peer.send(there ? reply(request, bj::object{}) : refusal(request, 1200, "Key does not exist"));
    } else if (method == "getinfo") {
        peer.send(reply(request, {{"id", "02" + std::string(64, 'a')},
                                  {"alias", "FAKE"},
                                  {"network", "regtest"},
                                  {"version", "v26.06.6"},
                                  {"blockheight", 110},
                                  {"num_peers", 1}}));
    } else if (method == "listconfigs") {
        peer.send(reply(request, {{"configs", {{"cltv-final", {{"value_int", 5}, {"source", "cmdline"}}}}}}));
    } else if (method == "listpeerchannels") {
        const bj::object channel{{"state", "CHANNELD_NORMAL"},
                                 {"peer_connected", connected_},
                                 {"short_channel_id", "103x1x0"},
                                 {"spendable_msat", 1'000'000'000},
                                 {"receivable_msat", 1'000'000'000}};
        peer.send(reply(request, {{"channels", bj::array{channel}}}));
    } else if (method == "listincoming") {
        peer.send(reply(request, {{"incoming", bj::array{}}}));
    } else if (method == "signinvoice") {
        peer.send(reply(request, {{"bolt11", params.at("invstring")}}));
    } else if (method == "listinvoices") {
        list_invoices(peer, request);
    } else if (method == "delinvoice") {
        const auto row = std::find_if(invoices_.begin(), invoices_.end(), [&](const bj::object& one) {
            return one.at("label") == params.at("label") && one.at("status") == params.at("status");
        });
        if (row == invoices_.end()) return peer.send(refusal(request, 905, "Unknown invoice"));
        const bj::object removed = *row;
        invoices_.erase(row);
        peer.send(reply(request, removed));
    } else if (method == "wait") {
        wait_updated(peer, request);
    } else if (method == "createinvoice") {
        create_invoice(peer, request);
    } else if (method == "waitanyinvoice") {
        wait_any(peer, request);
    } else {
        peer.send(refusal(request, -32601, "Unknown command '" + method + "'"));
    }
}

void FakeNode::create_invoice(Peer& peer, const bj::object& request) {
    const bj::object& params = request.at("params").as_object();
    const auto preimage = Preimage::from_hex(text(params, "preimage")).value();
    const std::string hash = crypto::payment_hash(preimage).hex();
    for (const bj::object& row : invoices_) {
        if (row.at("label") == params.at("label")) {
            bj::object error{{"code", 900}, {"message", "Duplicate label"}, {"data", row}};
            peer.send(bj::serialize(bj::object{{"jsonrpc", "2.0"}, {"id", request.at("id")}, {"error", error}}) +
                      "\n\n");
            return;
        }
        if (row.at("payment_hash") == bj::string(hash)) aborted_ = true;
    }
    invoices_.push_back({{"label", params.at("label")},
                         {"bolt11", params.at("invstring")},
                         {"payment_hash", hash},
                         {"amount_msat", 1000},
                         {"status", "unpaid"},
                         {"description", "d"}});
    peer.send(reply(request, invoices_.back()));
}

void FakeNode::list_invoices(Peer& peer, const bj::object& request) {
    const bj::object& params = request.at("params").as_object();
    bj::array rows;
    if (const bj::value* hash = params.if_contains("payment_hash")) {
        for (const bj::object& row : invoices_) {
            if (row.at("payment_hash") == *hash) rows.push_back(row);
        }
    } else {
        REQUIRE(params.at("index") == "updated");
        std::map<std::uint64_t, const bj::object*> by_update;
        for (const bj::object& row : invoices_) {
            const bj::value* index = row.if_contains("updated_index");
            if (index != nullptr) by_update[index->to_number<std::uint64_t>()] = &row;
        }
        const auto limit = params.at("limit").to_number<std::size_t>();
        for (auto at = by_update.lower_bound(params.at("start").to_number<std::uint64_t>());
             at != by_update.end() && rows.size() < limit; ++at)
            rows.push_back(*at->second);
    }
    peer.send(reply(request, {{"invoices", rows}}));
}

void FakeNode::wait_updated(Peer& peer, const bj::object& request) {
    const bj::object& params = request.at("params").as_object();
    REQUIRE(params.at("subsystem") == "invoices");
    REQUIRE(params.at("indexname") == "updated");
    if (params.at("nextvalue").to_number<std::uint64_t>() <= last_updated_index_) {
        peer.send(reply(request, {{"subsystem", "invoices"}, {"updated", last_updated_index_}}));
    } else {
        waiting_.emplace_back(&peer, request);
    }
}

void FakeNode::expire(const std::string& payment_hash) {
    for (bj::object& row : invoices_) {
        if (row.at("payment_hash") != bj::string(payment_hash)) continue;
        row["status"] = "expired";
        row["updated_index"] = ++last_updated_index_;
    }
    tell_waiting();
}

void FakeNode::pay(const std::string& payment_hash) {
    for (bj::object& row : invoices_) {
        if (row.at("payment_hash") != bj::string(payment_hash)) continue;
        row["status"] = "paid";
        row["updated_index"] = ++last_updated_index_;
        row["pay_index"] = ++last_pay_index_;
        row["amount_received_msat"] = 1000;
        row["paid_at"] = 1795172759;
    }
    tell_waiting();
}

void FakeNode::add_paid(const std::string& label) {
    const std::string hash = codec::to_hex(crypto::sha256(as_bytes(label)));
    invoices_.push_back({{"label", label}, {"payment_hash", hash}, {"amount_msat", 1}});
    pay(hash);
}

void FakeNode::wait_any(Peer& peer, const bj::object& request) {
    const bj::object& params = request.at("params").as_object();
    const auto last = params.at("lastpay_index").to_number<std::uint64_t>();
    const bj::object* next = nullptr;
    for (const bj::object& row : invoices_) {
        const bj::value* index = row.if_contains("pay_index");
        if (index == nullptr || index->to_number<std::uint64_t>() <= last) continue;
        if (next == nullptr || index->to_number<std::uint64_t>() < next->at("pay_index").to_number<std::uint64_t>())
            next = &row;
    }
    if (next != nullptr) {
        peer.send(reply(request, *next));
    } else if (params.contains("timeout")) {
        peer.send(refusal(request, 904, "Timed out"));
    } else {
        waiting_.emplace_back(&peer, request);
    }
}

void FakeNode::tell_waiting() {
    for (auto& [peer, request] : std::exchange(waiting_, {})) {
        if (request.at("method") == "wait") {
            wait_updated(*peer, request);
        } else {
            wait_any(*peer, request);
        }
    }
}

std::size_t FakeNode::calls(std::string_view method) const {
    const auto& requests = server_.requests();
    return static_cast<std::size_t>(
        std::count_if(requests.begin(), requests.end(), [method](const bj::object& request) {
            return request.at("method") == bj::string(method.data(), method.size());
        }));
}

}  // namespace millrace::test
