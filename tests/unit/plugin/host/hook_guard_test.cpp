#include "plugin/host/hook_guard.hpp"

#include <stdexcept>
#include <vector>

#include "tests/unit/catch.hpp"

namespace millrace::host {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const HookClock::time_point start{};
const HookFail failure{Msat(4000), 143};

const std::string go_on = R"({"jsonrpc":"2.0","id":"cln:htlc_accepted#1","result":{"result":"continue"}})"
                          "\n\n";
const std::string failed =
    R"({"jsonrpc":"2.0","id":"cln:htlc_accepted#1","result":{"result":"fail","failure_message":"400f0000000000000fa00000008f"}})"
    "\n\n";

struct Sent {
    std::vector<std::string> replies;
    std::vector<bool> claimed;
    HookGuard guard{[this](std::string reply, HookClock::time_point, bool ours) {
                        replies.push_back(std::move(reply));
                        claimed.push_back(ours);
                    },
                    seconds(20)};

    HookTicket open() { return guard.open(R"("cln:htlc_accepted#1")", start); }
};

TEST_CASE("each answer is written as lightningd takes it, with the id as it came") {
    CHECK(render_hook_reply(R"("cln:htlc_accepted#1")", HookContinue{}) == go_on);
    CHECK(render_hook_reply(R"("cln:htlc_accepted#1")", failure) == failed);
    CHECK(render_hook_reply("\"a\\/b\"", HookContinue{Bytes{0x02, 0x01, 0xff}}) ==
          R"({"jsonrpc":"2.0","id":"a\/b","result":{"result":"continue","payload":"0201ff"}})"
          "\n\n");
}

TEST_CASE("a call is answered once, whatever comes after") {
    Sent sent;
    {
        HookTicket ticket = sent.open();
        CHECK_FALSE(ticket.answered());
        CHECK(ticket.answer(HookContinue{}));
        CHECK(ticket.answered());
        CHECK_FALSE(ticket.answer(failure));
        ticket.claim(failure);
        CHECK(sent.guard.expire(start + seconds(3600)) == 0);
    }
    CHECK(sent.replies == std::vector{go_on});
    CHECK(sent.guard.outstanding() == 0);
}

TEST_CASE("a call that is forgotten is let go, or failed where the HTLC is ours") {
    Sent sent;
    { const HookTicket ticket = sent.open(); }
    {
        HookTicket ticket = sent.open();
        ticket.claim(failure);
    }
    CHECK(sent.replies == std::vector{go_on, failed});
    CHECK(sent.claimed == std::vector{false, true});
}

TEST_CASE("an exception between call and answer answers it") {
    Sent sent;
    const auto handler = [](HookTicket ticket) {
        ticket.claim(failure);
        throw std::runtime_error("anything");
    };
    CHECK_THROWS(handler(sent.open()));
    CHECK(sent.replies == std::vector{failed});
}

TEST_CASE("a call whose time is up is answered, and not again when its answer comes") {
    Sent sent;
    HookTicket foreign = sent.open();
    HookTicket ours = sent.open();
    ours.claim(failure);
    CHECK(sent.guard.expire(start + milliseconds(19'999)) == 0);
    CHECK(sent.replies.empty());
    CHECK(sent.guard.expire(start + seconds(20)) == 2);
    CHECK(sent.replies == std::vector{go_on, failed});
    CHECK(foreign.answered());
    CHECK_FALSE(foreign.answer(failure));
    CHECK_FALSE(ours.answer(HookContinue{Bytes{1}}));
    CHECK(sent.replies.size() == 2);
}

TEST_CASE("a ticket that is moved answers once") {
    Sent sent;
    {
        HookTicket first = sent.open();
        HookTicket second = std::move(first);
        std::vector<HookTicket> many;
        many.push_back(std::move(second));
        HookTicket third = sent.open();
        third = std::move(many.front());
        CHECK(sent.guard.outstanding() == 2);
    }
    CHECK(sent.replies.size() == 2);
    CHECK(sent.guard.outstanding() == 0);
}

TEST_CASE("what is passed on is answered at once and remembered no longer") {
    Sent sent;
    sent.guard.pass(R"("cln:htlc_accepted#1")", start);
    CHECK(sent.replies == std::vector{go_on});
    CHECK(sent.guard.outstanding() == 0);
}

TEST_CASE("a silenced guard writes nothing, even for tickets that are still out") {
    Sent sent;
    HookTicket ticket = sent.open();
    sent.guard.silence();
    CHECK_FALSE(ticket.answer(failure));
    sent.guard.pass("1", start);
    CHECK(sent.replies.empty());
}

TEST_CASE("a ticket may outlive its guard") {
    std::optional<HookTicket> ticket;
    int replies = 0;
    {
        HookGuard guard([&](const std::string&, HookClock::time_point, bool) { ++replies; });
        ticket.emplace(guard.open("1", start));
        guard.silence();
    }
    ticket.reset();
    CHECK(replies == 0);
}

}  // namespace
}  // namespace millrace::host
