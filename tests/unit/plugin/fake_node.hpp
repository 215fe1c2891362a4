// As much of lightningd as the plugin asks for, behind a FakeLightningd: secrets, datastore, invoices.
//
//   FakeNode node;
//   node.answer("listinvoices", [](Peer& peer, const json::object& request) { peer.hang_up(); });   // instead of its own way
//   node.pay(hash);
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <map>
#include <string>
#include <vector>

#include "common/ids/ids.hpp"
#include "tests/unit/common/lightning/fake_lightningd.hpp"

namespace millrace::test {

class FakeNode {
  public:
    using Peer = lightning::FakeLightningd::Peer;
    using Answer = std::function<void(Peer&, const boost::json::object& request)>;

    FakeNode();

    lightning::FakeLightningd& server() { return server_; }
    void answer(const std::string& method, Answer answer) { answers_[method] = std::move(answer); }
    void answer_as_usual(const std::string& method) { answers_.erase(method); }

    // Whether the peer of its one channel is there.
    void connect(bool connected) { connected_ = connected; }

    // The rows of listinvoices.
    std::vector<boost::json::object>& invoices() { return invoices_; }
    // Marks the row of this hash paid, with the next pay_index.
    void pay(const std::string& payment_hash);
    // The same, expired.
    void expire(const std::string& payment_hash);
    // A paid row that is none of the plugin's.
    void add_paid(const std::string& label);

    // Somebody waits for the next payment.
    [[nodiscard]] bool waited_for() const { return !waiting_.empty(); }

    // How often a method was called.
    [[nodiscard]] std::size_t calls(std::string_view method) const;
    // createinvoice of a known hash under another label: here a real lightningd would be gone.
    [[nodiscard]] bool aborted() const { return aborted_; }
    [[nodiscard]] const std::map<std::string, std::string>& datastore() const { return datastore_; }

  private:
    void serve(Peer& peer, const boost::json::object& request);
    void create_invoice(Peer& peer, const boost::json::object& request);
    void wait_any(Peer& peer, const boost::json::object& request);
    void list_invoices(Peer& peer, const boost::json::object& request);
    void wait_updated(Peer& peer, const boost::json::object& request);
    void tell_waiting();

    lightning::FakeLightningd server_;
    std::map<std::string, Answer> answers_;
    std::vector<boost::json::object> invoices_;
    std::map<std::string, std::string> datastore_;
    std::vector<std::pair<Peer*, boost::json::object>> waiting_;
    bool connected_ = true;
    std::uint64_t last_pay_index_ = 0;
    std::uint64_t last_updated_index_ = 0;
    bool aborted_ = false;
};

}  // namespace millrace::test
