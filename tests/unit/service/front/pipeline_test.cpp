#include "service/front/pipeline.hpp"

#include <algorithm>
#include <set>

#include "tests/unit/catch.hpp"

using namespace millrace;
using front::PipelineStep;

namespace {

std::ptrdiff_t place(std::string_view name) {
    const auto steps = front::pipeline();
    const auto found = std::find_if(steps.begin(), steps.end(), [&](const auto& step) { return step.name == name; });
    INFO(name);
    REQUIRE(found != steps.end());
    return found - steps.begin();
}

}  // namespace

TEST_CASE("Each step of the pipeline has a name of its own, a reason, and one thing to do") {
    std::set<std::string_view> names;
    for (const PipelineStep& step : front::pipeline()) {
        CAPTURE(step.name);
        CHECK(names.insert(step.name).second);
        CHECK(step.why.size() > 15);
        CHECK((step.check != nullptr) + (step.ask != nullptr) + (step.end != nullptr) == 1);
        CHECK_FALSE((step.check && step.wanted));
    }
}

TEST_CASE("Requests and questions run the same steps to the credential, and both come to an end") {
    using Of = PipelineStep::Of;
    std::vector<std::string_view> requests;
    std::vector<std::string_view> questions;
    for (const PipelineStep& step : front::pipeline()) {
        if (step.of != Of::questions) requests.push_back(step.name);
        if (step.of != Of::requests) questions.push_back(step.name);
    }
    CHECK(requests.back() == "upstream");
    CHECK(questions.back() == "pass");
    for (std::string_view last : {"upstream", "pass"}) {
        const PipelineStep& end = front::pipeline()[static_cast<std::size_t>(place(last))];
        CHECK(end.end);
        CHECK_FALSE(end.wanted);
    }
}

TEST_CASE("The order in which a request is judged") {
    const char* const order[] = {"head",    "question", "method",     "target",  "client", "own endpoints",
                                 "service", "origin",   "price",      "OPTIONS", "gift",   "credential",
                                 "limits",  "here",     "recordable", "commit",  "pass",   "upstream"};
    for (std::size_t i = 1; i < std::size(order); ++i) CHECK(place(order[i - 1]) < place(order[i]));
}
