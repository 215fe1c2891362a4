// Awaits an operation that takes a callback and calls it from any thread, once.
//
//   auto start = [&](auto done) { gateway.issue(request, done); };
//   auto challenge = co_await await_callback<Result<IssuedChallenge>>(executor, start);     // resumes on `executor`
//
// An operation that throws, or lets go of its callback without a call, has answered too: with an error where T is a
// Result, else with a T of nothing. Nobody waits in vain.
#pragma once

#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "common/result/error.hpp"
#include "service/async/deliveries.hpp"
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
template <class T>
class Callback {
  public:
    // Who waits for it.
    class Waiting : public async::Deliveries::Delivery {
      public:
        void arrive() final { caller_->resume(); }
        void lose() final { caller_->destroy_chain(); }

      protected:
        explicit Waiting(async::Deliveries& deliveries) : deliveries_(deliveries) {}
        ~Waiting() = default;

        async::Caller* caller_ = nullptr;
        std::optional<T> value_;

      private:
        friend class Callback;
        async::Deliveries& deliveries_;
    };

    explicit Callback(Waiting& waiting) : state_(std::make_shared<State>(waiting)) {}

    void operator()(T value) const { state_->settle(std::move(value)); }

  private:
    struct State {
        explicit State(Waiting& who) : waiting(&who) {}
        State(const State&) = delete;
        State& operator=(const State&) = delete;
        ~State() {
            if (waiting) settle(Unanswered<T>::value());
        }

        void settle(T value) {
            Waiting* told = std::exchange(waiting, nullptr);
            if (!told) return;
            told->value_.emplace(std::move(value));
            told->deliveries_.deliver(*told);
        }

        Waiting* waiting;  // null: called
    };
    std::shared_ptr<State> state_;
};

template <class T, class Start>
class [[nodiscard]] CallbackWait final : public Callback<T>::Waiting {
  public:
    CallbackWait(Executor executor, Start start)
        : Callback<T>::Waiting(asio::use_service<async::Deliveries>(executor.context())), start_(std::move(start)) {}
    CallbackWait(const CallbackWait&) = delete;
    CallbackWait& operator=(const CallbackWait&) = delete;

    static bool await_ready() noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        this->caller_ = &caller.promise();
        // What it resumes does so from the event loop: not before this has returned.
        Callback<T> done(*this);
        try {
            start_(done);
        } catch (...) {
            async::log_exception("an operation", std::current_exception());
        }
    }
    T await_resume() { return std::move(*this->value_); }

  private:
    Start start_;
};

// To be awaited on the thread of `executor`, at once.
template <class T, class Start>
CallbackWait<T, Start> await_callback(Executor executor, Start start) {
    return {executor, std::move(start)};
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
