#include "service/front/pipeline.hpp"

#include <array>

#include "service/front/session.hpp"

namespace millrace::front {

std::span<const PipelineStep> Session::steps() {
    using Of = PipelineStep::Of;
    using S = Session;
    // clang-format off
    static constexpr std::array list = {
        PipelineStep{"head", Of::both, &S::read_request, {}, {}, {},
            "what cannot be read is nobody's request, and nobody knows what follows it"},
        PipelineStep{"question", Of::both, &S::take_question, {}, {}, {},
            "from here on the request that a front proxy asks about stands in the place of the question"},
        PipelineStep{"method", Of::both, &S::check_method, {}, {}, {},
            "CONNECT and TRACE have targets and meanings of their own"},
        PipelineStep{"target", Of::both, &S::read_target, {}, {}, {},
            "one spelling of path and host, before anything is compared with them"},
        PipelineStep{"client", Of::both, &S::find_client, {}, {}, {},
            "who is blocked learns nothing of what is served here"},
        PipelineStep{"own endpoints", Of::both, &S::find_own_endpoint, {}, {}, {},
            "reserved paths are not a service's, whatever its path covers"},
        PipelineStep{"own endpoint", Of::both, {}, &S::serves_own_endpoint, {}, &S::serve_own_endpoint,
            "what is no service's is neither routed nor sold"},
        PipelineStep{"service", Of::both, &S::find_service, {}, {}, {},
            "all that follows depends on whose request it is"},
        PipelineStep{"origin", Of::both, &S::check_origin, {}, {}, {},
            "a pre-flight is answered before it could cost anything, and every later refusal can be read by the page"},
        PipelineStep{"size", Of::both, &S::check_size, {}, {}, {},
            "nobody pays for what is too large to be sent"},
        PipelineStep{"price", Of::both, &S::find_price, {}, {}, {},
            "what the fields that decide the price say must hold before a credential is looked at"},
        PipelineStep{"OPTIONS", Of::requests, {}, &S::answers_options, {}, &S::send_options,
            "what a client may send is told for nothing"},
        PipelineStep{"OPTIONS of a question", Of::questions, {}, &S::answers_options, {}, &S::answer_options_asked,
            "a 2xx of ours would let the request through: the front proxy's client is told to pay, or what it may send"},
        PipelineStep{"countable", Of::questions, &S::check_countable, {}, {}, {},
            "what is counted by an answer that we do not see is sold to nobody"},
        PipelineStep{"gift", Of::both, {}, &S::may_be_gift, &S::look_for_gift, {},
            "what costs nothing is free, whatever the request brings, so that no credential is used up"},
        PipelineStep{"credential", Of::both, {}, &S::is_unknown, &S::admit, {},
            "the one place where a request is let in; what it will use is set aside, charges are on disk"},
        PipelineStep{"reply", Of::requests, {}, &S::has_reply, {}, &S::send_reply,
            "a top-up or the end of a session is answered, and is no use of the service"},
        PipelineStep{"limits", Of::both, &S::check_limits, {}, {}, {},
            "only those who were let in take from the rates; a charge has, before it was used up"},
        PipelineStep{"here", Of::both, &S::check_here, {}, {}, {},
            "a service behind a front proxy alone, and the second step of nginx, refuse with all that belongs to it"},
        PipelineStep{"recordable", Of::both, &S::check_recordable, {}, {}, {},
            "before the upstream acts: what it does is charged, and what cannot be recorded cannot be"},
        PipelineStep{"commit", Of::questions, {}, &S::has_set_aside, &S::commit_admitted, {},
            "nobody tells what becomes of a question's request: it is charged when it is let through"},
        PipelineStep{"pass", Of::questions, {}, {}, {}, &S::let_front_pass,
            "the front proxy forwards it"},
        PipelineStep{"upstream", Of::requests, {}, {}, {}, &S::serve_upstream,
            "what is charged is what the upstream was asked to do, by what came back"},
    };
    // clang-format on
    return list;
}

std::span<const PipelineStep> pipeline() {
    return Session::steps();
}

http::Awaitable<bool> Session::run_pipeline() {
    using Of = PipelineStep::Of;
    for (const PipelineStep& step : steps()) {
        if (step.of != Of::both && (step.of == Of::questions) != request_->front_question.has_value()) continue;
        if (step.check) {
            std::optional<http::Problem> problem = (this->*step.check)();
            if (problem) co_return co_await refuse(std::move(*problem));
            continue;
        }
        if (step.wanted && !(this->*step.wanted)()) continue;
        if (step.end) co_return co_await (this->*step.end)();
        std::optional<http::Problem> problem = co_await (this->*step.ask)();
        if (problem) co_return co_await refuse(std::move(*problem));
    }
    co_return false;
}

// All that the request was let in by is as it was before.
http::Awaitable<bool> Session::refuse(http::Problem problem) {
    if (request_->understood && !request_->found && !request_->own) cross_origin_of_host();
    give_work_back();
    request_->use.reset();
    request_->free_use.reset();
    request_->visit.reset();
    const bool demanded = problem.status == 402 && !request_->denies_silently();
    co_return co_await answer(std::move(problem), demanded ? Outcome::challenge : Outcome::rejected);
}

}  // namespace millrace::front
