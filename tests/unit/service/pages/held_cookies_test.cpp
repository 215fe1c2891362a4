#include "service/pages/held_cookies.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace;
using pages::HeldCookie;
using State = HeldCookie::State;
using Names = std::vector<std::string>;

namespace {

HeldCookie held(std::string offer, State state, std::size_t size, int expires_at) {
    return {std::move(offer), size, state, std::chrono::sys_seconds(std::chrono::seconds(expires_at))};
}

}  // namespace

TEST_CASE("H13: what is not paid gives way to what is, the oldest first") {
    const std::vector<HeldCookie> some = {held("bought-old", State::bought, 400, 1),
                                          held("open-old", State::open, 900, 20),
                                          held("open-new", State::open, 900, 30)};
    CHECK(pages::give_way(some, "next", 900).empty());
    CHECK(pages::give_way(some, "next", 4000) == Names{"open-old"});
    CHECK(pages::give_way(some, "next", 4900) == Names{"open-old", "open-new"});
    CHECK(pages::give_way(some, "next", 6000) == Names{"open-old", "open-new", "bought-old"});
    CHECK(pages::give_way({}, "next", 9000).empty());
}

TEST_CASE("H13: what is over goes whether or not there is room") {
    CHECK(pages::give_way({held("a", State::over, 100, 1), held("b", State::open, 100, 2)}, "c", 100) == Names{"a"});
}

TEST_CASE("H13: a cookie replaces its namesake, which does not count") {
    const std::vector<HeldCookie> same = {held("a", State::open, 3000, 1), held("a", State::over, 3000, 1),
                                          held("b", State::open, 2000, 2)};
    CHECK(pages::give_way(same, "a", 3000).empty());
}

TEST_CASE("H13: a browser that looks at one thing after the other holds no more than the bound") {
    std::vector<HeldCookie> jar{held("bought", State::bought, 400, 0)};
    for (int i = 1; i <= 100; ++i) {
        const std::string name = "thing" + std::to_string(i);
        for (const std::string& gone : pages::give_way(jar, name, 900))
            std::erase_if(jar, [&](const HeldCookie& one) { return one.offer == gone; });
        jar.push_back(held(name, State::open, 900, i));
        std::size_t sum = 0;
        for (const HeldCookie& one : jar) sum += one.size;
        CHECK(sum <= pages::most_held);
        CHECK(jar.front().offer == "bought");
        CHECK(jar.back().offer == name);
    }
    // And one that comes with hundreds loses some with each answer.
    std::vector<HeldCookie> full;
    for (int i = 0; i < 60; ++i) full.push_back(held(std::to_string(i), State::open, 900, i));
    CHECK(pages::give_way(full, "x", 900).size() == pages::most_dropped);
}
