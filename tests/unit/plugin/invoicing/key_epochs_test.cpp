#include "plugin/invoicing/key_epochs.hpp"

#include "tests/unit/catch.hpp"

namespace millrace::invoicing {
namespace {

const std::chrono::sys_seconds now{std::chrono::seconds(1795172759)};

TEST_CASE("there is one epoch before anything happens") {
    const KeyEpochs epochs;
    CHECK(epochs.current() == 1);
    CHECK(epochs.usable(1));
    CHECK_FALSE(epochs.usable(0));
    CHECK_FALSE(epochs.usable(2));
    CHECK(epochs.text() == R"({"version":1,"epochs":[{"epoch":1}]})");
}

TEST_CASE("a rotation adds an epoch, a retirement takes the use of one") {
    const KeyEpochs rotated = KeyEpochs().rotated(now).value();
    CHECK(rotated.current() == 2);
    CHECK(rotated.usable(1));
    const KeyEpochs retired = rotated.retired(1, now + std::chrono::seconds(9)).value();
    CHECK_FALSE(retired.usable(1));
    CHECK(retired.usable(2));
    CHECK(retired.text() ==
          R"({"version":1,"epochs":[{"epoch":1,"retired_at":1795172768},{"epoch":2,"created_at":1795172759}]})");
    CHECK(KeyEpochs::parse(retired.text()).value() == retired);
}

TEST_CASE("what cannot be retired says why") {
    const KeyEpochs epochs = KeyEpochs().rotated(now).value().retired(1, now).value();
    CHECK(is(epochs.retired(1, now).error(), EpochErrc::retired_epoch));
    CHECK(is(epochs.retired(2, now).error(), EpochErrc::current_epoch));
    CHECK(is(epochs.retired(3, now).error(), EpochErrc::unknown_epoch));
    CHECK(is(epochs.retired(0, now).error(), EpochErrc::unknown_epoch));
}

TEST_CASE("epochs end where their number does") {
    KeyEpochs epochs;
    while (epochs.current() < 4095) epochs = epochs.rotated(now).value();
    CHECK(is(epochs.rotated(now).error(), EpochErrc::exhausted));
    CHECK(KeyEpochs::parse(epochs.text()).value().current() == 4095);
}

TEST_CASE("a table that is damaged or newer is not used") {
    for (const char* text :
         {"", "{}", "[]", R"({"version":1,"epochs":[]})", R"({"version":2,"epochs":[{"epoch":1}]})",
          R"({"version":1,"epochs":[{"epoch":2}]})", R"({"version":1,"epochs":[{"epoch":1},{"epoch":1}]})",
          R"({"version":1,"epochs":[{"epoch":1,"retired_at":5}]})", R"({"version":1,"epochs":[{"epoch":"1"}]})",
          R"({"version":1,"epochs":[{"epoch":1,"created_at":"now"}]})"}) {
        INFO(text);
        const auto parsed = KeyEpochs::parse(text);
        REQUIRE_FALSE(parsed);
        CHECK(is(parsed.error(), EpochErrc::unreadable));
    }
}

}  // namespace
}  // namespace millrace::invoicing
