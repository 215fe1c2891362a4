// Starts a coroutine that nobody waits for. An exception that ends it is logged: it must not end in silence, nor take
// the thread with it.
//
//   spawn(executor, keep_looking(...), "the watchdog");
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <string_view>

namespace millrace::async {

// Logs what an exception says; nothing where there is none.
void log_exception(std::string_view whose, const std::exception_ptr& thrown);

// `name` outlives the coroutine: a literal. `ended` is called when it has ended, in whichever way.
template <class AnyExecutor, class Work, class Ended>
void spawn(const AnyExecutor& executor, Work work, std::string_view name, Ended ended) {
    boost::asio::co_spawn(executor, std::move(work),
                          [name, ended = std::move(ended)](const std::exception_ptr& thrown) mutable {
                              log_exception(name, thrown);
                              ended();
                          });
}

template <class AnyExecutor, class Work>
void spawn(const AnyExecutor& executor, Work work, std::string_view name) {
    spawn(executor, std::move(work), name, [] {});
}

// Runs an event loop until it is stopped or has nothing left to do. An exception that leaves a handler is logged.
void run_event_loop(boost::asio::io_context& context, std::string_view name);

}  // namespace millrace::async
