#include "service/async/deliveries.hpp"

#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/unit/catch.hpp"

using millrace::async::Deliveries;
namespace asio = boost::asio;

namespace {

struct Letter final : Deliveries::Delivery {
    void arrive() override {
        ++arrived;
        if (then) then();
    }
    void lose() override {
        ++lost;
        if (then) then();
    }
    std::function<void()> then;
    int arrived = 0;
    int lost = 0;
};

}  // namespace

TEST_CASE("What another thread brings arrives on the event loop, as much as there is in one turn") {
    asio::io_context context;
    auto& deliveries = asio::use_service<Deliveries>(context);
    std::vector<Letter> letters(100);
    std::thread([&] {
        for (Letter& one : letters) deliveries.deliver(one);
    }).join();
    CHECK(letters.front().arrived == 0);
    CHECK(context.run() == 1);
    for (const Letter& one : letters) CHECK((one.arrived == 1 && one.lost == 0));
}

TEST_CASE("What is brought while others arrive comes next, and one that throws keeps nobody back") {
    asio::io_context context;
    auto& deliveries = asio::use_service<Deliveries>(context);
    Letter first;
    Letter second;
    Letter third;
    first.then = [&] {
        deliveries.deliver(third);
        throw std::runtime_error("no");
    };
    deliveries.deliver(first);
    deliveries.deliver(second);
    CHECK(context.run() == 2);
    CHECK((first.arrived == 1 && second.arrived == 1 && third.arrived == 1));
}

TEST_CASE("What has not arrived when the event loop goes is lost, and what that lets go of as well") {
    auto context = std::make_unique<asio::io_context>();
    auto& deliveries = asio::use_service<Deliveries>(*context);
    Letter first;
    Letter second;
    first.then = [&] { deliveries.deliver(second); };
    deliveries.deliver(first);
    context.reset();
    CHECK((first.lost == 1 && second.lost == 1));
    CHECK((first.arrived == 0 && second.arrived == 0));
}
