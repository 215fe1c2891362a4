#include "plugin/refunds/refund.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "common/json/fields.hpp"

namespace millrace::refunds {

namespace bj = boost::json;

namespace {

constexpr std::size_t index_digits = 10;

bj::array hashes_json(const std::vector<PaymentHash>& hashes) {
    bj::array out;
    for (const PaymentHash& hash : hashes) out.push_back(bj::string(hash.hex()));
    return out;
}

std::vector<PaymentHash> read_hashes(json::Fields& in, std::string_view name) {
    std::vector<PaymentHash> out;
    for (const std::string& text : in.strings(name)) {
        const auto hash = PaymentHash::from_hex(text);
        if (!hash) {
            in.note(json::Errc::out_of_range, name, "must be payment hashes");
            return {};
        }
        out.push_back(*hash);
    }
    if (out.empty()) in.note(json::Errc::out_of_range, name, "must not be empty");
    return out;
}

// What the datastore's value and the list have in common.
bj::object describe(const Refund& refund) {
    bj::object out{{"deposits", hashes_json(refund.deposits)},
                   {"asked_msat", refund.asked.value()},
                   {"amount_msat", refund.amount.value()},
                   {"max_fee_msat", refund.max_fee.value()},
                   {"payments", hashes_json(refund.payments)},
                   {"state", gateway::name(refund.state)},
                   {"started_at", refund.started_at.time_since_epoch().count()},
                   {"changed_at", refund.changed_at.time_since_epoch().count()}};
    if (refund.state == RefundState::complete) out["fee_msat"] = refund.fee.value();
    if (refund.state == RefundState::failed) out["reason"] = refund.reason;
    return out;
}

}  // namespace

Msat set_aside(const Refund& refund) {
    switch (refund.state) {
        case RefundState::pending:
            return refund.amount.plus(refund.max_fee).value_or(Msat(UINT64_MAX));
        case RefundState::complete:
            return refund.amount.plus(refund.fee).value_or(Msat(UINT64_MAX));
        case RefundState::failed:
            return {};
    }
    return Msat(UINT64_MAX);
}

std::string datastore_index(std::uint64_t index) {
    const std::string digits = std::to_string(index);
    return std::string(index_digits - std::min(index_digits, digits.size()), '0') + digits;
}

std::string datastore_text(const Refund& refund) {
    bj::object out{{"version", 1}};
    for (const auto& member : describe(refund)) out.emplace(member.key(), member.value());
    return bj::serialize(out);
}

Result<Refund> parse_datastore_text(std::string_view index, std::string_view text) {
    boost::system::error_code broken;
    const bj::value value = bj::parse(bj::string_view(text.data(), text.size()), broken);
    const std::string what = "refund " + std::string(index);
    if (broken) return Error{to_error_code(json::Errc::not_an_object), what + ": not JSON: " + broken.message()};
    json::Fields in(value, what);
    Refund out;
    const auto read = std::from_chars(index.data(), index.data() + index.size(), out.index);
    if (read.ec != std::errc() || read.ptr != index.data() + index.size())
        in.note(json::Errc::out_of_range, "key", "must be a number");
    if (in.u64("version") != 1) in.note(json::Errc::out_of_range, "version", "must be 1: a newer millrace wrote it");
    out.deposits = read_hashes(in, "deposits");
    out.asked = in.msat("asked_msat");
    out.amount = in.msat("amount_msat");
    out.max_fee = in.msat("max_fee_msat");
    out.payments = read_hashes(in, "payments");
    const std::string state = in.string("state");
    out.started_at = in.time("started_at");
    out.changed_at = in.time("changed_at");
    if (state == gateway::name(RefundState::complete)) {
        out.state = RefundState::complete;
        out.fee = in.msat("fee_msat");
    } else if (state == gateway::name(RefundState::failed)) {
        out.state = RefundState::failed;
        out.reason = in.string("reason");
    } else if (state != gateway::name(RefundState::pending)) {
        in.note(json::Errc::out_of_range, "state", "must be pending, complete or failed");
    }
    if (in.fault()) return *in.fault();
    return out;
}

gateway::RefundReply reply_of(const Refund& refund) {
    gateway::RefundReply out;
    out.state = refund.state;
    out.amount = refund.amount;
    if (refund.state == RefundState::complete) out.fee = refund.fee;
    if (refund.state == RefundState::failed) out.reason = refund.reason;
    return out;
}

bj::object to_json(const Refund& refund) {
    bj::object out{{"index", refund.index}};
    for (const auto& member : describe(refund)) out.emplace(member.key(), member.value());
    return out;
}

}  // namespace millrace::refunds
