// Starts a coroutine that nobody waits for. An exception that ends it is logged: it must not end in silence, nor take
// the thread with it.
//
//   spawn(executor, keep_looking(...), "the watchdog");
#pragma once

#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <coroutine>
#include <exception>
#include <string_view>
#include <utility>

#include "service/async/task.hpp"

namespace millrace::async {

// Logs what an exception says; nothing where there is none.
void log_exception(std::string_view whose, const std::exception_ptr& thrown);

// The spawned one, which nobody awaits.
class Root {
  public:
    class promise_type : public Caller {
      public:
        promise_type() : Caller(std::coroutine_handle<promise_type>::from_promise(*this)) {}
        static Root get_return_object() noexcept { return {}; }
        static std::suspend_never initial_suspend() noexcept { return {}; }
        static std::suspend_never final_suspend() noexcept { return {}; }
        static void return_void() noexcept {}
        static void unhandled_exception() noexcept { log_exception("a coroutine's end", std::current_exception()); }
    };
};

// `guard`: the event loop goes on until it has ended.
template <class Guard, class Ended>
Root run_root(Task<> work, Guard guard, Ended ended) {
    std::exception_ptr thrown;
    {
        Task<> running(std::move(work));
        try {
            co_await running;
        } catch (...) {
            thrown = std::current_exception();
        }
    }
    // All that it had is gone.
    ended(thrown);
    (void)guard;
}

// `ended` is called with what ended it when it has, in whichever way.
template <class AnyExecutor, class Ended>
void start(const AnyExecutor& executor, Task<> work, Ended ended) {
    boost::asio::executor_work_guard<AnyExecutor> guard(executor);
    boost::asio::dispatch(executor,
                          [work = std::move(work), guard = std::move(guard), ended = std::move(ended)]() mutable {
                              run_root(std::move(work), std::move(guard), std::move(ended));
                          });
}

// `name` outlives the coroutine: a literal.
template <class AnyExecutor, class Ended>
void spawn(const AnyExecutor& executor, Task<> work, std::string_view name, Ended ended) {
    start(executor, std::move(work), [name, ended = std::move(ended)](const std::exception_ptr& thrown) mutable {
        log_exception(name, thrown);
        ended();
    });
}

template <class AnyExecutor>
void spawn(const AnyExecutor& executor, Task<> work, std::string_view name) {
    spawn(executor, std::move(work), name, [] {});
}

// Runs an event loop until it is stopped or has nothing left to do. An exception that leaves a handler is logged.
void run_event_loop(boost::asio::io_context& context, std::string_view name);

}  // namespace millrace::async
