// Awaits an operation that takes a callback and calls it from any thread, once.
//
//   auto start = [&](auto done) { gateway.issue(request, done); };
//   auto challenge = co_await await_callback<Result<IssuedChallenge>>(executor, start);     // resumes on `executor`
//
// An operation that throws, or lets go of its callback without a call, has answered too: with an error where T is a
// Result, else with a T of nothing. Nobody waits in vain.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <memory>
#include <optional>

#include "common/result/error.hpp"
#include "service/async/spawn.hpp"
#include "service/http/asio.hpp"

namespace millrace::http {

enum class AwaitErrc {
    unanswered = 1,  // whoever was to answer gave up without a word
};

// What whoever waits gets where nobody called back.
template <class T>
struct Unanswered {
    static T value() { return T{}; }
};

// A callback and its copies: the first call counts; the end of the last copy does where there was none.
template <class T, class Handler>
class Callback {
  public:
    Callback(Executor executor, Handler handler)
        : state_(std::make_shared<State>(std::move(executor), std::move(handler))) {}

    void operator()(T value) const { state_->settle(std::move(value)); }

  private:
    struct State {
        State(Executor where, Handler what) : executor(std::move(where)), handler(std::move(what)) {}
        State(const State&) = delete;
        State& operator=(const State&) = delete;
        ~State() {
            if (handler) settle(Unanswered<T>::value());
        }

        void settle(T value) {
            if (!handler) return;
            auto shared = std::make_shared<Handler>(std::move(*handler));
            handler.reset();
            boost::asio::post(executor,
                              [shared, value = std::move(value)]() mutable { (*shared)(std::move(value)); });
        }

        Executor executor;
        std::optional<Handler> handler;  // empty: called
    };
    std::shared_ptr<State> state_;
};

template <class T, class Start>
Awaitable<T> await_callback(Executor executor, Start start) {
    auto initiate = [executor, start](auto handler) {
        Callback<T, decltype(handler)> done(executor, std::move(handler));
        try {
            start(done);
        } catch (...) {
            async::log_exception("an operation", std::current_exception());
        }
    };
    auto [value] = co_await asio::async_initiate<const async::UseResult, void(T)>(std::move(initiate), use_result);
    co_return std::move(value);
}

}  // namespace millrace::http

namespace millrace {

template <>
struct ErrcText<http::AwaitErrc> {
    static constexpr const char* domain = "millrace.await";
    static const char* text(http::AwaitErrc) { return "the operation ended without an answer"; }
};

namespace http {

template <class T>
struct Unanswered<Result<T>> {
    static Result<T> value() { return fail(AwaitErrc::unanswered); }
};

}  // namespace http
}  // namespace millrace
