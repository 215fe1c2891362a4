#include "service/paywall/steady_wall.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace::paywall;
using namespace std::chrono_literals;

namespace {

using Change = SteadyWall::Change;

const SteadyWall::System noon{std::chrono::seconds(1'800'000'000)};
const SteadyWall::Steady start{1000s};

struct Clocks {
    SteadyWall wall{noon, start};
    std::chrono::seconds passed{0};
    std::chrono::seconds ahead{0};

    Change look() { return wall.look(noon + passed + ahead, start + passed); }
    Change after(std::chrono::seconds time) {
        passed += time;
        return look();
    }
    [[nodiscard]] SteadyWall::System now() const { return wall.now(start + passed); }
    [[nodiscard]] std::chrono::sys_seconds dated(std::chrono::sys_seconds told) const {
        return wall.dated(told, noon + passed + ahead);
    }
};

}  // namespace

TEST_CASE("a clock that is set by a little is followed") {
    Clocks clocks;
    for (auto step : {1s, -3s, 59s, -60s}) {
        clocks.ahead += step;
        CHECK(clocks.after(1s) == Change::none);
        CHECK(clocks.now() == noon + clocks.passed + clocks.ahead);
        CHECK(clocks.wall.ahead() == 0s);
    }
}

TEST_CASE("a jump is not followed, either way, and is over when the clock comes back") {
    for (std::chrono::seconds jump : {24h, -24h}) {
        Clocks clocks;
        clocks.ahead = jump;
        CHECK(clocks.after(1s) == Change::jumped);
        CHECK(clocks.wall.ahead() == jump);
        for (int i = 0; i < 300; ++i) CHECK(clocks.after(1s) == Change::none);
        CHECK(clocks.now() == noon + clocks.passed);
        clocks.ahead = 2s;
        CHECK(clocks.after(1s) == Change::came_back);
        CHECK(clocks.now() == noon + clocks.passed + 2s);
        CHECK(clocks.after(1s) == Change::none);
        CHECK(clocks.wall.ahead() == 0s);
    }
}

TEST_CASE("a jump that holds is believed, and another one begins anew") {
    Clocks clocks;
    clocks.ahead = 24h;
    CHECK(clocks.after(1s) == Change::jumped);
    CHECK(clocks.after(599s) == Change::none);
    clocks.ahead = 48h;
    CHECK(clocks.after(1s) == Change::jumped);
    CHECK(clocks.after(599s) == Change::none);
    CHECK(clocks.now() == noon + clocks.passed);
    CHECK(clocks.after(1s) == Change::believed);
    CHECK(clocks.now() == noon + clocks.passed + 48h);
    CHECK(clocks.after(1s) == Change::none);
}

TEST_CASE("what happened since the jump is dated back, and nothing else") {
    for (std::chrono::seconds jump : {24h, -24h}) {
        Clocks clocks;
        auto at = [&](std::chrono::seconds passed) { return std::chrono::floor<std::chrono::seconds>(noon + passed); };
        CHECK(clocks.dated(at(5s)) == at(5s));
        clocks.after(1s);
        clocks.ahead = jump;
        clocks.after(1s);
        clocks.after(100s);
        CHECK(clocks.dated(at(50s) + jump) == at(50s));
        CHECK(clocks.dated(at(102s) + jump) == at(102s));
        CHECK(clocks.dated(at(0s)) == at(0s));
        CHECK(clocks.dated(at(-1000h)) == at(-1000h));
        clocks.ahead = 0s;
        clocks.after(1s);
        CHECK(clocks.dated(at(50s) + jump) == at(50s) + jump);
    }
}
