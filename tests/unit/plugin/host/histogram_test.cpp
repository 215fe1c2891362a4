#include "plugin/host/histogram.hpp"

#include <algorithm>
#include <vector>

#include "tests/unit/catch.hpp"
#include "tests/unit/common/random.hpp"

namespace millrace::host {
namespace {

using std::chrono::nanoseconds;

TEST_CASE("an empty histogram says zero") {
    const Histogram histogram;
    CHECK(histogram.count() == 0);
    CHECK(histogram.quantile(0.99) == nanoseconds(0));
    CHECK(histogram.max() == nanoseconds(0));
}

TEST_CASE("one sample is every quantile") {
    for (const std::int64_t sample :
         {std::int64_t{0}, std::int64_t{1}, std::int64_t{15}, std::int64_t{16}, std::int64_t{17}, std::int64_t{31},
          std::int64_t{32}, std::int64_t{1000}, std::int64_t{123456789}, INT64_MAX}) {
        Histogram histogram;
        histogram.record(nanoseconds(sample));
        CHECK(histogram.quantile(0) == nanoseconds(sample));
        CHECK(histogram.quantile(0.5) == nanoseconds(sample));
        CHECK(histogram.quantile(1) == nanoseconds(sample));
        CHECK(histogram.max() == nanoseconds(sample));
    }
}

TEST_CASE("a time that went backwards counts as none") {
    Histogram histogram;
    histogram.record(nanoseconds(-5));
    CHECK(histogram.count() == 1);
    CHECK(histogram.quantile(1) == nanoseconds(0));
}

TEST_CASE("quantiles are at most a sixteenth above the truth and never below") {
    test::Random random(99);
    Histogram histogram;
    std::vector<std::int64_t> samples;
    for (int i = 0; i < 20'000; ++i) {
        samples.push_back(static_cast<std::int64_t>(random.any_magnitude() >> 24U));
        histogram.record(nanoseconds(samples.back()));
    }
    std::sort(samples.begin(), samples.end());
    CHECK(histogram.count() == samples.size());
    CHECK(histogram.max().count() == samples.back());
    for (const double share : {0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
        const auto truth = samples[static_cast<std::size_t>(share * 20'000) - 1];
        const auto said = histogram.quantile(share).count();
        INFO(share);
        CHECK(said >= truth);
        CHECK(said <= truth + truth / 16 + 1);
    }
}

}  // namespace
}  // namespace millrace::host
