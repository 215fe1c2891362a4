// The life of a request, step by step, from its head to its answer: one list for requests that come themselves and for
// those that a front proxy asks about. Each step has a reason to stand where it does. What decides is in service/admit,
// without I/O; a step waits for others (a price, the store, the node) or answers the request where it says so.
//
//   check   a problem is the answer, and nothing after it runs
//   wanted  whether the step is needed; where it is, one of
//     ask     waits; a problem is the answer
//     end     answers the request; false: the connection ends
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "service/http/asio.hpp"
#include "service/http/problem.hpp"

namespace millrace::front {

class Session;

struct PipelineStep {
    enum class Of { both, requests, questions };

    std::string_view name;
    Of of = Of::both;
    std::optional<http::Problem> (Session::*check)() = nullptr;
    bool (Session::*wanted)() = nullptr;
    http::Awaitable<std::optional<http::Problem>> (Session::*ask)() = nullptr;
    http::Awaitable<bool> (Session::*end)() = nullptr;
    std::string_view why;  // it stands here
};

[[nodiscard]] std::span<const PipelineStep> pipeline();

}  // namespace millrace::front
