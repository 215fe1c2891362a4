#include "service/front/settlement_waiters.hpp"

#include <thread>

#include "service/async/spawn.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::front;
using namespace millrace::http;
using namespace std::chrono_literals;

namespace {

PaymentHash hash_of(std::uint8_t byte) {
    return PaymentHash(std::array<std::uint8_t, 32>{byte});
}

Awaitable<> wait(SettlementWaiters& waiters, PaymentHash hash, Executor executor, int& told) {
    SettlementWaiters::Place place = waiters.join({hash, {}}, executor, {100, 100, 100});
    co_await place->wakeup.wait_until(std::chrono::steady_clock::now() + 200ms);
    told = place->settled ? 1 : 0;
}

}  // namespace

TEST_CASE("all who wait for a settlement are told, from another thread, and nobody else") {
    SettlementWaiters waiters;
    asio::io_context context;
    int told[3] = {-1, -1, -1};
    millrace::async::spawn(context.get_executor(), wait(waiters, hash_of(1), context.get_executor(), told[0]),
                           "a test");
    millrace::async::spawn(context.get_executor(), wait(waiters, hash_of(1), context.get_executor(), told[1]),
                           "a test");
    millrace::async::spawn(context.get_executor(), wait(waiters, hash_of(2), context.get_executor(), told[2]),
                           "a test");
    context.poll();
    CHECK(waiters.size() == 3);
    std::thread([&] { waiters.settled(hash_of(1)); }).join();
    context.run();
    CHECK(told[0] == 1);
    CHECK(told[1] == 1);
    CHECK(told[2] == 0);
    CHECK(waiters.size() == 0);
}

TEST_CASE("a place is taken until it is given up, and no more of them than allowed") {
    SettlementWaiters waiters;
    asio::io_context context;
    {
        SettlementWaiters::Place first = waiters.join({hash_of(1), {}}, context.get_executor(), {2, 9, 9});
        SettlementWaiters::Place second = waiters.join({hash_of(1), {}}, context.get_executor(), {2, 9, 9});
        SettlementWaiters::Place third = waiters.join({hash_of(2), {}}, context.get_executor(), {2, 9, 9});
        CHECK(first);
        CHECK(second);
        CHECK_FALSE(third);
        SettlementWaiters::Place moved(std::move(first));
        CHECK(waiters.size() == 2);
    }
    CHECK(waiters.size() == 0);
    SettlementWaiters::Place none = waiters.join({hash_of(1), {}}, context.get_executor(), {0, 9, 9});
    CHECK_FALSE(none);
    waiters.settled(hash_of(1));
    CHECK(context.poll() == 0);
}

TEST_CASE("H20: neither one network nor one payment takes the places of all") {
    SettlementWaiters waiters;
    asio::io_context context;
    const SettlementWaiters::Bounds bounds{6, 3, 2};
    const limits::Prefix here{1};
    const limits::Prefix there{2};
    auto join = [&](std::uint8_t payment, limits::Prefix from) {
        return waiters.join({hash_of(payment), from}, context.get_executor(), bounds);
    };
    auto first = std::make_unique<SettlementWaiters::Place>(join(1, here));
    SettlementWaiters::Place second = join(1, here);
    CHECK(*first);
    CHECK(second);
    CHECK_FALSE(join(1, here));
    CHECK_FALSE(join(1, there));  // the payment's own bound
    SettlementWaiters::Place third = join(2, here);
    CHECK(third);
    CHECK_FALSE(join(3, here));  // the network's
    SettlementWaiters::Place other = join(3, there);
    CHECK(other);
    first.reset();
    CHECK(join(4, here));
    CHECK(join(1, there));
    CHECK(waiters.size() == 3);
}
