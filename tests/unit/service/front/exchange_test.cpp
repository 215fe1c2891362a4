#include "service/front/exchange.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace::front;

TEST_CASE("As many exchanges are kept as were in use, until nobody needs them") {
    ExchangePool pool;
    auto use = [&pool](std::size_t at_once) {
        std::vector<std::unique_ptr<Exchange>> used;
        for (std::size_t i = 0; i < at_once; ++i) used.push_back(pool.take());
        for (auto& one : used) pool.give_back(std::move(one));
    };
    use(500);
    CHECK(pool.spare() == 500);
    pool.trim();
    CHECK(pool.spare() == 500);  // they were needed a moment ago
    use(200);
    pool.trim();
    CHECK(pool.spare() == 200 + ExchangePool::always_spare);
    pool.trim();
    pool.trim();
    CHECK(pool.spare() == ExchangePool::always_spare);
}

TEST_CASE("An exchange that was taken again has nothing of before") {
    ExchangePool pool;
    auto one = pool.take();
    one->to_client = "x";
    one->to_upstream = std::string(Exchange::stream_read_size + 1, 'x');
    pool.give_back(std::move(one));
    auto again = pool.take();
    CHECK((again->to_client.empty() && again->to_upstream.empty()));
    CHECK(again->to_upstream.capacity() <= Exchange::stream_read_size);
}
