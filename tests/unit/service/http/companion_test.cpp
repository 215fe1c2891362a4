#include "service/http/companion.hpp"

#include <stdexcept>

#include "service/async/spawn.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace::http;
using namespace std::chrono_literals;

namespace {

enum class End { returns, throws, throws_at_once };

Awaitable<> work(Executor executor, End end) {
    if (end == End::throws_at_once) throw std::runtime_error("at once");
    Timer timer(executor);
    timer.expires_after(1ms);
    co_await timer.async_wait(use_result);
    if (end == End::throws) throw std::runtime_error("later");
}

Awaitable<> start_and_wait(Executor executor, End end, bool& waited) {
    Companion companion(executor);
    CHECK_FALSE(companion.running());
    companion.start(work(executor, end));
    co_await companion.ended();
    CHECK_FALSE(companion.running());
    co_await companion.ended();
    waited = true;
}

}  // namespace

TEST_CASE("H3: a companion has ended however it ends") {
    for (End end : {End::returns, End::throws, End::throws_at_once}) {
        asio::io_context context;
        bool waited = false;
        millrace::async::spawn(context.get_executor(), start_and_wait(context.get_executor(), end, waited), "a test");
        context.run();
        CHECK(waited);
    }
}

TEST_CASE("a companion that was never started has ended") {
    asio::io_context context;
    Companion companion(context.get_executor());
    bool ended = false;
    millrace::async::spawn(context.get_executor(), companion.ended(), "a test", [&] { ended = true; });
    context.run();
    CHECK(ended);
}
