#include "service/http/await_callback.hpp"

#include <functional>
#include <stdexcept>
#include <thread>

#include "service/async/spawn.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::http;

namespace {

using Done = std::function<void(Result<int>)>;

template <class Start>
Awaitable<> wait(Executor executor, Start start, std::optional<Result<int>>& out) {
    Result<int> value = co_await await_callback<Result<int>>(executor, start);
    out = value;
}

// `other`: a thread that `start` begins, which may still be about to leave its call when the answer is here.
template <class Start>
std::optional<Result<int>> run(Start start, std::thread* other = nullptr) {
    asio::io_context context;
    std::optional<Result<int>> out;
    millrace::async::spawn(context.get_executor(), wait(context.get_executor(), start, out), "a test");
    context.run();
    if (other) other->join();
    return out;
}

struct Price {
    std::optional<int> amount;
};

Awaitable<> wait_for_price(Executor executor, std::optional<Price>& out) {
    auto start = [](const std::function<void(const Price&)>&) {};
    Price price = co_await await_callback<Price>(executor, start);
    out = price;
}

}  // namespace

TEST_CASE("a callback resumes whoever waits, at once, later or from another thread") {
    CHECK(run([](Done done) { done(7); })->value() == 7);
    std::thread other;
    CHECK(run([&](Done done) { other = std::thread([done] { done(8); }); }, &other)->value() == 8);
    std::optional<Result<int>> failed = run([](Done done) { done(fail(AwaitErrc::unanswered)); });
    REQUIRE(failed);
    CHECK(failed->has_error());
}

TEST_CASE("H3: whoever waits for an operation that forgets its callback, or throws, has an answer") {
    const std::function<void(Done)> operations[] = {
        [](const Done&) {},
        [](const Done&) { throw std::runtime_error("no"); },
        [](Done done) { std::thread([done = std::move(done)] {}).join(); },
        [](Done done) {
            std::vector<Done> copies(3, done);
            copies.clear();
        },
    };
    for (const auto& operation : operations) {
        std::optional<Result<int>> out = run(operation);
        REQUIRE(out);
        REQUIRE(out->has_error());
        CHECK(is(out->error(), AwaitErrc::unanswered));
    }
    asio::io_context context;
    std::optional<Price> price;
    millrace::async::spawn(context.get_executor(), wait_for_price(context.get_executor(), price), "a test");
    context.run();
    REQUIRE(price);
    CHECK_FALSE(price->amount);
}

TEST_CASE("of two calls of a callback the first counts") {
    std::optional<Result<int>> out = run([](Done done) {
        done(1);
        done(2);
    });
    CHECK(out->value() == 1);
}

TEST_CASE("H3: who throws after the call has answered") {
    std::optional<Result<int>> out = run([](Done done) {
        done(3);
        throw std::runtime_error("too late");
    });
    CHECK(out->value() == 3);
}
