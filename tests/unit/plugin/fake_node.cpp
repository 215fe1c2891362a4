#include "tests/unit/plugin/fake_node.hpp"

#include <boost/json/serialize.hpp>
#include <algorithm>

#include "common/crypto/hash.hpp"

namespace millrace::test {

namespace bj = boost::json;
using lightning::refusal;
using lightning::reply;

namespace {

std::string text(const bj::object& members, const char* name) { return std::string(members.at(name).as_string()); }

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
        bj::array entries;
        for (const auto& [key, value] : datastore_) {
            entries.push_back(bj::object{{"key", params.at("key")}, {"generation", 0}, {"hex", codec::to_hex(as_bytes(value))}});
        }
        peer.send(reply(request, {{"datastore", entries}}));
    } else if (method == "datastore") {
        datastore_[bj::serialize(params.at("key"))] = text(params, "string");
        peer.send(reply(request, bj::object{}));
    } else if (method == "getinfo") {
        peer.send(reply(request, {{"id", "02" + std::string(64, 'a')}, {"alias", "FAKE"}, {"network", "regtest"}, {"version", "v26.06.6"},
                                  {"blockheight", 110}, {"num_peers", 1}}));
    } else if (method == "listconfigs") {
        peer.send(reply(request, {{"configs", {{"cltv-final", {{"value_int", 5}, {"source", "cmdline"}}}}}}));
    } else if (method == "listpeerchannels") {
        peer.send(reply(request, {{"channels", bj::array{}}}));
    } else if (method == "listincoming") {
        peer.send(reply(request, {{"incoming", bj::array{}}}));
    } else if (method == "signinvoice") {
        peer.send(reply(request, {{"bolt11", params.at("invstring")}}));
    } else if (method == "listinvoices") {
        bj::array rows;
        for (const bj::object& row : invoices_) {
            if (row.at("payment_hash") == params.at("payment_hash")) rows.push_back(row);
        }
        peer.send(reply(request, {{"invoices", rows}}));
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
            peer.send(bj::serialize(bj::object{{"jsonrpc", "2.0"}, {"id", request.at("id")}, {"error", error}}) + "\n\n");
            return;
        }
        if (row.at("payment_hash") == bj::string(hash)) aborted_ = true;
    }
    invoices_.push_back({{"label", params.at("label")}, {"bolt11", params.at("invstring")}, {"payment_hash", hash},
                         {"amount_msat", 1000}, {"status", "unpaid"}, {"description", "d"}});
    peer.send(reply(request, invoices_.back()));
}

void FakeNode::pay(const std::string& payment_hash) {
    for (bj::object& row : invoices_) {
        if (row.at("payment_hash") != bj::string(payment_hash)) continue;
        row["status"] = "paid";
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
        if (next == nullptr || index->to_number<std::uint64_t>() < next->at("pay_index").to_number<std::uint64_t>()) next = &row;
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
    for (auto& [peer, request] : std::exchange(waiting_, {})) wait_any(*peer, request);
}

std::size_t FakeNode::calls(std::string_view method) const {
    const auto& requests = server_.requests();
    return static_cast<std::size_t>(std::count_if(requests.begin(), requests.end(), [method](const bj::object& request) {
        return request.at("method") == bj::string(method.data(), method.size());
    }));
}

}  // namespace millrace::test
