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

// `name` outlives the coroutine: a literal.
template <class AnyExecutor, class Work>
void spawn(const AnyExecutor& executor, Work work, std::string_view name) {
    boost::asio::co_spawn(executor, std::move(work),
                   [name](const std::exception_ptr& thrown) { log_exception(name, thrown); });
}

// Runs an event loop until it is stopped or has nothing left to do. An exception that leaves a handler is logged.
void run_event_loop(boost::asio::io_context& context, std::string_view name);

}  // namespace millrace::async
