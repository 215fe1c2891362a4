#include "plugin/host/hook_guard.hpp"

#include <map>
#include <utility>
#include <vector>

#include "common/codec/hex.hpp"

namespace millrace::host {
namespace {

constexpr std::uint16_t incorrect_or_unknown_payment_details = 0x400f;

template <class Integer>
void append_big_endian(Bytes& out, Integer value) {
    for (std::size_t i = sizeof value; i-- > 0;) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

std::string result_of(const HookContinue& answer) {
    if (!answer.payload) return R"({"result":"continue"})";
    return R"({"result":"continue","payload":")" + codec::to_hex(*answer.payload) + R"("})";
}

std::string result_of(const HookFail& answer) {
    Bytes message;
    append_big_endian(message, incorrect_or_unknown_payment_details);
    append_big_endian(message, answer.htlc_amount.value());
    append_big_endian(message, answer.blockheight);
    return R"({"result":"fail","failure_message":")" + codec::to_hex(message) + R"("})";
}

}  // namespace

std::string render_hook_reply(std::string_view raw_id, const HookAnswer& answer) {
    std::string reply = R"({"jsonrpc":"2.0","id":)";
    reply += raw_id;
    reply += R"(,"result":)";
    reply += std::visit([](const auto& one) { return result_of(one); }, answer);
    reply += "}\n\n";
    return reply;
}

struct HookGuard::Core {
    struct Pending {
        std::string raw_id;
        HookClock::time_point received;
        std::optional<HookFail> claim;
    };

    Send send;
    std::chrono::milliseconds limit;
    std::map<std::uint64_t, Pending> pending;  // by number, hence also by age
    std::uint64_t last_number = 0;

    bool answer(std::uint64_t number, const HookAnswer& what) {
        auto node = pending.extract(number);
        if (node.empty()) return false;
        const Pending& call = node.mapped();
        send(render_hook_reply(call.raw_id, what), call.received, call.claim.has_value());
        return true;
    }

    bool answer_by_default(std::uint64_t number) {
        const auto found = pending.find(number);
        if (found == pending.end()) return false;
        const HookAnswer fallback = found->second.claim ? HookAnswer(*found->second.claim) : HookAnswer(HookContinue{});
        return answer(number, fallback);
    }
};

HookGuard::HookGuard(Send send, std::chrono::milliseconds limit) : core_(std::make_shared<Core>()) {
    core_->send = std::move(send);
    core_->limit = limit;
}

void HookGuard::pass(std::string_view raw_id, HookClock::time_point received) {
    static const HookAnswer go_on = HookContinue{};
    core_->send(render_hook_reply(raw_id, go_on), received, false);
}

HookTicket HookGuard::open(std::string_view raw_id, HookClock::time_point received) {
    const std::uint64_t number = ++core_->last_number;
    core_->pending.emplace(number, Core::Pending{std::string(raw_id), received, std::nullopt});
    return {core_, number};
}

std::size_t HookGuard::expire(HookClock::time_point now) {
    std::vector<std::uint64_t> overdue;
    for (const auto& [number, call] : core_->pending) {
        if (call.received + core_->limit <= now) overdue.push_back(number);
    }
    for (const std::uint64_t number : overdue) core_->answer_by_default(number);
    return overdue.size();
}

void HookGuard::silence() {
    core_->send = [](std::string&&, HookClock::time_point, bool) {};
    core_->pending.clear();
}

std::size_t HookGuard::outstanding() const {
    return core_->pending.size();
}

HookTicket::HookTicket(std::shared_ptr<HookGuard::Core> core, std::uint64_t number)
    : core_(std::move(core)), number_(number) {}

HookTicket::HookTicket(HookTicket&& other) noexcept : core_(std::move(other.core_)), number_(other.number_) {}

HookTicket& HookTicket::operator=(HookTicket&& other) noexcept {
    std::swap(core_, other.core_);
    std::swap(number_, other.number_);
    return *this;
}

HookTicket::~HookTicket() {
    if (core_) core_->answer_by_default(number_);
}

void HookTicket::claim(const HookFail& fail) {
    const auto found = core_->pending.find(number_);
    if (found != core_->pending.end()) found->second.claim = fail;
}

bool HookTicket::answer(const HookAnswer& answer) {
    return core_->answer(number_, answer);
}

bool HookTicket::answered() const {
    return !core_->pending.contains(number_);
}

}  // namespace millrace::host
