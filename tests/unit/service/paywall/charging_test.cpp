#include "service/paywall/charging.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace::paywall;

TEST_CASE("M7: whether a request is charged follows from what became of it") {
    struct {
        Came came;
        unsigned status;
        bool nothing_sent, part_sent, all_sent;
    } const table[] = {
        {Came::head, 101, true, true, true},        {Came::head, 200, true, true, true},
        {Came::head, 204, true, true, true},        {Came::head, 304, true, true, true},
        {Came::head, 404, true, true, true},        {Came::head, 499, true, true, true},
        {Came::head, 500, false, false, false},     {Came::head, 503, false, false, false},
        {Came::head, 599, false, false, false},     {Came::nothing, 0, false, false, false},
        {Came::client_left, 0, false, false, true}, {Came::client_erred, 0, false, false, false},
    };
    for (const auto& row : table) {
        INFO(static_cast<int>(row.came) << " with status " << row.status);
        CHECK(is_charged({Sent::nothing, row.came, row.status}) == row.nothing_sent);
        CHECK(is_charged({Sent::part, row.came, row.status}) == row.part_sent);
        CHECK(is_charged({Sent::whole, row.came, row.status}) == row.all_sent);
    }
}

TEST_CASE("M8: what was set aside for a body is given back, but to who left before any of it was sent") {
    struct {
        bool safe, left;
        std::uint64_t sent;
        bool given_back;
    } const table[] = {
        {true, false, 0, true},  {true, true, 0, true},   {true, true, 5, true},  {false, false, 0, true},
        {false, false, 5, true}, {false, true, 0, false}, {false, true, 5, true},
    };
    for (const auto& row : table) {
        INFO(row.safe << row.left << row.sent);
        CHECK(gives_back({row.safe, row.left, row.sent}) == row.given_back);
    }
}
