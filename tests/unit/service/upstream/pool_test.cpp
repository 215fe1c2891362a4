#include "service/upstream/pool.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::upstream;
using namespace std::chrono_literals;

namespace {

const std::chrono::steady_clock::time_point start{1000s};

struct World {
    http::asio::io_context context;
    metrics::ThreadShard counts;
    Target target{};
    UpstreamPool pool{target};

    std::unique_ptr<UpstreamConnection> connection(std::optional<std::chrono::seconds> server_timeout = {}) {
        auto made = std::make_unique<UpstreamConnection>(context.get_executor(), counts);
        made->set_server_timeout(server_timeout);
        return made;
    }
};

}  // namespace

TEST_CASE("a pool keeps as many idle connections as there are clients, and a number for few") {
    World world;
    for (std::size_t i = 0; i < 600; ++i) world.pool.give_back(world.connection(), start, 500);
    CHECK(world.pool.size() == 500);
    World few;
    for (std::size_t i = 0; i < 600; ++i) few.pool.give_back(few.connection(), start, 1);
    CHECK(few.pool.size() == UpstreamPool::max_idle);
}

TEST_CASE("a connection is not kept for longer than its server keeps it") {
    struct {
        std::optional<std::chrono::seconds> told;
        std::chrono::seconds last_kept;  // below 0: never
    } const cases[] = {{std::nullopt, 54s}, {5s, 3s}, {2s, 0s}, {1s, -1s}, {0s, -1s}, {3600s, 54s}};
    for (const auto& one : cases) {
        CAPTURE(one.told ? one.told->count() : -1);
        World world;
        world.pool.give_back(world.connection(one.told), start);
        CHECK(world.pool.size() == (one.last_kept < 0s ? 0 : 1));
        world.pool.drop_older(start + one.last_kept);
        CHECK(world.pool.size() == (one.last_kept < 0s ? 0 : 1));
        world.pool.drop_older(start + one.last_kept + 1s);
        CHECK(world.pool.size() == 0);
    }
}

TEST_CASE("the youngest connection is taken first") {
    World world;
    auto old = world.connection();
    auto young = world.connection();
    const UpstreamConnection* expected = young.get();
    world.pool.give_back(std::move(old), start);
    world.pool.give_back(std::move(young), start + 1s);
    CHECK(world.pool.take().get() == expected);
    CHECK(world.pool.take() != nullptr);
    CHECK(world.pool.take() == nullptr);
}
